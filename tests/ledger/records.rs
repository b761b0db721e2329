//! Each sort of record, written and read back.

use std::sync::Arc;

use freezerd::ledger::LedgerError;
use freezerd::planner::{Outcome, Reason, Record, RunId, RunState, Verdict};

use crate::{Store, at, due, job, plan, report, report_about, run, verdict, verdict_over};

#[test]
fn a_plan_and_its_changes() {
    let mut store = Store::new();
    store.commit(&[plan("a", 5, 10), plan("b", 6, 10)]);
    store.reopen();
    let a = store.plan("a");
    assert_eq!(
        (a.first_seen, a.covered, &*a.document),
        (due(5), due(10), "{\"job_id\":\"a\"}")
    );
    assert_eq!((a.last_run, a.last_success), (None, None));

    let changed = |document: Option<&str>| Record::Plan {
        job: job("a"),
        name: "renamed".to_owned(),
        project: None,
        document: document.map(Arc::from),
        brief: None,
        first_seen: due(7),
        covered: due(20),
    };
    store.commit(&[changed(None)]);
    let a = store.plan("a");
    assert_eq!(
        (a.first_seen, a.covered, &*a.document),
        (due(7), due(20), "{\"job_id\":\"a\"}")
    );
    store.commit(&[
        changed(Some("new")),
        Record::Covered {
            job: job("a"),
            covered: due(30),
        },
    ]);
    let a = store.plan("a");
    assert_eq!((a.covered, &*a.document), (due(30), "new"));
    let known = store.ledger().reader().plans(Some("renamed"), 10).expect("plans");
    assert_eq!(
        (known.len(), known[0].job.as_str(), known[0].project.as_ref()),
        (1, "a", None)
    );
}

#[test]
fn a_plan_that_is_gone_keeps_its_history_and_may_come_back() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 5, 10),
        Record::Run(run("a", 8, RunState::Done(Outcome::Success))),
        Record::Verdict(verdict("a", 8, Verdict::Skipped(Reason::Overlap))),
    ]);
    // What becomes of its due times may still be told in the same commit.
    store.commit(&[
        Record::Forget { job: job("a") },
        Record::Verdict(verdict("a", 9, Verdict::Skipped(Reason::Superseded))),
    ]);
    store.reopen();
    assert!(
        store
            .ledger()
            .reader()
            .restore()
            .expect("restored")
            .plans
            .is_empty()
    );
    let known = store.ledger().reader().plans(Some("a"), 10).expect("plans");
    assert_eq!((known.len(), &known[0].document), (1, &None));
    assert_eq!(
        store
            .ledger()
            .reader()
            .verdicts(&job("a"), due(0), due(99), 9)
            .expect("verdicts")
            .len(),
        2
    );
    store.commit(&[plan("a", 50, 60)]);
    let a = store.plan("a");
    assert_eq!((a.first_seen, a.last_run.expect("a run").due), (due(50), due(8)));
}

#[test]
fn verdicts_of_every_sort() {
    let mut store = Store::new();
    let usual = RunId::new(&job("a"), due(40));
    let odd = RunId::from_stored("odd".to_owned());
    let mut all = vec![
        verdict_over("a", 10, 30, 3, Verdict::Coalesced(usual.clone())),
        verdict("a", 40, Verdict::Run(usual)),
        verdict("a", 50, Verdict::Run(odd)),
    ];
    all.extend(
        (60..)
            .step_by(10)
            .zip(Reason::ALL)
            .map(|(first, reason)| verdict("a", first, Verdict::Skipped(reason))),
    );
    store.commit(&[plan("a", 0, 0)]);
    store.commit(&all.iter().cloned().map(Record::Verdict).collect::<Vec<_>>());
    store.reopen();
    let mut found = store
        .ledger()
        .reader()
        .verdicts(&job("a"), due(0), due(1000), 100)
        .expect("verdicts");
    found.reverse();
    assert_eq!(found, all);
    let tally = store.ledger().reader().restore().expect("restored").tally;
    assert_eq!(
        (tally.ran, tally.coalesced, tally.skipped.len(), tally.due()),
        (2, 3, 12, 17)
    );
}

#[test]
fn a_verdict_takes_the_place_of_an_earlier_one() {
    let mut store = Store::new();
    let id = RunId::new(&job("a"), due(40));
    store.commit(&[
        plan("a", 0, 0),
        Record::Run(run("a", 40, RunState::Queued)),
        Record::Verdict(verdict_over("a", 40, 60, 3, Verdict::Run(id.clone()))),
    ]);
    store.commit(&[
        Record::Withdraw { run: id.clone() },
        Record::Verdict(verdict("a", 40, Verdict::Skipped(Reason::Superseded))),
    ]);
    let found = store
        .ledger()
        .reader()
        .verdict_at(&job("a"), due(40))
        .expect("read")
        .expect("a verdict");
    assert_eq!(found, verdict("a", 40, Verdict::Skipped(Reason::Superseded)));
    assert_eq!(store.ledger().reader().run(&id).expect("read"), None);
    let tally = store.ledger().reader().restore().expect("restored").tally;
    assert_eq!(
        (tally.ran, tally.due(), tally.skipped.get(&Reason::Superseded)),
        (0, 1, Some(&1))
    );
}

/// What was coalesced into a run that is withdrawn shares the verdict of its due time.
#[test]
fn the_verdict_of_a_withdrawn_run_takes_the_place_of_all_that_led_to_it() {
    let mut store = Store::new();
    let queued = run("a", 40, RunState::Queued);
    store.commit(&[
        plan("a", 0, 0),
        Record::Run(queued.clone()),
        Record::Verdict(verdict_over(
            "a",
            20,
            30,
            2,
            Verdict::Coalesced(queued.id.clone()),
        )),
        Record::Verdict(verdict("a", 40, Verdict::Run(queued.id.clone()))),
    ]);
    let all = verdict_over("a", 20, 40, 3, Verdict::Skipped(Reason::Superseded));
    store.commit(&[Record::Withdraw { run: queued.id }, Record::Verdict(all.clone())]);
    let reader = store.ledger().reader();
    let found = reader.verdicts(&job("a"), due(0), due(100), 9).expect("verdicts");
    assert_eq!(found, [all]);
    let tally = reader.restore().expect("restored").tally;
    assert_eq!((tally.ran, tally.coalesced, tally.due()), (0, 0, 3));
}

#[test]
fn a_verdict_covers_its_due_times() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        Record::Verdict(verdict_over("a", 10, 30, 3, Verdict::Skipped(Reason::Stopped))),
    ]);
    assert_eq!(store.plan("a").covered, due(30));
    store.commit(&[Record::Verdict(verdict(
        "a",
        10,
        Verdict::Skipped(Reason::Stopped),
    ))]);
    assert_eq!(
        store.plan("a").covered,
        due(30),
        "an earlier one moves nothing back"
    );
    // The clock was set back: due times that were covered too soon are to come again.
    store.commit(&[Record::Covered {
        job: job("a"),
        covered: due(20),
    }]);
    assert_eq!(store.plan("a").covered, due(20));
}

#[test]
fn when_it_was_polled() {
    let mut store = Store::new();
    assert_eq!(store.ledger().reader().restore().expect("restored").polled, None);
    store.commit(&[Record::Polled { at: at(1_111) }]);
    store.commit(&[Record::Polled { at: at(2_222) }]);
    store.reopen();
    assert_eq!(
        store.ledger().reader().restore().expect("restored").polled,
        Some(at(2_222))
    );
}

#[test]
fn a_commit_is_whole_or_not_at_all() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), report_about("a", report("scheduled"))]);
    let before = store.ledger().reader().restore().expect("restored");
    let waiting = store.ledger().reader().pending_reports(9).expect("reports");
    let good = [
        plan("new", 0, 0),
        Record::Covered {
            job: job("a"),
            covered: due(99),
        },
        Record::Verdict(verdict("a", 40, Verdict::Skipped(Reason::Overlap))),
        Record::Run(run("a", 40, RunState::Done(Outcome::Success))),
        report_about("a", report("running")),
        Record::Forget { job: job("a") },
        Record::Polled { at: at(5) },
    ];
    let unknown = job("unknown");
    let bad = [
        Record::Covered {
            job: unknown.clone(),
            covered: due(1),
        },
        Record::Forget { job: unknown.clone() },
        Record::Verdict(verdict("unknown", 1, Verdict::Skipped(Reason::Overlap))),
        Record::Run(run("unknown", 1, RunState::Queued)),
        report_about("unknown", report("running")),
        Record::Withdraw {
            run: RunId::new(&job("a"), due(77)),
        },
        Record::Withdraw {
            run: RunId::new(&job("a"), due(40)),
        },
        Record::Plan {
            job: unknown,
            name: String::new(),
            project: None,
            document: None,
            brief: None,
            first_seen: due(0),
            covered: due(0),
        },
    ];
    for record in bad {
        let mut records = good.to_vec();
        records.push(record.clone());
        let error = store
            .ledger()
            .commit(&records)
            .expect_err("a record that cannot be");
        assert!(
            matches!(
                error,
                LedgerError::UnknownPlan { .. } | LedgerError::Started { .. }
            ),
            "{record:?}: {error}"
        );
        assert_eq!(
            store.ledger().reader().restore().expect("restored"),
            before,
            "{record:?}"
        );
        assert_eq!(
            store.ledger().reader().pending_reports(9).expect("reports"),
            waiting
        );
        // Nor does the ledger remember in memory what it has not on disk.
        let error = store
            .ledger()
            .commit(&[Record::Forget { job: job("new") }])
            .expect_err("never committed");
        assert!(matches!(error, LedgerError::UnknownPlan { .. }), "{error}");
    }
    store.commit(&good);
}

#[test]
fn texts_of_all_sorts_come_back() {
    let mut store = Store::new();
    let odd = "'; DROP TABLE plan; -- \u{0}\u{1f980}\n";
    store.commit(&[
        Record::Plan {
            job: job(odd),
            name: odd.to_owned(),
            project: None,
            document: Some(odd.into()),
            brief: None,
            first_seen: due(i64::MIN),
            covered: due(i64::MAX),
        },
        Record::Run({
            let mut run = run(odd, 5, RunState::Running);
            run.detail = odd.to_owned();
            run
        }),
        report_about(odd, report(odd)),
    ]);
    store.reopen();
    let found = store.plan(odd);
    assert_eq!(
        (&*found.document, found.first_seen, found.covered),
        (odd, due(i64::MIN), due(i64::MAX))
    );
    assert_eq!(
        store.ledger().reader().restore().expect("restored").open_runs[0].detail,
        odd
    );
    assert_eq!(
        store.ledger().reader().pending_reports(1).expect("reports")[0]
            .report
            .status,
        odd
    );
}

#[test]
fn many_verdicts_at_once_are_what_each_of_them_is_by_itself() {
    let mut store = Store::new();
    let ids: Vec<String> = (0..150).map(|number| format!("p{number}")).collect();
    let plans: Vec<Record> = ids.iter().map(|id| plan(id, 0, 0)).collect();
    store.commit(&plans);
    let all = |reason, from| -> Vec<Record> {
        let of = |id: &String| Record::Verdict(verdict(id, 100, Verdict::Skipped(reason)));
        ids.iter().skip(from).map(of).collect()
    };
    store.commit(&all(Reason::Overlap, 100));
    // Fifty of them take an earlier one's place, some in a lot with others that do not.
    store.commit(&all(Reason::Stopped, 0));
    let tally = store.ledger().reader().restore().expect("restored").tally;
    assert_eq!(
        (tally.due(), tally.skipped.get(&Reason::Stopped)),
        (150, Some(&150))
    );
    for id in &ids {
        assert_eq!(store.plan(id).covered, due(100), "{id}");
        let verdicts = store
            .ledger()
            .reader()
            .verdicts(&job(id), due(0), due(200), 2)
            .expect("them");
        assert_eq!(
            verdicts,
            [verdict(id, 100, Verdict::Skipped(Reason::Stopped))],
            "{id}"
        );
    }
    // None of them goes back.
    let ahead = Record::Covered {
        job: job("p7"),
        covered: due(500),
    };
    store.commit(&[ahead]);
    store.commit(&all(Reason::Expired, 0));
    assert_eq!(store.plan("p7").covered, due(500));
}
