//! A plan made by a user runs when it is due, and the user sees that it did.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::backups::assert_recorded_once;
use crate::command::succeed;
use crate::daemon::{Daemon, outcomes};
use crate::eventually::eventually;
use crate::node::Node;
use crate::services::{Stack, shared_stack};
use crate::user::{User, schedule_keys};

/// Long enough for a busy machine; a run takes five seconds, most of them Python's.
const RUN: Duration = Duration::from_secs(90);

#[test]
fn a_plan_due_once_is_backed_up_reported_and_restored() {
    let stack = shared_stack();
    let node = Node::new(&stack, "once");
    let user = User::of(&stack, &node);
    user.register_client();
    let daemon = Daemon::start(&stack, &node);

    let (job, due) = user.create_plan_due_in(20);
    let schedule = json!({ "schedule_date": due });

    let reported = await_result(&user, &job, "completed");
    assert_eq!(Value::Object(schedule_keys(&reported)), schedule);
    assert_times(&reported, &due);
    assert_reports_keep(&stack, &job, &schedule);
    assert_eq!(
        node.agent_runs().len(),
        2,
        "one start, one end: {:?}",
        node.agent_runs()
    );
    assert_eq!(outcomes(&stack, &node, &job), [json!("success")]);
    assert_recorded_once(&stack, &user, &node, &job);

    user.restore(&node.path("restored"));
    assert_same(&node.data(), &node.path("restored"));
    assert!(daemon.stop().success(), "SIGTERM ends it cleanly");
}

#[test]
fn a_calendar_plan_runs_and_an_edit_during_its_run_survives_the_report() {
    let stack = shared_stack();
    let node = Node::new(&stack, "edited");
    let user = User::of(&stack, &node);
    user.register_client();
    node.close_gate();
    let _daemon = Daemon::start(&stack, &node);

    let job = user.create_plan(&json!({ "schedule_second": "*/5" }));
    eventually(RUN, "the agent is started", || {
        let runs = node.agent_runs();
        if runs.is_empty() {
            Err("no start yet".to_owned())
        } else {
            Ok(())
        }
    });
    // An edit within a report's own reading and writing is overwritten: the API has no conditional writes. One that
    // comes after it is what a user's usually is.
    stack.await_written(&job, "status", "running");
    // Far off, so that the run under way is also the last.
    let edited = json!({ "schedule_year": "2099", "schedule_hour": "3", "schedule_day_of_week": "mon-fri" });
    user.reschedule_plan(&job, &edited);
    node.open_gate();

    let reported = await_result(&user, &job, "scheduled");
    assert_eq!(Value::Object(schedule_keys(&reported)), edited);
    user.restore(&node.path("restored"));
    assert_same(&node.data(), &node.path("restored"));
}

/// Waits for a success in the API, and for this status; gives the `job_schedule` then.
pub fn await_result(user: &User<'_>, job: &str, status: &str) -> Map<String, Value> {
    eventually(RUN, &format!("the API says {status}, success"), || {
        let now = user.job_schedule(job);
        let is = |key: &str, text: &str| now.get(key).and_then(Value::as_str) == Some(text);
        assert!(!is("result", "fail"), "the run failed: {now:?}");
        if is("status", status) && is("result", "success") {
            Ok(now.clone())
        } else {
            Err(format!("{now:?}"))
        }
    })
}

/// It started not before it was due, and ended after that.
fn assert_times(reported: &Map<String, Value>, due: &str) {
    let due: DateTime<Utc> = due.parse().expect("a time");
    let time = |key: &str| {
        reported
            .get(key)
            .and_then(Value::as_i64)
            .unwrap_or_else(|| panic!("{key}: {reported:?}"))
    };
    let (started, ended) = (time("time_started"), time("time_ended"));
    assert!(due.timestamp() <= started, "due {due}, started {started}");
    assert!(started <= ended, "started {started}, ended {ended}");
}

/// No report wrote a `schedule_*` key other than as it was, and the API took them all.
fn assert_reports_keep(stack: &Stack, job: &str, schedule: &Value) {
    let reports = stack.patches(job);
    assert!(!reports.is_empty(), "no report was seen");
    for report in reports {
        assert_eq!(report.status, 200, "{report:?}");
        let written = report.job_schedule();
        let written = written
            .as_object()
            .unwrap_or_else(|| panic!("no job_schedule in {report:?}"));
        assert_eq!(&Value::Object(schedule_keys(written)), schedule, "{report:?}");
    }
}

/// Byte for byte, with names, links and modes.
pub fn assert_same(left: &Path, right: &Path) {
    let limit = Duration::from_secs(120);
    succeed(
        Command::new("diff")
            .arg("-r")
            .arg("--no-dereference")
            .args([left, right]),
        limit,
    );
    let listing = |folder: &Path| {
        let mut find = Command::new("find");
        let printed = succeed(
            find.arg(".")
                .args(["-printf", "%P %y %m %s %l\n"])
                .current_dir(folder),
            limit,
        );
        let mut lines: Vec<_> = printed
            .lines()
            .filter(|line| !line.starts_with(' '))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let (left, right) = (listing(left), listing(right));
    assert!(left.len() >= 6, "the data themselves: {left:?}");
    // A folder's own size is the file system's business.
    let comparable =
        |lines: Vec<String>| -> Vec<String> { lines.into_iter().filter(|l| !l.contains(" d ")).collect() };
    assert_eq!(comparable(left), comparable(right));
}
