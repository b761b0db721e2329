//! What `why` and `history` read, beside a daemon that writes.

use freezerd::ledger::Ledger;
use freezerd::planner::{Outcome, Reason, Record, RunId, RunState, Verdict};

use crate::{Store, due, job, plan, run, verdict, verdict_over};

fn firsts(store: &mut Store, id: &str, from: i64, to: i64, limit: usize) -> Vec<i64> {
    let found = store
        .ledger()
        .reader()
        .verdicts(&job(id), due(from), due(to), limit)
        .expect("verdicts");
    found.iter().map(|verdict| verdict.first.epoch()).collect()
}

#[test]
fn one_plans_verdicts_among_many() {
    let mut store = Store::new();
    let skipped = || Verdict::Skipped(Reason::Overlap);
    let names = ["a", "b", "c", "d"];
    let mut records: Vec<Record> = names.iter().map(|name| plan(name, 0, 0)).collect();
    for first in (0..100).step_by(10) {
        // Each plan at times of its own, and all of them at some.
        for (index, name) in (0..).zip(names) {
            if first % 20 == 0 || first % 40 == index * 10 {
                records.push(Record::Verdict(verdict(name, first, skipped())));
            }
        }
    }
    store.commit(&records);
    assert_eq!(
        firsts(&mut store, "b", 0, 100, 99),
        [90, 80, 60, 50, 40, 20, 10, 0]
    );
    assert_eq!(firsts(&mut store, "d", 0, 100, 99), [80, 70, 60, 40, 30, 20, 0]);
    assert_eq!(firsts(&mut store, "b", 10, 60, 99), [60, 50, 40, 20, 10]);
    assert_eq!(firsts(&mut store, "b", 10, 60, 2), [60, 50]);
    assert_eq!(firsts(&mut store, "b", 61, 79, 99), Vec::<i64>::new());
    assert_eq!(firsts(&mut store, "b", 60, 10, 99), Vec::<i64>::new());
    assert_eq!(firsts(&mut store, "unknown", 0, 100, 99), Vec::<i64>::new());
    assert_eq!(firsts(&mut store, "a", i64::MIN, i64::MAX, 1), [80]);
}

#[test]
fn the_verdict_that_covers_a_due_time() {
    let mut store = Store::new();
    let into = RunId::new(&job("a"), due(40));
    store.commit(&[
        plan("a", 0, 0),
        plan("b", 0, 0),
        Record::Verdict(verdict_over("a", 10, 30, 3, Verdict::Coalesced(into.clone()))),
        Record::Verdict(verdict("a", 40, Verdict::Run(into))),
        Record::Verdict(verdict("b", 25, Verdict::Skipped(Reason::Stopped))),
    ]);
    let mut first_at = |id: &str, when: i64| {
        let found = store
            .ledger()
            .reader()
            .verdict_at(&job(id), due(when))
            .expect("read");
        found.map(|verdict| verdict.first.epoch())
    };
    assert_eq!(first_at("a", 9), None);
    assert_eq!([10, 20, 30].map(|when| first_at("a", when)), [Some(10); 3]);
    assert_eq!(first_at("a", 31), None);
    assert_eq!(first_at("a", 40), Some(40));
    assert_eq!(first_at("a", 41), None);
    assert_eq!((first_at("b", 25), first_at("b", 20)), (Some(25), None));
    // A range that begins inside of what one verdict covers shows that verdict too.
    assert_eq!(firsts(&mut store, "a", 20, 50, 9), [40, 10]);
}

#[test]
fn the_verdict_after_a_time() {
    let mut store = Store::new();
    let names = ["a", "b", "c"];
    let mut records: Vec<Record> = names.iter().map(|name| plan(name, 0, 0)).collect();
    let skipped = || Verdict::Skipped(Reason::Stopped);
    for (name, first) in [
        ("a", 10),
        ("b", 10),
        ("c", 10),
        ("a", 15),
        ("c", 15),
        ("b", 20),
        ("a", 30),
    ] {
        records.push(Record::Verdict(verdict(name, first, skipped())));
    }
    records.push(Record::Verdict(verdict_over("b", 40, 60, 3, skipped())));
    store.commit(&records);
    let mut after = |id: &str, when: i64| {
        let found = store.ledger().reader().verdict_after(&job(id), due(when));
        found.expect("read").map(|verdict| verdict.first.epoch())
    };
    for start in [i64::MIN, 0, 9] {
        assert_eq!(["a", "b", "c"].map(|id| after(id, start)), [Some(10); 3]);
    }
    assert_eq!(
        ["a", "b", "c"].map(|id| after(id, 10)),
        [Some(15), Some(20), Some(15)]
    );
    assert_eq!(
        ["a", "b", "c"].map(|id| after(id, 20)),
        [Some(30), Some(40), None]
    );
    // Inside of what one verdict covers, the next is what comes after it.
    assert_eq!(after("b", 50), None);
    assert_eq!((after("a", i64::MAX), after("unknown", 0)), (None, None));
}

#[test]
fn the_run_before_a_due_time_and_the_last_success() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        plan("b", 0, 0),
        Record::Run(run("a", 10, RunState::Done(Outcome::Success))),
        Record::Run(run("a", 20, RunState::Done(Outcome::Fail))),
        Record::Run(run("a", 30, RunState::Queued)),
        Record::Run(run("b", 15, RunState::Running)),
    ]);
    let reader = store.ledger().reader();
    let before = |id: &str, when: i64| {
        let found = reader.run_before(&job(id), due(when)).expect("read");
        found.map(|run| run.due.epoch())
    };
    assert_eq!(
        [10, 11, 20, 21, 99].map(|when| before("a", when)),
        [None, Some(10), Some(10), Some(20), Some(30)]
    );
    assert_eq!((before("b", 99), before("unknown", 99)), (Some(15), None));
    let success = |id: &str| {
        reader
            .last_success(&job(id))
            .expect("read")
            .map(|run| run.due.epoch())
    };
    assert_eq!(["a", "b", "unknown"].map(success), [Some(10), None, None]);
}

/// A plan may be called as another's id is: the id is what counts, and who lives comes before who is gone.
#[test]
fn one_plan_by_its_id() {
    let mut store = Store::new();
    let called = |id: &str, name: &str| match plan(id, 0, 5) {
        Record::Plan {
            job,
            project,
            document,
            first_seen,
            covered,
            ..
        } => Record::Plan {
            job,
            name: name.to_owned(),
            project,
            document,
            brief: None,
            first_seen,
            covered,
        },
        other => other,
    };
    store.commit(&[
        called("a", "x"),
        called("b", "x"),
        called("x", "y"),
        Record::Forget { job: job("a") },
    ]);
    let reader = store.ledger().reader();
    let ids = |wanted: &str, limit| {
        let found = reader.plans(Some(wanted), limit).expect("plans");
        found.iter().map(|plan| plan.job.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids("x", 9), ["x", "b", "a"]);
    assert_eq!(ids("x", 1), ["x"]);
    let name = |id: &str| reader.plan(&job(id)).expect("read").map(|plan| plan.name);
    assert_eq!(name("x").as_deref(), Some("y"));
    assert_eq!(name("y"), None);
}

/// Several answers of one moment: what is committed in between is not among them.
#[test]
fn answers_of_one_moment() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    let reader = Ledger::open_reader(&store.path()).expect("a reader");
    let count = |reader: &freezerd::ledger::Reader| reader.runs(None, 9).map(|runs| runs.len());
    let counted: Result<_, freezerd::ledger::LedgerError> = reader.at_one_moment(|reader| {
        let before = count(reader)?;
        store.commit(&[Record::Run(run("a", 10, RunState::Queued))]);
        Ok((before, count(reader)?))
    });
    assert_eq!(counted.expect("read"), (0, 0));
    assert_eq!(count(&reader).expect("read"), 1);
    let failed: Result<(), String> = reader
        .at_one_moment(|_| Err(Told("no".to_owned())))
        .map_err(|Told(text)| text);
    assert_eq!(failed, Err("no".to_owned()));
    assert_eq!(count(&reader).expect("the moment is over all the same"), 1);
}

struct Told(String);

impl From<freezerd::ledger::LedgerError> for Told {
    fn from(error: freezerd::ledger::LedgerError) -> Self {
        Self(error.to_string())
    }
}

#[test]
fn runs_of_one_plan_and_of_all() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        plan("b", 0, 0),
        Record::Run(run("a", 20, RunState::Done(Outcome::Success))),
        Record::Run(run("b", 15, RunState::Queued)),
        Record::Run(run("a", 10, RunState::Running)),
    ]);
    let mut dues = |id: Option<&str>, limit| {
        let found = store
            .ledger()
            .reader()
            .runs(id.map(job).as_ref(), limit)
            .expect("runs");
        found
            .iter()
            .map(|run| (run.job.to_string(), run.due.epoch()))
            .collect::<Vec<_>>()
    };
    let pair = |id: &str, when| (id.to_owned(), when);
    assert_eq!(dues(Some("a"), 9), [pair("a", 20), pair("a", 10)]);
    assert_eq!(dues(None, 9), [pair("a", 10), pair("b", 15), pair("a", 20)]);
    assert_eq!(dues(None, 1), [pair("a", 10)]);
    assert_eq!(dues(Some("unknown"), 9), []);
    let id = RunId::new(&job("b"), due(15));
    assert_eq!(
        store.ledger().reader().run(&id).expect("read"),
        Some(run("b", 15, RunState::Queued))
    );
    assert_eq!(
        store
            .ledger()
            .reader()
            .run(&RunId::from_stored(String::new()))
            .expect("read"),
        None
    );
}

#[test]
fn plans_by_id_and_by_name() {
    let mut store = Store::new();
    store.commit(&[
        plan("b", 0, 5),
        plan("a", 0, 5),
        plan("c", 0, 5),
        Record::Forget { job: job("c") },
    ]);
    let mut ids = |wanted: Option<&str>, limit| {
        let found = store.ledger().reader().plans(wanted, limit).expect("plans");
        found.iter().map(|plan| plan.job.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 9), ["a", "b", "c"]);
    assert_eq!(ids(None, 2), ["a", "b"]);
    assert_eq!(ids(Some("b"), 9), ["b"]);
    assert_eq!(ids(Some("plan b"), 9), ["b"]);
    assert_eq!(ids(Some("plan"), 9), Vec::<String>::new());
}

/// A reader sees each commit whole, however it falls between the daemon's writes.
#[test]
fn a_reader_beside_a_writer() {
    const COMMITS: i64 = 300;
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    let reader = Ledger::open_reader(&store.path()).expect("a reader");
    let watching = std::thread::spawn(move || {
        let mut seen = 0;
        while seen < COMMITS {
            let restored = reader.restore().expect("restored");
            let covered = restored.plans[0].covered.epoch();
            assert_eq!(restored.tally.due(), covered.unsigned_abs());
            assert_eq!(restored.open_runs.len(), usize::from(covered > 0));
            assert!(covered >= seen, "{covered} after {seen}");
            seen = covered;
        }
    });
    let mut last: Option<i64> = None;
    for when in 1..=COMMITS {
        let mut records = vec![
            Record::Verdict(verdict("a", when, Verdict::Run(RunId::new(&job("a"), due(when))))),
            Record::Covered {
                job: job("a"),
                covered: due(when),
            },
            Record::Run(run("a", when, RunState::Running)),
        ];
        records.extend(last.map(|last| Record::Run(run("a", last, RunState::Done(Outcome::Success)))));
        store.commit(&records);
        last = Some(when);
    }
    watching.join().expect("the reader saw whole commits");
}
