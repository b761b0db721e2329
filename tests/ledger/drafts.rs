//! Records made before their backups wait until they say what became of them, and not longer.

use freezerd::ledger::{DraftSent, PendingDraft};
use freezerd::planner::{Metadata, Outcome, Record, RunId, RunRecord, RunState};

use crate::{Store, due, job, plan, run};

fn launched(when: i64) -> RunRecord {
    run("a", when, RunState::Starting)
}

fn ended(when: i64, outcome: Outcome) -> Record {
    Record::Run(run("a", when, RunState::Done(outcome)))
}

fn said(when: i64, step: u32) -> Record {
    Record::Backup {
        run: RunId::new(&job("a"), due(when)),
        metadata: Metadata::from_stored(step, "{}"),
    }
}

fn waiting(store: &mut Store) -> Vec<PendingDraft> {
    let reader = store.ledger().reader();
    let all = reader.pending_drafts(100).expect("drafts");
    assert_eq!(reader.draft_backlog().expect("a number"), all.len() as u64);
    all
}

#[test]
fn what_was_sent_is_known_after_a_crash() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), Record::Run(launched(40))]);
    let send = |store: &mut Store, step| {
        let sent = store
            .ledger()
            .draft_sending(&launched(40), step)
            .expect("written");
        store.reopen();
        sent
    };
    assert_eq!(send(&mut store, 0), DraftSent::First);
    assert_eq!(send(&mut store, 0), DraftSent::InDoubt);
    assert_eq!(send(&mut store, 1), DraftSent::First);
    store
        .ledger()
        .draft_made(&launched(40).id, 0, "b1")
        .expect("written");
    store
        .ledger()
        .draft_not_made(&launched(40).id, 1)
        .expect("written");
    assert_eq!(send(&mut store, 0), DraftSent::Made("b1".to_owned()));
    assert_eq!(send(&mut store, 1), DraftSent::First);
    assert!(waiting(&mut store).is_empty(), "its run is not over");
}

#[test]
fn it_is_told_the_end_of_a_run_whose_agent_said_nothing() {
    for (outcome, succeeded) in [
        (Outcome::Success, true),
        (Outcome::Fail, false),
        (Outcome::Aborted, false),
        (Outcome::Lost, false),
    ] {
        let mut store = Store::new();
        store.commit(&[plan("a", 0, 0), Record::Run(launched(40))]);
        store.ledger().draft_sending(&launched(40), 2).expect("written");
        store
            .ledger()
            .draft_made(&launched(40).id, 2, "b1")
            .expect("written");
        store.commit(&[ended(40, outcome)]);
        store.reopen();
        let found = waiting(&mut store).remove(0);
        assert_eq!(
            (&found.job, &found.run, found.step),
            (&job("a"), &launched(40).id, 2)
        );
        assert_eq!(found.project.as_ref().expect("a project").as_str(), "p");
        assert_eq!(
            (found.backup_id.as_deref(), found.succeeded),
            (Some("b1"), succeeded)
        );
        store.ledger().draft_failed(found.id, "away").expect("written");
        assert_eq!(waiting(&mut store)[0].attempts, 1);
        store.ledger().draft_closed(found.id).expect("written");
        assert!(waiting(&mut store).is_empty());
    }
}

#[test]
fn it_is_told_of_a_run_that_was_withdrawn() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), Record::Run(launched(40))]);
    store.ledger().draft_sending(&launched(40), 0).expect("written");
    store.commit(&[Record::Withdraw { run: launched(40).id }]);
    let found = waiting(&mut store).remove(0);
    assert_eq!((found.backup_id, found.succeeded), (None, false));
}

#[test]
fn what_the_agent_said_comes_first_and_is_enough() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), Record::Run(launched(40))]);
    for (step, id) in [(0, Some("b1")), (1, None)] {
        store
            .ledger()
            .draft_sending(&launched(40), step)
            .expect("written");
        if let Some(id) = id {
            store
                .ledger()
                .draft_made(&launched(40).id, step, id)
                .expect("written");
        }
    }
    store.commit(&[ended(40, Outcome::Success), said(40, 0), said(40, 1), said(40, 2)]);
    store.reopen();
    assert!(waiting(&mut store).is_empty());
    let pending = store.ledger().reader().pending_backups(9).expect("backups");
    let drafts: Vec<_> = pending.iter().map(|one| one.draft.clone()).collect();
    assert_eq!(drafts, [Some(Some("b1".to_owned())), Some(None), None]);
    // Taken: nothing is left to say. Given up: the record must still be told.
    store.ledger().backup_taken(pending[0].id).expect("written");
    assert!(waiting(&mut store).is_empty());
    store.ledger().backup_given_up(pending[1].id).expect("written");
    let left = waiting(&mut store);
    assert_eq!((left.len(), left[0].step), (1, 1));
}
