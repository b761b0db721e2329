//! One node for the plans of every project: each runs, and is told of, in the name of its own user.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::command::succeed;
use crate::daemon::{Daemon, PROGRAM, history, outcomes};
use crate::eventually::eventually;
use crate::node::Node;
use crate::services::{Stack, shared_stack};
use crate::user::User;

const RUN: Duration = Duration::from_secs(90);

/// The node's own account: it sees all plans, and may change none of them.
const SERVICE: [(&str, &str); 2] = [("OS_USERNAME", "freezer"), ("OS_PROJECT_NAME", "nodes")];

/// Notes for which project freezer-agent's own code gets its token, by the INI and the environment it was given;
/// then freezer-agent itself.
const AGENT: &str = r#"
import os, sys
from freezer.common import client_manager, config
config.config(args=sys.argv[1:])
args = config.get_backup_args()
project = client_manager.get_client_manager(args.__dict__).sess.get_project_id()
own = sorted(name for name in os.environ if name.startswith("OS_PROJECT"))
with open(os.environ["NOTES"], "a") as notes:
    print(os.environ["FREEZERD_JOB_ID"], project, os.environ["OS_TRUST_ID"], args.os_trust_id, *own, file=notes)
os.execv(os.environ["AGENT"], [os.environ["AGENT"], *sys.argv[1:]])
"#;

const REVOKE: &str = r#"
import os, sys
from keystoneauth1 import session
from keystoneauth1.identity import v3
names = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
auth = v3.Password(**{name: os.environ["OS_" + name.upper()] for name in names})
session.Session(auth=auth).delete(os.environ["OS_AUTH_URL"] + "/OS-TRUST/trusts/" + sys.argv[1])
"#;

/// Without a schedule: as soon as the daemon sees it, and whenever its user starts it again.
fn at_once() -> Value {
    json!({})
}

fn text(plan: &Value, pointer: &str) -> String {
    let found = plan.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("no {pointer} in {plan}"))
        .to_owned()
}

fn start<'a>(stack: &Stack, node: &'a Node) -> Daemon<'a> {
    let (agent, notes) = (
        stack.value("STACK_AGENT"),
        node.path("notes").display().to_string(),
    );
    let [user, project] = SERVICE;
    Daemon::start_with(
        stack,
        node,
        &[],
        &[user, project, ("AGENT", agent), ("NOTES", &notes)],
    )
}

fn await_outcomes(stack: &Stack, node: &Node, job: &str, wanted: &[&str]) {
    eventually(RUN, &format!("{job} has the outcomes {wanted:?}"), || {
        let outcomes = outcomes(stack, node, job);
        if outcomes == wanted {
            Ok(())
        } else {
            Err(format!("{outcomes:?}"))
        }
    });
}

fn await_reported(user: &User<'_>, job: &str, runs: usize, stack: &Stack) {
    eventually(RUN, "success is reported", || {
        let told = stack.patches(job);
        let told = told
            .iter()
            .filter(|patch| patch.job_schedule()["result"] == "success");
        let schedule = user.job_schedule(job);
        if told.count() >= runs && schedule["result"] == "success" {
            Ok(())
        } else {
            Err(format!("{schedule:?}"))
        }
    });
}

#[test]
fn every_project_has_its_plans_run_in_its_users_name() {
    let stack = shared_stack();
    let node = Node::new(&stack, "trusts");
    node.replace_agent(stack.value("STACK_PYTHON"), AGENT);
    node.configure("[api]\ncentral = true\n");
    let users = [User::of(&stack, &node), User::called(&stack, &node, "other")];
    let daemon = start(&stack, &node);
    eventually(RUN, "it is registered as a central client", || {
        let client = users[1].client(&node.client_id);
        if client["is_central"] == true {
            Ok(())
        } else {
            Err(daemon.log())
        }
    });

    // The users do nothing out of the way: the API makes the trusts.
    let jobs = users.each_ref().map(|user| user.create_plan(&at_once()));
    let plans = [0, 1].map(|one| users[one].plan(&jobs[one]));
    let projects = plans.each_ref().map(|plan| text(plan, "/project_id"));
    let trusts = plans
        .each_ref()
        .map(|plan| text(plan, "/user_credentials/trust_id"));
    assert!(projects[0] != projects[1] && trusts[0] != trusts[1]);
    for one in [0, 1] {
        await_reported(&users[one], &jobs[one], 1, &stack);
        let schedule = users[one].job_schedule(&jobs[one]);
        assert_eq!(schedule["status"], "completed", "{schedule:?}");
        // The record of the backup is in its user's project, and there alone.
        let listed = users[one].backups(&jobs[one]);
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert!(users[1 - one].backups(&jobs[one]).is_empty());
        // All that was told of it came by one token, to its project. (Of what a busy API has not taken yet, only the newest
        // is told: it may never hear that the run began.)
        let mut told = stack.patches(&jobs[one]);
        assert!(
            told.iter()
                .any(|report| report.job_schedule()["result"] == "success"),
            "{told:?}"
        );
        let made = stack.backups_made(&jobs[one]);
        assert_eq!(made.len(), 1, "{made:?}");
        told.extend(made);
        assert!(told.iter().all(|request| request.status < 300), "{told:?}");
        assert!(
            told.iter().all(|request| request.path.contains(&projects[one])),
            "{told:?}"
        );
        assert!(
            told.iter().all(|request| request.token == told[0].token),
            "{told:?}"
        );
    }
    // freezer-agent got its own tokens by them, with nothing said of a project.
    let notes = fs::read_to_string(node.path("notes")).expect("the agents' notes");
    let mut notes: Vec<_> = notes.lines().collect();
    notes.sort();
    let mut wanted = [0, 1].map(|one| format!("{} {} {t} {t}", jobs[one], projects[one], t = trusts[one]));
    wanted.sort();
    assert_eq!(notes, wanted);

    // One of them takes its trust back: that is the end of its plan, and of no other.
    succeed(
        users[1]
            .command(stack.value("STACK_PYTHON"))
            .args(["-c", REVOKE, &trusts[1]]),
        RUN,
    );
    assert!(daemon.stop().success());
    let checked = check(&stack, &node);
    for part in [&jobs[1], &trusts[1], "WRONG"] {
        assert!(checked.contains(part), "{part} is not in {checked}");
    }
    assert!(!checked.contains(&trusts[0]), "{checked}");
    for one in [0, 1] {
        users[one].start_plan(&jobs[one]);
    }
    let daemon = start(&stack, &node);
    await_outcomes(&stack, &node, &jobs[0], &["success", "success"]);
    // The newest first.
    await_outcomes(&stack, &node, &jobs[1], &["fail", "success"]);
    await_reported(&users[0], &jobs[0], 2, &stack);
    let failed = history(&stack, &node, &jobs[1]).remove(0);
    let detail = text(&failed, "/detail");
    for part in [jobs[1].as_str(), trusts[1].as_str(), "is not accepted (401)"] {
        assert!(detail.contains(part), "{part} is not in {detail}");
    }
    let log = daemon.log();
    assert!(log.contains(&detail), "{log}");
    assert_eq!(node.agent_runs().len(), 6, "no agent was started for it");
}

fn check(stack: &Stack, node: &Node) -> String {
    let mut command: Command = stack.command(PROGRAM, &node.home());
    command
        .args(["check", "--config"])
        .arg(node.config())
        .envs(SERVICE);
    let output = command.output().expect("freezerd check");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_plan_from_before_the_node_was_central_is_skipped_and_told_why() {
    let stack = shared_stack();
    let node = Node::new(&stack, "untrusted");
    let user = User::of(&stack, &node);
    user.register_client();
    let job = user.create_plan(&json!({ "schedule_second": "*/10" }));
    assert_eq!(user.plan(&job).get("user_credentials"), None);
    node.configure("[api]\ncentral = true\n");
    let daemon = start(&stack, &node);
    daemon.await_plan(&job);
    eventually(RUN, "its due time has its verdict", || {
        let mut command = stack.command(PROGRAM, &node.home());
        command
            .args(["why", &job, "--config"])
            .arg(node.config())
            .envs(SERVICE);
        let said = succeed(&mut command, RUN);
        if said.contains("no-trust") {
            Ok(())
        } else {
            Err(said)
        }
    });
    assert!(node.agent_runs().is_empty());
}
