//! The API is away for the whole life of a run: the run happens, and its outcome and the record of its backup
//! arrive when the API is back, once.

use std::time::Duration;

use serde_json::json;

use crate::backups::assert_recorded_once;
use crate::daemon::{Daemon, outcomes};
use crate::end_to_end::await_result;
use crate::eventually::eventually;
use crate::node::{Node, in_seconds};
use crate::services::stack;
use crate::user::User;

#[test]
fn an_outcome_and_its_backup_wait_for_the_api() {
    let stack = stack();
    let node = Node::new(&stack, "away");
    let user = User::of(&stack, &node);
    user.register_client();
    let daemon = Daemon::start(&stack, &node);
    // Time for the plan to be polled and the API to be stopped before it is due.
    let due = in_seconds(45);
    let job = user.create_plan(&json!({ "schedule_date": due.format("%Y-%m-%dT%H:%M:%SZ").to_string() }));
    daemon.await_plan(&job);
    stack.stop_api();
    assert!(
        node.agent_runs().is_empty(),
        "the machine is too slow: the run began before the API was down"
    );
    assert!(
        stack
            .patches(&job)
            .iter()
            .all(|report| report.job_schedule().get("status") == Some(&json!("scheduled"))),
        "nothing of the run was reported yet"
    );

    eventually(Duration::from_secs(90), "the run is over and recorded", || {
        let outcomes = outcomes(&stack, &node, &job);
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
    assert!(
        (due.timestamp()..due.timestamp() + 60).contains(&started),
        "due {due}, started {started}"
    );
    assert_recorded_once(&stack, &user, &node, &job);
    assert_eq!(
        node.agent_runs().len(),
        2,
        "one start, one end: {:?}",
        node.agent_runs()
    );
}
