//! What agents said of their backups waits until the API has it: once for each step of each run.

use freezerd::ledger::{LedgerError, PendingBackup};
use freezerd::planner::{Metadata, Outcome, Record, RunId, RunState};

use crate::{Store, due, job, plan, run};

const TEXT: &str = "{\"action\": \"backup\",  \"backup_name\": \"\u{fc} \\u00fc\"}";

fn id(of: &str, when: i64) -> RunId {
    RunId::new(&job(of), due(when))
}

fn ended(of: &str, when: i64) -> Record {
    Record::Run(run(of, when, RunState::Done(Outcome::Success)))
}

fn said(of: &str, when: i64, step: u32, text: &str) -> Record {
    Record::Backup {
        run: id(of, when),
        metadata: Metadata::from_stored(step, text),
    }
}

fn waiting(store: &mut Store) -> Vec<PendingBackup> {
    let reader = store.ledger().reader();
    let all = reader.pending_backups(100).expect("backups");
    assert_eq!(reader.backup_backlog().expect("a number"), all.len() as u64);
    all
}

/// Run, step and text of what waits.
fn texts(store: &mut Store) -> Vec<(String, u32, String)> {
    let words = |one: PendingBackup| {
        let text = one.metadata.text().to_owned();
        (one.run.to_string(), one.metadata.step(), text)
    };
    waiting(store).into_iter().map(words).collect()
}

#[test]
fn it_comes_back_as_it_went_in() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), ended("a", 40), said("a", 40, 3, TEXT)]);
    store.reopen();
    let found = waiting(&mut store).remove(0);
    assert_eq!((found.job, found.run), (job("a"), id("a", 40)));
    assert_eq!(found.project.expect("a project").as_str(), "p");
    assert_eq!(found.metadata, Metadata::from_stored(3, TEXT));
    assert_eq!((found.in_doubt, found.attempts, found.error), (false, 0, None));
}

#[test]
fn any_number_waits_in_the_order_it_was_said() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), plan("b", 0, 0), ended("b", 50), ended("a", 40)]);
    store.commit(&[
        said("b", 50, 1, "1"),
        said("b", 50, 0, "2"),
        said("a", 40, 0, "3"),
    ]);
    store.commit(&[ended("a", 60), said("a", 60, 0, "4")]);
    store.reopen();
    let order: Vec<_> = texts(&mut store).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(order, ["1", "2", "3", "4"]);
    let first = store.ledger().reader().pending_backups(1).expect("backups");
    assert_eq!(first.len(), 1);
}

#[test]
fn a_step_is_queued_once_however_often_it_is_told() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), ended("a", 40), said("a", 40, 0, "first")]);
    store.commit(&[ended("a", 40), said("a", 40, 0, "again")]);
    assert_eq!(
        texts(&mut store),
        [(id("a", 40).to_string(), 0, "first".to_owned())]
    );
    let queued = waiting(&mut store).remove(0);
    store.ledger().backup_taken(queued.id).expect("written");
    assert_eq!(texts(&mut store), []);
    // Told once more after it was delivered, and after a restart.
    store.reopen();
    store.commit(&[ended("a", 40), said("a", 40, 0, "late")]);
    assert_eq!(texts(&mut store), []);
    store.commit(&[said("a", 40, 1, "another step")]);
    assert_eq!(texts(&mut store).len(), 1);
}

/// It ran for a due time that lay ahead, by a clock that was days wrong, and runs for it when it comes.
#[test]
fn what_a_run_says_when_it_runs_once_more_is_another_backup() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), ended("a", 40), said("a", 40, 0, "first")]);
    let first = waiting(&mut store).remove(0);
    store.ledger().backup_taken(first.id).expect("written");
    store.commit(&[Record::Run(run("a", 40, RunState::Queued))]);
    store.commit(&[ended("a", 40), said("a", 40, 0, "second")]);
    assert_eq!(
        texts(&mut store),
        [(id("a", 40).to_string(), 0, "second".to_owned())]
    );
}

#[test]
fn what_may_have_arrived_is_in_doubt_until_it_surely_did_not() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), ended("a", 40), said("a", 40, 0, "x")]);
    let sent = waiting(&mut store).remove(0).id;
    store.ledger().backup_sending(sent).expect("written");
    // A crash before the answer.
    store.reopen();
    let found = waiting(&mut store).remove(0);
    assert_eq!((found.id, found.in_doubt, found.attempts), (sent, true, 0));
    store
        .ledger()
        .backup_failed(sent, &"no ".repeat(1000), false)
        .expect("written");
    store.reopen();
    let found = waiting(&mut store).remove(0);
    assert_eq!((found.in_doubt, found.attempts), (false, 1));
    assert_eq!(found.error.map(|error| error.len()), Some(500));
    store
        .ledger()
        .backup_failed(sent, "timed out", true)
        .expect("written");
    let found = waiting(&mut store).remove(0);
    assert_eq!((found.in_doubt, found.attempts), (true, 2));
}

#[test]
fn one_that_is_refused_holds_up_no_other() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        ended("a", 40),
        said("a", 40, 0, "x"),
        said("a", 40, 1, "y"),
    ]);
    let first = waiting(&mut store).remove(0);
    store
        .ledger()
        .backup_failed(first.id, "no", false)
        .expect("written");
    let order: Vec<_> = texts(&mut store).into_iter().map(|(_, step, _)| step).collect();
    assert_eq!(order, [1, 0]);
}

#[test]
fn a_run_that_was_never_recorded_is_refused_with_all_of_its_commit() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    let error = store
        .ledger()
        .commit(&[ended("a", 40), said("a", 99, 0, "x")])
        .expect_err("unknown");
    assert!(
        matches!(&error, LedgerError::UnknownRun { run } if *run == id("a", 99)),
        "{error}"
    );
    assert!(store.ledger().reader().runs(None, 9).expect("runs").is_empty());
}

#[test]
fn neither_forgetting_its_plan_nor_pruning_loses_it() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 50), ended("a", 40), said("a", 40, 0, "x")]);
    store.commit(&[Record::Forget { job: job("a") }]);
    let pruned = store.ledger().prune(due(1000)).expect("pruned");
    assert_eq!((pruned.runs, pruned.plans), (0, 0));
    let waits = waiting(&mut store).remove(0);
    assert_eq!(waits.project.expect("a project").as_str(), "p");
    // Delivered, it goes with its run.
    store.ledger().backup_taken(waits.id).expect("written");
    let pruned = store.ledger().prune(due(1000)).expect("pruned");
    assert_eq!((pruned.runs, pruned.plans), (1, 1));
    assert_eq!(texts(&mut store), []);
}

/// An agent may have deleted the backup that an older one told of. Deleted before that is recorded, its record would be
/// made anew.
#[test]
fn what_tells_of_deletions_waits_for_what_is_unsure_of_its_plan() {
    let deleted = "{\"deleted_freezer_backup_ids\": [\"b1\"]}";
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), plan("b", 0, 0)]);
    store.commit(&[ended("a", 40), said("a", 40, 0, TEXT)]);
    store.commit(&[ended("a", 60), said("a", 60, 0, deleted)]);
    store.commit(&[ended("a", 80), said("a", 80, 0, TEXT)]);
    store.commit(&[ended("b", 50), said("b", 50, 0, deleted)]);
    let all = waiting(&mut store);
    let ids = |store: &mut Store| -> Vec<String> {
        let pending = store.ledger().reader().pending_backups(100).expect("backups");
        pending.into_iter().map(|one| one.run.to_string()).collect()
    };
    let runs = |these: &[(&str, i64)]| -> Vec<String> {
        these.iter().map(|(of, when)| id(of, *when).to_string()).collect()
    };
    let (first, second) = (all[0].id, all[1].id);
    assert_eq!(
        ids(&mut store),
        runs(&[("a", 40), ("a", 60), ("a", 80), ("b", 50)])
    );
    // Whoever died while it was on its way has noted no more.
    store.ledger().backup_sending(first).expect("written");
    assert_eq!(ids(&mut store), runs(&[("a", 40), ("a", 80), ("b", 50)]));
    for in_doubt in [true, false] {
        store
            .ledger()
            .backup_failed(first, "no", in_doubt)
            .expect("written");
        assert_eq!(ids(&mut store), runs(&[("a", 80), ("b", 50), ("a", 40)]));
    }
    assert_eq!(store.ledger().reader().backup_backlog().expect("a number"), 4);
    store.ledger().backup_taken(first).expect("written");
    assert_eq!(ids(&mut store), runs(&[("a", 60), ("a", 80), ("b", 50)]));
    // Its own doubt is no reason.
    store.ledger().backup_sending(second).expect("written");
    assert_eq!(ids(&mut store), runs(&[("a", 60), ("a", 80), ("b", 50)]));
}
