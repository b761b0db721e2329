//! `kill -9` of the daemon while a backup runs: the backup goes on, and the next daemon finds it.

use serde_json::{Value, json};

use crate::backups::assert_recorded_once;
use crate::daemon::{Daemon, history, outcomes};
use crate::end_to_end::{assert_same, await_result};
use crate::node::Node;
use crate::services::{Stack, shared_stack};
use crate::user::User;

#[test]
fn a_run_survives_its_daemon_and_is_reported_once() {
    let stack = shared_stack();
    let node = Node::new(&stack, "killed");
    let user = User::of(&stack, &node);
    user.register_client();
    node.close_gate();
    let daemon = Daemon::start(&stack, &node);
    // As soon as it is seen, and once.
    let job = user.create_plan(&json!({}));
    node.await_agent_runs(1);
    daemon.kill();

    let daemon = Daemon::start(&stack, &node);
    let found = history(&stack, &node, &job);
    assert_eq!(found.len(), 1, "the run is found again: {found:?}");
    assert_eq!(outcomes(&stack, &node, &job), [Value::Null], "and it is not over");
    node.open_gate();

    await_result(&user, &job, "completed");
    assert_eq!(outcomes(&stack, &node, &job), [json!("success")]);
    let runs = node.agent_runs();
    assert!(
        runs.len() == 2 && runs[1].ends_with(" 0"),
        "the agent ran once: {runs:?}"
    );
    assert_eq!(outcome_reports(&stack, &job), 1, "{:?}", stack.patches(&job));

    // A third daemon has nothing left to do.
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&stack, &node);
    daemon.await_poll();
    assert!(daemon.stop().success());
    assert_eq!(outcomes(&stack, &node, &job), [json!("success")]);
    assert_eq!(outcome_reports(&stack, &job), 1, "{:?}", stack.patches(&job));
    assert_eq!(node.agent_runs(), runs);
    assert_recorded_once(&stack, &user, &node, &job);
    user.restore(&node.path("restored"));
    assert_same(&node.data(), &node.path("restored"));
}

/// How many reports carried an outcome.
fn outcome_reports(stack: &Stack, job: &str) -> usize {
    stack
        .patches(job)
        .iter()
        .filter(|report| report.job_schedule().get("result") == Some(&json!("success")))
        .count()
}
