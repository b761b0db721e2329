//! SIGTERM: the daemon goes at once, its backups do not.

use freezerd::planner::RunState;
use rustix::process::Signal;

use crate::bed::{Bed, SUCCESS, at_once, now};
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::until::{until, until_is};

#[test]
fn a_running_backup_goes_on_and_the_next_daemon_records_its_outcome() {
    // With nothing to deliver there is nothing to wait for.
    let bed = Bed::new("dispatch = { stop_grace = '1h' }");
    bed.put(&at_once("a", "gate"));
    let daemon = Daemon::start(&bed);
    until_is("it is started", &vec![RunState::Running], || bed.states("a"));
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(bed.outcomes("a"), [None]);

    bed.open_gate();
    let report = bed.path(&format!("state/runs/{}/report.json", bed.runs("a")[0].id));
    until("the backup ends by itself", || report.exists().then_some(()));
    let before = now();
    for _ in 0..2 {
        let daemon = Daemon::start(&bed);
        until_is("its outcome is known", &vec![SUCCESS], || bed.outcomes("a"));
        assert_eq!(
            daemon.metric(r#"freezerd_runs_total{outcome="success"}"#),
            Some(1.0)
        );
        assert_eq!(daemon.metric("freezerd_due_times_total"), Some(1.0));
        assert!(daemon.stop().success());
    }
    let ended = bed.runs("a")[0].ended.expect("an end");
    assert!(ended <= before, "when the backup ended, not when that was found");
    assert_eq!(bed.verdicts("a"), ["run"]);
    assert_eq!(
        bed.diary_of("a"),
        ["start gate", "end gate"],
        "it was started once"
    );
}

#[test]
fn nothing_new_is_started_by_a_daemon_that_stops() {
    let bed = Bed::new("dispatch = { max_concurrent = 1 }");
    bed.put(&at_once("a", "gate"));
    bed.put(&at_once("b", "gate"));
    let daemon = Daemon::start(&bed);
    until_is(
        "one runs, one waits",
        &vec![RunState::Queued, RunState::Running],
        || {
            let runs = [bed.runs("a"), bed.runs("b")].concat();
            let mut states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
            states.sort_by_key(|state| *state == RunState::Running);
            states
        },
    );
    // It runs when its process is there; it writes a moment later.
    until_is("its agent too", &1, || bed.diary().len());
    assert!(daemon.stop().success());
    assert_eq!(bed.diary().len(), 1);
    // The next one has the place to give, as soon as the first backup is over.
    bed.open_gate();
    bed.open_gate();
    let _daemon = Daemon::start(&bed);
    until_is("both are done", &vec![SUCCESS, SUCCESS], || {
        [bed.outcomes("a"), bed.outcomes("b")].concat()
    });
    assert_eq!(bed.diary().len(), 4, "each once: {:?}", bed.diary());
}

#[test]
fn a_second_signal_ends_the_wait_for_the_api() {
    let (cloud, bed) = Cloud::new("dispatch = { stop_grace = '1h' }");
    cloud.set_read_only();
    cloud.put(&at_once("a", "done"));
    let daemon = Daemon::start(&bed);
    daemon.says("a report waits in the ledger");
    daemon.signal(Signal::TERM);
    until_is("it stops", &(503, "not ready: stopping\n".to_owned()), || {
        daemon.get("/readyz")
    });
    // The listings that come in meanwhile do not make it ready again, and nobody reloads what stops.
    let polls = "freezerd_poll_duration_seconds_count";
    let seen = daemon.metric(polls).expect("polls");
    until("one more poll", || {
        (daemon.metric(polls)? >= seen + 1.0).then_some(())
    });
    assert_eq!(daemon.get("/readyz").0, 503);
    daemon.signal(Signal::HUP);
    daemon.says("stopping: the configuration is not read again");
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(
        bed.ledger()
            .expect("a ledger")
            .report_backlog()
            .expect("a number"),
        1
    );
}

/// Else the next start looks through all of it, which is for those that crashed.
#[test]
fn the_ledger_is_left_in_order() {
    let bed = Bed::new("");
    for name in ["a", "b", "c", "d", "e"] {
        let daemon = Daemon::start(&bed);
        bed.put(&at_once(name, "done"));
        until_is("it ran", &vec![SUCCESS], || bed.outcomes(name));
        assert!(daemon.stop().success());
        let log = bed.path("state/ledger.db-wal");
        assert_eq!(log.metadata().map_or(0, |log| log.len()), 0, "{name}");
    }
}
