//! Cinder's own backups: their records are made before them, so that Cinder can be given the record's id. There is no
//! Cinder here; a stand-in does what freezer-agent 19.0.0 does around it, by its source.

use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{Daemon, known_outcomes, outcomes};
use crate::eventually::eventually;
use crate::node::Node;
use crate::services::{Stack, shared_stack, stack};
use crate::user::User;

const RUN: Duration = Duration::from_secs(90);

/// Reads its INI as freezer.utils.config does; prints what freezer.job's `get_metadata` makes of a cindernative backup,
/// or what `AdminJob` returns. Fails where the name says so.
const STAND_IN: &str = r#"
import configparser, json, socket, sys, time
parser = configparser.ConfigParser()
parser.read([sys.argv[sys.argv.index("--config") + 1]])
conf = {option: parser.get("action", option) for option in parser.options("action")}
if "fail" in conf["backup_name"]:
    sys.exit("Cinder says no")
if conf["action"] == "admin":
    print(json.dumps({"deleted_freezer_backup_ids": conf["backup_name"].split(",")}), end="")
    sys.exit()
metadata = {name: conf.get(name, "") or "" for name in (
    "action", "always_level", "backup_media", "mode", "container", "cindernative_vol_id", "engine_name")}
metadata.update(
    backup_media="cindernative", hostname=socket.gethostname(), time_stamp=int(time.time()), curr_backup_level=0,
    container=conf.get("container", "native"), backup_name=conf["backup_name"])
if conf.get("backup_id"):
    metadata["backup_id"] = conf["backup_id"]
metadata.update(cinder_backup_id="cinder-" + metadata.get("backup_id", "none"), status="available")
print(json.dumps(metadata), end="")
"#;

fn native(name: &str) -> Value {
    json!({"action": "backup", "mode": "cindernative", "backup_name": name,
        "cindernative_vol_id": "11111111-2222-3333-4444-555555555555"})
}

fn node(stack: &Stack, name: &str) -> Node {
    let node = Node::new(stack, name);
    node.replace_agent(stack.value("STACK_PYTHON"), STAND_IN);
    node
}

/// Without a schedule: as soon as the daemon sees it.
fn at_once() -> Value {
    json!({})
}

/// The record of the plan's backup, once it has this status: its id.
fn await_record(user: &User<'_>, job: &str, status: &str) -> String {
    eventually(RUN, &format!("its record is {status}"), || {
        let listed = user.backups(job);
        match listed.as_slice() {
            [[id, _, now]] if now == status => Ok(id.clone()),
            _ => Err(format!("{listed:?}")),
        }
    })
}

fn await_agent(node: &Node) {
    eventually(RUN, "its agent is started", || {
        let runs = node.agent_runs();
        if runs.is_empty() {
            Err("not yet".to_owned())
        } else {
            Ok(())
        }
    });
}

#[test]
fn its_record_is_there_before_the_backup_and_survives_the_daemon() {
    let stack = shared_stack();
    let node = node(&stack, "native");
    let user = User::of(&stack, &node);
    user.register_client();
    node.close_gate();
    let daemon = Daemon::start(&stack, &node);
    let job = user.create_plan_of(&at_once(), &native("volume"));
    let id = await_record(&user, &job, "creating");
    await_agent(&node);
    daemon.kill();
    let _daemon = Daemon::start(&stack, &node);
    node.open_gate();
    assert_eq!(await_record(&user, &job, "available"), id);
    let shown = user.backup(&id);
    for part in [
        format!("'cinder_backup_id': 'cinder-{id}'"),
        format!("'job_id': '{job}'"),
    ] {
        assert!(shown.contains(&part), "{part} is not in {shown}");
    }
    assert_eq!(stack.backups_made(&job).len(), 1);
    assert_eq!(outcomes(&stack, &node, &job), [json!("success")]);

    // Cinder's rotation deletes backups, and with them go their records.
    let mut admin = native(&id);
    admin["action"] = json!("admin");
    user.create_plan_of(&at_once(), &admin);
    eventually(RUN, "the record of a deleted backup is deleted", || {
        let listed = user.backups(&job);
        if listed.is_empty() {
            Ok(())
        } else {
            Err(format!("{listed:?}"))
        }
    });
}

#[test]
fn a_backup_that_fails_leaves_no_record_that_is_creating() {
    let stack = shared_stack();
    let node = node(&stack, "native-fails");
    let user = User::of(&stack, &node);
    user.register_client();
    let _daemon = Daemon::start(&stack, &node);
    let job = user.create_plan_of(&at_once(), &native("fails"));
    await_record(&user, &job, "error");
    assert_eq!(outcomes(&stack, &node, &job), [json!("fail")]);
}

#[test]
fn an_api_that_is_away_keeps_no_backup_from_being_made_or_recorded() {
    let stack = stack();
    let node = node(&stack, "native-away");
    let user = User::of(&stack, &node);
    user.register_client();
    // One at a time: while another plan's agent waits at the gate, this one waits for its place, until the API is down.
    node.configure("[dispatch]\nmax_concurrent = 1\n");
    node.close_gate();
    let daemon = Daemon::start(&stack, &node);
    user.create_plan_of(&at_once(), &native("other"));
    await_agent(&node);
    let job = user.create_plan_of(&at_once(), &native("volume"));
    daemon.await_plan(&job);
    stack.stop_api();
    assert_eq!(stack.backups_made(&job).len(), 0);
    node.open_gate();
    eventually(RUN, "it ran without the API", || {
        let outcomes = known_outcomes(&stack, &node, &job)?;
        if outcomes == ["success"] {
            Ok(())
        } else {
            Err(format!("{outcomes:?}"))
        }
    });
    stack.start_api();
    await_record(&user, &job, "available");
    assert_eq!(stack.backups_made(&job).len(), 1);
}
