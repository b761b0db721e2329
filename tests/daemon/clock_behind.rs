//! A clock that says at the start what cannot be: nothing is decided by it.

use chrono::{TimeDelta, Utc};
use freezerd::ledger::Ledger;
use freezerd::planner::Record;
use rustix::process::Signal;

use crate::bed::{Bed, at_once, now};
use crate::process::Daemon;
use crate::until::until_is;

#[test]
fn a_clock_that_is_days_behind_the_ledger_is_waited_for_or_confirmed() {
    let bed = Bed::new("");
    bed.put(&at_once("new", "done"));
    let path = bed.path("state/ledger.db");
    let at: chrono::DateTime<Utc> = now() + TimeDelta::days(3);
    let mut ledger = Ledger::open(&path).expect("a ledger");
    ledger.commit(&[Record::Polled { at }]).expect("committed");
    drop(ledger);

    let daemon = Daemon::begin(&bed, &[]);
    daemon.says("nothing is decided until the clock is set");
    let (status, why) = daemon.get("/readyz");
    assert!(
        status == 503 && why.contains("by the ledger there was a poll at"),
        "{status} {why}"
    );
    until_is("it lives", &200, || daemon.get("/healthz").0);
    assert!(daemon.stop().success());
    assert_eq!(bed.diary_of("new"), [""; 0], "nothing was decided");

    let daemon = Daemon::begin(&bed, &[]);
    daemon.says("nothing is decided until the clock is set");
    daemon.signal(Signal::HUP);
    until_is("it runs", &false, || bed.diary_of("new").is_empty());
    daemon.await_ready();
    assert!(daemon.stop().success());
}
