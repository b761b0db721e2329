//! `run --shadow`: decides and records; launches nothing, and reports nothing.

use freezerd::planner::RunState;

use crate::bed::{Bed, at_once};
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::until::{until, until_is};

#[test]
fn it_records_what_it_would_have_done() {
    let (cloud, bed) = Cloud::new("");
    let before = at_once("a", "done");
    cloud.put(&before);
    let daemon = Daemon::begin(&bed, &["--shadow"]);
    daemon.await_ready();
    until_is("its verdict", &vec!["shadow"], || bed.verdicts("a"));
    assert_eq!(daemon.metric("freezerd_shadow"), Some(1.0));
    let skipped = r#"freezerd_verdicts_total{verdict="skipped",reason="shadow"}"#;
    assert_eq!(daemon.metric(skipped), Some(1.0));
    // Everything that a decision leads to is carried out before the next listing is taken in.
    let polls = "freezerd_poll_duration_seconds_count";
    let seen = daemon.metric(polls).expect("polls");
    until("one more poll", || {
        (daemon.metric(polls)? >= seen + 1.0).then_some(())
    });
    assert!(daemon.stop().success());
    assert!(bed.runs("a").is_empty());
    assert!(bed.diary().is_empty());
    assert!(cloud.patches("a").is_empty());
    assert_eq!(cloud.job_schedule("a"), before["job_schedule"]);
}

/// A daemon that did launch left its ledger to one that may not.
#[test]
fn what_an_earlier_daemon_left_in_its_queue_is_not_launched() {
    let bed = Bed::new("dispatch = { max_concurrent = 1 }");
    bed.put(&at_once("a", "gate"));
    let daemon = Daemon::start(&bed);
    until("it runs", || (!bed.diary().is_empty()).then_some(()));
    bed.put(&at_once("b", "done"));
    until_is("another one waits", &vec![RunState::Queued], || bed.states("b"));
    daemon.kill();

    let daemon = Daemon::begin(&bed, &["--shadow"]);
    daemon.await_ready();
    bed.open_gate();
    daemon.says("run succeeded");
    until_is("its due time is not lost", &vec!["shadow"], || bed.verdicts("b"));
    assert!(daemon.stop().success());
    assert!(bed.runs("b").is_empty());
    assert_eq!(bed.diary_of("b"), [""; 0]);
}

#[test]
fn what_an_earlier_daemon_could_not_report_is_not_reported() {
    let (mut cloud, bed) = Cloud::new("dispatch = { stop_grace = '1s' }");
    let daemon = Daemon::start(&bed);
    cloud.put_and_break(&at_once("a", "done"));
    daemon.says("run succeeded");
    daemon.says("a report waits in the ledger");
    daemon.kill();

    cloud.come_back();
    let daemon = Daemon::begin(&bed, &["--shadow"]);
    daemon.await_ready();
    assert!(daemon.stop().success());
    assert!(cloud.patches("a").is_empty());
    // It waits for a daemon that may.
    let _daemon = Daemon::start(&bed);
    until("it is reported", || {
        (!cloud.patches("a").is_empty()).then_some(())
    });
}
