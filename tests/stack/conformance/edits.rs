//! Documents as users write them: edited in the middle of things, or wrong.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Pair, at_once, not_now};
use crate::command::run;
use crate::daemon::Daemon;
use crate::end_to_end::await_result;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};

#[test]
fn an_edit_without_an_event_stops_nobody() {
    let pair = Pair::new("edit");
    let jobs = pair.plans(&not_now());
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    for job in &jobs {
        pair.stack.await_written(job, "status", "scheduled");
    }
    let [theirs, ours] = pair.users();
    let edited = json!({ "schedule_year": "2099", "schedule_hour": "4" });
    theirs.reschedule_plan(&jobs[0], &edited);
    ours.reschedule_plan(&jobs[1], &edited);
    let others = pair.plans(&at_once());
    await_result(&ours, &others[1], "completed");
    pair.stack.await_written(&jobs[1], "status", "scheduled");

    // incumbent: every poll dies at the edited job, and the others are not even seen.
    incumbent.await_polls(3);
    assert_eq!(theirs.shown(&others[0]), ["", "", ""]);
    assert_eq!(pair.incumbent.agent_runs(), [""; 0]);
}

#[test]
fn a_schedule_that_cannot_be_read_is_told_and_left_alone() {
    let pair = Pair::new("garbage");
    let jobs = pair.plans(&json!({ "schedule_hour": "garbage" }));
    let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let daemon = Daemon::start(&pair.stack, &pair.ours);
    daemon.await_poll();
    // incumbent: it is set to completed, as if it had run.
    pair.stack.await_written(&jobs[0], "status", "completed");

    assert_eq!(pair.stack.last_written(&jobs[1]), Value::Null);
    let mut check = daemon.command(&pair.stack, &["check"]);
    let told = run(&mut check, Duration::from_secs(120));
    assert_eq!(told.status.code(), Some(1), "{}{}", told.stdout, told.stderr);
    let text = format!("{}{}", told.stdout, told.stderr);
    for part in [jobs[1].as_str(), "schedule_hour", "garbage"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let [_, ours] = pair.users();
    ours.reschedule_plan(&jobs[1], &json!({ "schedule_second": "*/5" }));
    // Whoever asks for the plan may find each time that it runs again.
    eventually(Duration::from_secs(180), "it ran well", || {
        let told = pair.stack.patches(&jobs[1]);
        let well = told
            .iter()
            .any(|report| report.job_schedule()["result"] == "success");
        if well { Ok(()) } else { Err(format!("{told:?}")) }
    });
}
