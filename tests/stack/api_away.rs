//! The API is away for the whole life of a run: the run happens, and its outcome and the record of its backup
//! arrive when the API is back, once.

use std::time::Duration;

use serde_json::json;

use crate::backups::assert_recorded_once;
use crate::daemon::{Daemon, known_outcomes};
use crate::end_to_end::await_result;
use crate::eventually::eventually;
use crate::node::{Node, in_seconds};
use crate::services::{Witnessed, stack};
use crate::user::User;

#[test]
fn an_outcome_and_its_backup_wait_for_the_api() {
    let stack = stack();
    let node = Node::new(&stack, "away");
    let user = User::of(&stack, &node);
    user.register_client();
    // One at a time: while another plan's agent waits at the gate, this one waits for its place, until the API is down.
    node.configure("[dispatch]\nmax_concurrent = 1\n");
    node.close_gate();
    let daemon = Daemon::start(&stack, &node);
    let other = user.create_plan(&json!({}));
    stack.await_written(&other, "status", "running");
    let job = user.create_plan(&json!({}));
    daemon.await_plan(&job);
    stack.stop_api();
    let down = in_seconds(0).timestamp();
    let told = stack.patches(&job);
    let waits = |report: &Witnessed| report.job_schedule()["status"] == "scheduled";
    assert!(
        told.iter().all(waits),
        "nothing of the run was reported yet: {told:?}"
    );
    node.open_gate();

    eventually(Duration::from_secs(120), "the run is over and recorded", || {
        let outcomes = known_outcomes(&stack, &node, &job)?;
        if outcomes == [json!("success")] {
            Ok(())
        } else {
            Err(format!("{outcomes:?}"))
        }
    });
    stack.start_api();
    let reported = await_result(&user, &job, "completed");
    let started = reported
        .get("time_started")
        .and_then(serde_json::Value::as_i64)
        .expect("its start");
    assert!(down <= started, "down {down}, started {started}");
    assert_recorded_once(&stack, &user, &node, &job);
    assert_eq!(
        node.agent_runs().len(),
        4,
        "one start, one end of each: {:?}",
        node.agent_runs()
    );
}
