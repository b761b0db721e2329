//! What becomes of a run that its user aborts, or whose scheduler is killed.

use super::{Pair, at_once};
use crate::daemon::Daemon;
use crate::incumbent::{Incumbent, Options};
use crate::node::Node;
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
