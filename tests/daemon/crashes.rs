//! `kill -9`: whenever it comes, what was started is found again, and nothing runs twice.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use freezerd::planner::RunState;
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::bed::{Bed, SUCCESS, at_once, date, now, plan};
use crate::process::Daemon;
use crate::until::{until, until_is};

#[test]
fn a_run_is_found_again_while_it_runs() {
    let bed = Bed::new("");
    bed.put(&at_once("a", "gate"));
    let daemon = Daemon::start(&bed);
    until_is("it is started", &vec![RunState::Running], || bed.states("a"));
    daemon.kill();
    let daemon = Daemon::start(&bed);
    assert_eq!(daemon.metric("freezerd_runs_running"), Some(1.0));
    assert_eq!(bed.outcomes("a"), [None]);
    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("a"));
    assert_eq!(
        daemon.metric(r#"freezerd_runs_total{outcome="success"}"#),
        Some(1.0)
    );
    // It says so a moment after it is recorded.
    daemon.says("run succeeded");
    daemon.signal(Signal::TERM);
    let (_, log) = daemon.ended();
    assert_eq!(log.matches("run succeeded").count(), 1, "{log}");
    assert_eq!(bed.diary_of("a"), ["start gate", "end gate"]);
    assert_eq!(bed.verdicts("a"), ["run"]);
}

#[test]
fn a_run_that_ended_meanwhile_is_recorded_once() {
    let bed = Bed::new("");
    bed.put(&at_once("a", "gate"));
    let daemon = Daemon::start(&bed);
    until("it is started", || (!bed.diary().is_empty()).then_some(()));
    daemon.kill();
    bed.open_gate();
    until("it ends", || (bed.diary().len() == 2).then_some(()));
    // Again and again: a crash right after the outcome was recorded changes nothing either.
    for _ in 0..2 {
        let daemon = Daemon::start(&bed);
        until_is("it is recorded", &vec![SUCCESS], || bed.outcomes("a"));
        assert_eq!(
            daemon.metric(r#"freezerd_runs_total{outcome="success"}"#),
            Some(1.0)
        );
        daemon.kill();
    }
    assert_eq!(bed.diary_of("a"), ["start gate", "end gate"]);
}

/// How many runs wait together with others, by the ledger.
fn waiting_together(bed: &Bed) -> i64 {
    let ledger = Connection::open(bed.path("state/ledger.db")).expect("a ledger");
    let count = "SELECT count(*) FROM progress WHERE waits NOT NULL";
    ledger.query_row(count, [], |row| row.get(0)).expect("a number")
}

/// A daemon with one place, which is taken, and these plans, which are due and wait for it together; and since when.
fn waiting(bed: &Bed, jobs: [&str; 4], task: &str) -> (Daemon, DateTime<Utc>) {
    bed.put(&at_once("busy", "gate"));
    let daemon = Daemon::start(bed);
    until("the place is taken", || (bed.diary().len() == 1).then_some(()));
    let due = now().trunc_subsecs(0) + TimeDelta::seconds(4);
    for job in jobs {
        bed.put(&plan(job, &json!({"schedule_date": date(due)}), &[task]));
    }
    until_is("they wait", &Some(4.0), || daemon.metric("freezerd_queue_depth"));
    assert_eq!(waiting_together(bed), 4);
    (daemon, due)
}

#[test]
fn those_who_wait_together_go_on_waiting_and_run_once_each() {
    let bed = Bed::new("dispatch = { max_concurrent = 1 }");
    let jobs = ["a", "b", "c", "d"];
    let (daemon, _) = waiting(&bed, jobs, "gate");
    daemon.kill();
    assert!(jobs.iter().all(|job| bed.states(job) == [RunState::Queued]));

    let daemon = Daemon::start(&bed);
    until_is("they wait", &Some(4.0), || daemon.metric("freezerd_queue_depth"));
    assert_eq!(waiting_together(&bed), 4, "nothing else is known of them");
    for through in 1..=5 {
        bed.open_gate();
        until("one is through", || {
            (bed.diary().len() >= (2 * through + 1).min(10)).then_some(())
        });
    }
    let done = vec![SUCCESS];
    for job in jobs {
        until_is("it is done", &done, || bed.outcomes(job));
        assert_eq!(bed.diary_of(job), ["start gate", "end gate"]);
        assert_eq!(bed.verdicts(job), ["run"]);
    }
    assert_eq!(waiting_together(&bed), 0);
    assert_eq!(
        daemon.metric(r#"freezerd_verdicts_total{verdict="run",reason="none"}"#),
        Some(5.0)
    );
}

#[test]
fn those_who_wait_together_may_be_edited_stopped_and_removed_while_the_daemon_is_away() {
    let bed = Bed::new("dispatch = { max_concurrent = 1 }");
    let (daemon, due) = waiting(&bed, ["edited", "stopped", "removed", "stays"], "done");
    let put = |job: &str, schedule: &Value| bed.put(&plan(job, schedule, &["done"]));
    daemon.kill();
    put(
        "edited",
        &json!({"schedule_date": date(due + TimeDelta::days(9))}),
    );
    put("stopped", &json!({"schedule_date": date(due), "event": "stop"}));
    fs::remove_file(bed.plan_file("removed")).expect("removed");

    let daemon = Daemon::start(&bed);
    until_is("one is left", &Some(1.0), || {
        daemon.metric("freezerd_queue_depth")
    });
    bed.open_gate();
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("stays"));
    for (job, verdict) in [
        ("edited", "superseded"),
        ("stopped", "stopped"),
        ("removed", "superseded"),
    ] {
        assert_eq!(bed.verdicts(job), [verdict], "{job}");
        assert!(bed.runs(job).is_empty() && bed.diary_of(job).is_empty(), "{job}");
    }
    assert!(daemon.stop().success());
}

/// The decision is in the ledger, the launch is under way, and nothing of it has come to its claim.
#[test]
fn a_run_that_was_decided_and_not_yet_started_is_started_once() {
    let bed = Bed::new("");
    bed.put(&at_once("a", "done"));
    fs::remove_file(bed.plan_file("a")).expect("not yet");
    let program = bed.path("freezerd");
    let built = Path::new(env!("CARGO_BIN_EXE_freezerd"));
    // A link where that can be: the daemon starts its supervisors by the name it was started by.
    if fs::hard_link(built, &program).is_err() {
        // By another process: one of ours that was forked meanwhile by another test would hold the copy open for
        // writing, and it could not be executed.
        assert!(
            Command::new("cp")
                .arg(built)
                .arg(&program)
                .status()
                .expect("cp")
                .success()
        );
    }
    let daemon = Daemon::launch(&bed, &program, &[]);
    daemon.says("runs");
    let aside = bed.path("freezerd-itself");
    fs::rename(&program, &aside).expect("set aside");
    symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/stand-in"),
        &program,
    )
    .expect("a link");
    bed.put(&at_once("a", "done"));
    until("its supervisor is started", || {
        bed.path("stand-in").exists().then_some(())
    });
    daemon.kill();
    bed.open_gate();
    assert_eq!(
        bed.states("a"),
        [RunState::Starting],
        "it is recorded, and that is all"
    );
    assert!(bed.diary().is_empty());

    fs::rename(&aside, &program).expect("put back");
    let daemon = Daemon::launch(&bed, &program, &[]);
    until_is("it runs after all", &vec![SUCCESS], || bed.outcomes("a"));
    assert!(daemon.stop().success());
    assert_eq!(bed.diary_of("a"), ["start done", "end done"]);
    assert_eq!(bed.verdicts("a"), ["run"]);
}
