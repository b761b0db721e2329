//! Pruning: what is old goes, a little at a time; what a living plan counts from stays.

use freezerd::ledger::Pruned;
use freezerd::planner::{Outcome, Reason, Record, RunState, Verdict};

use crate::{Store, due, job, plan, report, report_about, run, verdict, verdict_over};

/// Prunes to the end, and says how many calls that took.
fn prune(store: &mut Store, before: i64) -> (Pruned, usize) {
    let mut sum = Pruned::default();
    for calls in 1..10_000 {
        let pruned = store.ledger().prune(due(before)).expect("pruned");
        sum.verdicts += pruned.verdicts;
        sum.runs += pruned.runs;
        sum.plans += pruned.plans;
        if !pruned.more {
            return (sum, calls);
        }
    }
    panic!("pruning has no end");
}

#[test]
fn what_stays() {
    let mut store = Store::new();
    let done = |id: &str, when, outcome| Record::Run(run(id, when, RunState::Done(outcome)));
    store.commit(&[
        plan("a", 0, 500),
        plan("gone", 0, 50),
        done("a", 10, Outcome::Success),
        done("a", 20, Outcome::Success),
        done("a", 30, Outcome::Fail),
        done("a", 40, Outcome::Lost),
        Record::Run(run("a", 5, RunState::Running)),
        done("gone", 20, Outcome::Success),
        Record::Verdict(verdict_over("a", 10, 99, 2, Verdict::Skipped(Reason::Overlap))),
        Record::Verdict(verdict_over("a", 11, 100, 2, Verdict::Skipped(Reason::Overlap))),
        Record::Verdict(verdict("a", 200, Verdict::Skipped(Reason::Overlap))),
        Record::Verdict(verdict("gone", 20, Verdict::Skipped(Reason::Overlap))),
        Record::Forget { job: job("gone") },
    ]);
    let before = store.ledger().reader().restore().expect("restored");
    let (pruned, _) = prune(&mut store, 100);
    assert_eq!(
        pruned,
        Pruned {
            verdicts: 2,
            runs: 3,
            plans: 1,
            more: false
        }
    );
    let left = store.ledger().reader().runs(None, 99).expect("runs");
    assert_eq!(
        left.iter().map(|run| run.due.epoch()).collect::<Vec<_>>(),
        [5, 40, 20]
    );
    let left = store
        .ledger()
        .reader()
        .verdicts(&job("a"), due(0), due(999), 99)
        .expect("verdicts");
    assert_eq!(
        left.iter()
            .map(|verdict| verdict.first.epoch())
            .collect::<Vec<_>>(),
        [200, 11]
    );
    assert!(
        store
            .ledger()
            .reader()
            .plans(Some("gone"), 9)
            .expect("plans")
            .is_empty()
    );
    // All that a daemon starts from is as it was, the totals too.
    assert_eq!(store.ledger().reader().restore().expect("restored"), before);
    assert_eq!(prune(&mut store, 100), (Pruned::default(), 1));
    // A plan of that id may come again.
    store.commit(&[plan("gone", 7, 8)]);
    assert_eq!(store.plan("gone").last_run, None);
}

#[test]
fn a_plan_that_is_gone_stays_as_long_as_there_is_something_to_tell() {
    let mut store = Store::new();
    for id in ["report", "run", "covered"] {
        store.commit(&[plan(id, 0, 50), Record::Forget { job: job(id) }]);
    }
    store.commit(&[
        report_about("report", report("completed")),
        Record::Run(run("run", 20, RunState::Running)),
        Record::Covered {
            job: job("covered"),
            covered: due(100),
        },
    ]);
    assert_eq!(prune(&mut store, 100).0.plans, 0);
    assert_eq!(
        store.ledger().reader().pending_reports(9).expect("reports").len(),
        1
    );
    store.commit(&[Record::Run(run("run", 20, RunState::Done(Outcome::Lost)))]);
    assert_eq!(prune(&mut store, 100).0.plans, 1);
    assert_eq!(prune(&mut store, 101).0.plans, 1);
}

#[test]
fn each_call_is_bounded() {
    let mut store = Store::new();
    let mut records = vec![plan("a", 0, 0)];
    for when in 0..12_000 {
        records.push(Record::Verdict(verdict(
            "a",
            when,
            Verdict::Skipped(Reason::Overlap),
        )));
        records.push(Record::Run(run("a", when, RunState::Done(Outcome::Success))));
    }
    store.commit(&records);
    let first = store.ledger().prune(due(100_000)).expect("pruned");
    assert_eq!(
        first,
        Pruned {
            verdicts: 5_000,
            runs: 5_000,
            plans: 0,
            more: true
        }
    );
    let (rest, calls) = prune(&mut store, 100_000);
    assert_eq!((rest.verdicts, rest.runs, calls), (7_000, 6_999, 2));
    assert_eq!(store.ledger().reader().runs(None, 9).expect("runs").len(), 1);
}
