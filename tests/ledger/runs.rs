//! The life of a run, written step by step and read back.

use freezerd::planner::{Outcome, Record, RunId, RunState};

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
