//! Ends of runs for sessions wait until the API took them: of a plan and a session the newest.

use freezerd::ledger::PendingSessionEnd;
use freezerd::planner::{
    Admission, Membership, Outcome, Record, Refusal, RunId, RunRecord, RunState, SessionEnd,
};

use crate::{Store, at, due, job, plan, run};

fn end(of: &str, when: i64, session: &str, result: &str) -> Record {
    Record::SessionEnd {
        job: job(of),
        run: RunId::new(&job(of), due(when)),
        end: SessionEnd {
            session: session.to_owned(),
            tag: when,
            result: result.to_owned(),
            unsure: false,
        },
    }
}

/// Plan, session and result of what waits, in the order it is to be delivered.
fn waiting(store: &mut Store) -> Vec<String> {
    let all = store.ledger().reader().pending_session_ends(99).expect("ends");
    all.into_iter()
        .map(|one| {
            format!(
                "{} {} {} {}",
                one.job, one.end.session, one.end.tag, one.end.result
            )
        })
        .collect()
}

/// The one that is told next.
fn next_end(store: &mut Store) -> PendingSessionEnd {
    let ends = store.ledger().reader().pending_session_ends(1);
    ends.expect("ends").remove(0)
}

#[test]
fn the_newest_of_each_plan_and_session_waits_behind_those_tried_less_often() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), plan("b", 0, 0)]);
    store.commit(&[end("a", 10, "s", "fail"), end("b", 10, "s", "success")]);
    store.reopen();
    let first = next_end(&mut store);
    assert_eq!(first.project.expect("a project").as_str(), "p");
    store.ledger().session_untold(first.id, "no").expect("written");
    assert_eq!(waiting(&mut store), ["b s 10 success", "a s 10 fail"]);
    store.commit(&[end("a", 20, "s", "success"), end("a", 20, "t", "aborted")]);
    // The old one arrives after all: that takes nothing from the new one.
    store.ledger().session_told(first.id).expect("written");
    let all = store.ledger().reader().pending_session_ends(9).expect("ends");
    let mut waits = |id| store.ledger().reader().session_end_waits(id).expect("read");
    assert!(!waits(first.id) && all.iter().all(|end| waits(end.id)));
    assert_eq!(
        waiting(&mut store),
        ["b s 10 success", "a s 20 success", "a t 20 aborted"]
    );
    let of_a = store.ledger().reader().session_ends_of(&job("a")).expect("ends");
    assert_eq!(of_a.len(), 2);
}

#[test]
fn a_plan_that_is_gone_is_kept_until_its_session_knows() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        end("a", 10, "s", "success"),
        Record::Forget { job: job("a") },
    ]);
    store.ledger().prune(due(1_000)).expect("pruned");
    let only = store
        .ledger()
        .reader()
        .pending_session_ends(9)
        .expect("ends")
        .remove(0);
    store.ledger().session_told(only.id).expect("written");
    assert_eq!(store.ledger().prune(due(1_000)).expect("pruned").plans, 1);
}

#[test]
fn the_part_of_a_run_in_its_session_comes_back_as_it_went_in() {
    let mut store = Store::new();
    let waits = RunRecord {
        session: Some(Box::new(Membership {
            session: "\u{fc}\"s".to_owned(),
            tag: 7,
            asked: at(40_123),
            admission: Admission::Waiting,
            refused: Some(Refusal::OutOfSync),
            unheard: true,
            again: false,
        })),
        ..run("a", 40, RunState::Queued)
    };
    store.commit(&[plan("a", 0, 0), Record::Run(waits.clone())]);
    store.reopen();
    assert_eq!(
        store.ledger().reader().restore().expect("restored").open_runs,
        std::slice::from_ref(&waits)
    );
    let over = RunRecord {
        state: RunState::Done(Outcome::Success),
        ..waits
    };
    store.commit(&[Record::Run(over.clone())]);
    store.reopen();
    let restored = store.ledger().reader().restore().expect("restored");
    assert_eq!(restored.plans[0].last_success, Some(over));
}

/// As long as another end waits, nothing was asked of the session.
#[test]
fn one_that_may_be_void_takes_no_others_place() {
    let unsure = |when| match end("a", when, "s", "aborted") {
        Record::SessionEnd { job, run, mut end } => {
            end.unsure = true;
            Record::SessionEnd { job, run, end }
        }
        other => other,
    };
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), end("a", 10, "s", "success"), unsure(20)]);
    assert_eq!(waiting(&mut store), ["a s 10 success"]);
    let first = next_end(&mut store);
    store.ledger().session_told(first.id).expect("told");
    store.commit(&[unsure(20)]);
    store.reopen();
    let ends = store.ledger().reader().pending_session_ends(9).expect("ends");
    assert!(
        ends.iter().all(|one| one.end.unsure && one.end.tag == 20),
        "{ends:?}"
    );
    assert_eq!(ends.len(), 1);
    store.commit(&[end("a", 30, "s", "fail")]);
    assert_eq!(waiting(&mut store), ["a s 30 fail"]);
}
