//! What becomes of a run that its user aborts or stops, or whose scheduler is killed; and what runs at all.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Pair, again_and_again, at_once};
use crate::daemon::{Daemon, outcomes};
use crate::end_to_end::await_result;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};
use crate::node::{Node, in_seconds};
use crate::services::shared_stack;
use crate::user::User;

#[test]
fn abort_kills_the_agent() {
    let pair = Pair::new("abort");
    pair.close_gates();
    let jobs = pair.plans(&at_once());
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    pair.incumbent.await_agent_runs(1);
    pair.ours.await_agent_runs(1);
    let [theirs, ours] = pair.users();
    theirs.freezer_job("abort", &jobs[0]);
    ours.openstack_job("abort", &jobs[1]);

    pair.stack.await_written(&jobs[1], "result", "aborted");
    assert!(!pair.ours.agent_lives());
    assert_eq!(pair.ours.agent_runs().len(), 1, "it did not come to its end");
    assert_eq!(ours.shown(&jobs[1]), ["completed", "aborted", ""]);

    // incumbent: the agent lives on, and the result is a success.
    incumbent.await_log("aborted.");
    incumbent.await_polls(2);
    assert!(pair.incumbent.agent_lives());
    pair.incumbent.open_gate();
    pair.stack.await_written(&jobs[0], "result", "success");
}

#[test]
fn a_stop_that_is_posted_during_a_run_is_not_lost() {
    let pair = Pair::new("event");
    pair.close_gates();
    let [theirs, ours] = pair.users();
    let jobs = [
        theirs.create_plan(&json!({ "schedule_second": "*/20" })),
        ours.create_plan(&again_and_again(in_seconds(30))),
    ];
    // The run ends before the next poll, however slow the clients are.
    let seldom = Options {
        interval: 3600,
        ..Options::default()
    };
    let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &seldom);
    pair.ours.configure("[source]\npoll = \"15s\"\n");
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    pair.incumbent.await_agent_runs(1);
    theirs.freezer_job("stop", &jobs[0]);
    pair.incumbent.open_gate();
    pair.ours.await_agent_runs(1);
    // Not while that is being told: the API has no conditional writes, so a word that is posted between the reading of a
    // document and its writing is lost, whoever writes.
    pair.stack.await_written(&jobs[1], "status", "running");
    ours.freezer_job("stop", &jobs[1]);
    pair.ours.open_gate();

    // incumbent: its report of the run's end wipes the event out, and the plan runs again.
    pair.stack.await_written(&jobs[0], "result", "success");
    let written = pair.stack.last_written(&jobs[0]);
    assert_eq!(written.get("event"), Some(&json!("")), "{written}");
    pair.incumbent.await_agent_runs(3);

    eventually(Duration::from_secs(120), "the stop is answered", || {
        match ours.shown(&jobs[1]) {
            // During the run, or after it.
            shown if shown == ["completed", "success", ""] || shown == ["stop", "success", ""] => Ok(()),
            shown => Err(format!("{shown:?}")),
        }
    });
    assert_eq!(pair.ours.agent_runs().len(), 2, "it ran once");
}

/// An `exec` action that makes a file.
fn exec(node: &Node) -> Value {
    let command = format!("/usr/bin/touch {}", node.path("executed").display());
    // The agent opens its storage whatever it does, and the stack has no Swift, which would be its default.
    json!({
        "action": "exec", "command": command, "log_file": node.path("agent.log"),
        "storage": "local", "container": node.path("backups")
    })
}

#[test]
fn exec_actions_run_where_they_are_allowed_and_nothing_happens_where_they_are_not() {
    let pair = Pair::new("exec");
    let [theirs, ours] = pair.users();
    let denied = ours.create_plan_of(&at_once(), &exec(&pair.ours));
    let crashes = theirs.create_plan_of(&at_once(), &exec(&pair.incumbent));
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let daemon = Daemon::start(&pair.stack, &pair.ours);
    daemon.await_plan(&denied);
    daemon.await_poll();
    assert_eq!(outcomes(&pair.stack, &pair.ours, &denied), [Value::Null; 0]);
    assert_eq!(pair.stack.last_written(&denied).get("status"), None);
    // No verdict either: "as soon as it is allowed" is still to come.
    pair.ours.configure("[dispatch]\nallow_exec = true\n");
    assert!(daemon.stop().success());
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    await_result(&ours, &denied, "completed");
    assert!(pair.ours.path("executed").exists());

    // incumbent: the job crashes before its agent is started, and says `running` for ever.
    pair.stack.await_written(&crashes, "status", "running");
    incumbent.await_polls(3);
    assert_eq!(theirs.shown(&crashes)[0], "running");
    assert_eq!(pair.incumbent.agent_runs(), [""; 0]);
    assert!(!pair.incumbent.path("executed").exists());
}

#[test]
fn killed_during_a_run_the_incumbent_runs_it_again() {
    // freezerd's side of this row is `killed::a_run_survives_its_daemon_and_is_reported_once`.
    let stack = shared_stack();
    let node = Node::new(&stack, "killed-incumbent");
    let user = User::of(&stack, &node);
    user.register_client();
    node.close_gate();
    let job = user.create_plan(&at_once());
    let incumbent = Incumbent::start(&stack, &node, &Options::default());
    node.await_agent_runs(1);
    incumbent.kill();
    node.open_gate();
    // incumbent: the agent ends as an orphan, nobody reports it, and the next one runs the plan again.
    node.await_agent_runs(2);
    assert_eq!(user.shown(&job)[0], "running");
    let _incumbent = Incumbent::start(&stack, &node, &Options::default());
    node.await_agent_runs(3);
}
