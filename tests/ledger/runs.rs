//! The life of a run, written step by step and read back.

use freezerd::planner::{Outcome, Queued, Record, RunId, RunRecord, RunState, Verdict};

use crate::{Store, at, due, job, plan, run};

#[test]
fn a_run_that_never_got_started_can_be_withdrawn() {
    let mut store = Store::new();
    for state in [RunState::Queued, RunState::Starting] {
        store.commit(&[plan("a", 0, 0), Record::Run(run("a", 40, state))]);
        store.commit(&[Record::Withdraw {
            run: RunId::new(&job("a"), due(40)),
        }]);
        assert!(
            store
                .ledger()
                .reader()
                .restore()
                .expect("restored")
                .open_runs
                .is_empty()
        );
    }
    store.commit(&[Record::Run(run("a", 40, RunState::Running))]);
    let error = store
        .ledger()
        .commit(&[Record::Withdraw {
            run: RunId::new(&job("a"), due(40)),
        }])
        .expect_err("it runs");
    assert_eq!(
        error.to_string(),
        "run a-19700101T000040Z: cannot be withdrawn: it is not waiting to be started"
    );
}

#[test]
fn what_waits_together_is_told_of_as_of_each_by_itself() {
    let mut store = Store::new();
    let names = ["a", "b", "c/unsafe"].map(job);
    store.commit(&names.clone().map(|job| plan(job.as_str(), 0, 0)));
    let queued = Queued {
        jobs: names.iter().cloned().collect(),
        due: due(40),
        decided: at(41_000),
    };
    let before = run("b", 20, RunState::Done(Outcome::Success));
    store.commit(&[Record::Run(before.clone()), Record::Queued(queued.clone())]);
    store.reopen();
    let of_its_plan = |waits: RunRecord| RunRecord {
        project: before.project.clone(),
        ..waits
    };
    let waits: Vec<RunRecord> = queued.runs().map(of_its_plan).collect();
    let [a, b, c] = &waits[..] else {
        panic!("{waits:?}")
    };
    let reader = store.ledger().reader();
    assert_eq!(reader.restore().expect("restored").open_runs, waits);
    assert_eq!(
        reader.runs(Some(&b.job), 9).expect("runs"),
        [b.clone(), before.clone()]
    );
    assert_eq!(
        reader.runs(None, 2).expect("runs"),
        [c.clone(), b.clone()],
        "the latest"
    );
    assert_eq!(reader.run(&c.id).expect("read"), Some(c.clone()));
    assert_eq!(reader.run(&RunId::new(&c.job, due(41))).expect("read"), None);
    assert_eq!(reader.run_before(&b.job, due(41)).expect("read"), Some(b.clone()));
    assert_eq!(
        reader.run_before(&b.job, due(40)).expect("read"),
        Some(before.clone())
    );
    for waits in &waits {
        let verdict = reader.verdict_at(&waits.job, due(40)).expect("read");
        assert_eq!(verdict.expect("one").verdict, Verdict::Run(waits.id.clone()));
    }
    assert_eq!(reader.restore().expect("restored").tally.ran, 3);
    assert_eq!(store.plan("a").covered, due(40));

    // What is known of one of them by itself is all that is known of it.
    let mut by_itself = a.clone();
    by_itself.not_before = Some(due(60));
    store.commit(&[Record::Run(by_itself.clone())]);
    store.commit(&[Record::Withdraw { run: b.id.clone() }]);
    let reader = store.ledger().reader();
    assert_eq!(
        reader.restore().expect("restored").open_runs,
        [by_itself.clone(), c.clone()]
    );
    assert_eq!(reader.run(&b.id).expect("read"), None);
    assert_eq!(reader.verdict_at(&b.job, due(40)).expect("read"), None);
    assert_eq!(reader.runs(Some(&a.job), 9).expect("runs"), [by_itself.clone()]);
    store.commit(&[Record::Run(c.clone()), Record::Withdraw { run: c.id.clone() }]);
    let restored = store.ledger().reader().restore().expect("restored");
    assert_eq!((restored.open_runs, restored.tally.ran), (vec![by_itself], 1));
    // One that waits is withdrawn once.
    for gone in [&b.id, &c.id] {
        let again = store.ledger().commit(&[Record::Withdraw { run: gone.clone() }]);
        again.expect_err("it waits no more");
    }
}

#[test]
fn what_waits_for_a_time_at_which_it_ran_by_a_wrong_clock_runs_once_more_and_no_more() {
    let mut store = Store::new();
    let done = run("a", 40, RunState::Done(Outcome::Success));
    store.commit(&[plan("a", 0, 0), Record::Run(done)]);
    let queued = Queued {
        jobs: [job("a")].into_iter().collect(),
        due: due(40),
        decided: at(41_000),
    };
    store.commit(&[Record::Queued(queued)]);
    for state in [
        RunState::Starting,
        RunState::Running,
        RunState::Done(Outcome::Fail),
    ] {
        store.commit(&[Record::Run(run("a", 40, state))]);
        let open = store.ledger().reader().restore().expect("restored").open_runs;
        assert!(open.iter().all(|run| run.state == state), "{open:?}");
    }
}

#[test]
fn a_run_through_its_life() {
    let mut store = Store::new();
    let mut life = run("a", 40, RunState::Queued);
    life.not_before = Some(due(45));
    life.cadence = None;
    life.project = None;
    store.commit(&[plan("a", 0, 0), Record::Run(life.clone())]);
    for state in [RunState::Queued, RunState::Starting, RunState::Running] {
        life.state = state;
        life.pid = (state == RunState::Running).then_some(u32::MAX);
        life.started = life.pid.map(|_| at(41_123));
        store.commit(&[Record::Run(life.clone())]);
        store.reopen();
        assert_eq!(
            store.ledger().reader().restore().expect("restored").open_runs,
            [life.clone()]
        );
    }
    life.state = RunState::Done(Outcome::Fail);
    life.ended = Some(at(42_999));
    life.detail = "backup fs: exit 1\nline two".to_owned();
    store.commit(&[Record::Run(life.clone())]);
    store.reopen();
    let restored = store.ledger().reader().restore().expect("restored");
    assert!(restored.open_runs.is_empty());
    assert_eq!(restored.plans[0].last_run, Some(life.clone()));
    assert_eq!(restored.plans[0].last_success, None);
    let counts = [
        (Outcome::Success, 0),
        (Outcome::Fail, 1),
        (Outcome::Aborted, 0),
        (Outcome::Lost, 0),
    ];
    assert_eq!(restored.tally.outcomes, counts);
    assert_eq!(store.ledger().reader().run(&life.id).expect("read"), Some(life));
}

#[test]
fn the_last_run_and_the_last_success_go_by_due_time() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        Record::Run(run("a", 10, RunState::Done(Outcome::Success))),
        Record::Run(run("a", 30, RunState::Done(Outcome::Success))),
        Record::Run(run("a", 20, RunState::Done(Outcome::Success))),
        Record::Run(run("a", 40, RunState::Done(Outcome::Lost))),
        Record::Run(run("a", 50, RunState::Running)),
    ]);
    let a = store.plan("a");
    assert_eq!(a.last_run.expect("a run").due, due(40));
    assert_eq!(
        a.last_success,
        Some(run("a", 30, RunState::Done(Outcome::Success)))
    );
    // It turns out that one was no success, and that a lost one was.
    store.commit(&[
        Record::Run(run("a", 30, RunState::Done(Outcome::Fail))),
        Record::Run(run("a", 40, RunState::Done(Outcome::Success))),
    ]);
    assert_eq!(store.plan("a").last_success.expect("a success").due, due(40));
    store.commit(&[Record::Run(run("a", 40, RunState::Done(Outcome::Fail)))]);
    assert_eq!(store.plan("a").last_success.expect("a success").due, due(20));
    let outcomes = store
        .ledger()
        .reader()
        .restore()
        .expect("restored")
        .tally
        .outcomes;
    assert_eq!(outcomes[..2], [(Outcome::Success, 2), (Outcome::Fail, 2)]);
}
