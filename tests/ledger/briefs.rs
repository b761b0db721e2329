//! Stored briefs: a start reads what waiting needs, and a document only where there is no other way.

use std::sync::Arc;

use freezerd::ledger::{Known, Restored, RestoredPlan};
use freezerd::plan;
use freezerd::planner::{Brief, Record};
use rusqlite::Connection;

use super::{Store, due, job};

type Plans = Vec<RestoredPlan<Known>>;

/// A plan at this hour, with a session and times of its own.
fn document(id: &str, hour: u32) -> Arc<str> {
    format!(
        r#"{{"job_id": "{id}", "project_id": "p", "description": "plan {id}", "created_at": "2026-01-05T09:51:10",
            "session_id": "s-{id}", "session_tag": 3,
            "job_schedule": {{"schedule_hour": "{hour}", "status": "scheduled", "time_started": 1767606670}},
            "job_actions": [{{"freezer_action": {{"action": "backup", "mode": "fs", "container": "{id}"}}}}]}}"#
    )
    .into()
}

fn brief(store: &mut Store, document: &str) -> Brief {
    let digester = store.ledger().digester().expect("it");
    let plan = plan::parse(document, "a test").expect("a plan").plan;
    Brief::of(&plan, &digester)
}

fn record(store: &mut Store, id: &str, hour: u32) -> Record {
    let document = document(id, hour);
    let brief = brief(store, &document);
    Record::Plan {
        job: job(id),
        name: brief.name.to_string(),
        project: brief.project.clone(),
        document: Some(document),
        brief: Some(Box::new(brief)),
        first_seen: due(1),
        covered: due(2),
    }
}

fn restored(store: &mut Store) -> Restored<Plans> {
    let reader = store.ledger().reader();
    reader
        .restore_into(|_| Plans::new(), Vec::push)
        .expect("restored")
}

/// The briefs among what was restored, and how many documents.
fn known(store: &mut Store) -> (Vec<Brief>, usize) {
    let plans = restored(store).plans;
    let all = plans.len();
    let briefs: Vec<Brief> = plans
        .into_iter()
        .filter_map(|plan| match plan.document {
            Known::Brief(brief) => Some(brief),
            Known::Document(_) => None,
        })
        .collect();
    let documents = all - briefs.len();
    (briefs, documents)
}

fn sql(store: &Store, text: &str) {
    let connection = Connection::open(store.path()).expect("a database");
    connection.execute_batch(text).expect("changed");
}

/// Of how many sorts the plans are.
fn commons(store: &Store) -> i64 {
    let connection = Connection::open(store.path()).expect("a database");
    connection
        .query_row("SELECT count(*) FROM common", [], |row| row.get(0))
        .expect("a number")
}

/// Three plans of two sorts; a fourth without a brief.
fn store() -> Store {
    let mut store = Store::new();
    let mut records: Vec<Record> = [("a", 1), ("b", 2), ("c", 1)]
        .map(|(id, hour)| record(&mut store, id, hour))
        .into();
    records.push(super::plan("d", 0, 0));
    store.commit(&records);
    store
}

#[test]
fn they_are_what_the_documents_say_and_what_plans_have_in_common_is_there_once() {
    let mut store = store();
    store.reopen();
    let expected = [("a", 1), ("b", 2), ("c", 1)].map(|(id, hour)| brief(&mut store, &document(id, hour)));
    let (briefs, documents) = known(&mut store);
    assert_eq!((briefs.as_slice(), documents), (expected.as_slice(), 1));
    assert!(Arc::ptr_eq(&briefs[0].common, &briefs[2].common));
    assert_eq!(commons(&store), 2);
    // The same sort again, after a restart.
    let again = record(&mut store, "e", 2);
    store.commit(&[again]);
    assert_eq!(commons(&store), 2);
}

#[test]
fn an_edit_changes_them_and_a_plan_that_is_gone_has_none() {
    let mut store = store();
    let edited = record(&mut store, "a", 5);
    let unchanged = Record::Covered {
        job: job("b"),
        covered: due(9),
    };
    store.commit(&[edited, unchanged, Record::Forget { job: job("c") }]);
    let (briefs, documents) = known(&mut store);
    let expected = [("a", 5), ("b", 2)].map(|(id, hour)| brief(&mut store, &document(id, hour)));
    assert_eq!((briefs.as_slice(), documents), (expected.as_slice(), 1));
    // One that is told of without a brief has none from then on.
    store.commit(&[super::plan("a", 0, 0)]);
    assert_eq!(known(&mut store).1, 2);
}

#[test]
fn those_of_another_version_are_made_of_the_documents_again_once() {
    let mut store = store();
    store.ledger = None;
    sql(
        &store,
        "UPDATE fact SET value = value + 1 WHERE name = 'brief_form'",
    );
    store.reopen();
    let before = restored(&mut store);
    assert_eq!(
        known(&mut store),
        (vec![], 4),
        "nothing of another version is believed"
    );
    let briefs = [("a", 1), ("b", 2), ("c", 1)].map(|(id, hour)| brief(&mut store, &document(id, hour)));
    store
        .ledger()
        .keep_briefs(&before.upkeep, briefs.iter())
        .expect("stored");
    store.reopen();
    assert_eq!(known(&mut store), (briefs.to_vec(), 1));
    assert_eq!(restored(&mut store).upkeep, Default::default());
}

#[test]
fn what_no_plan_has_any_more_goes_with_old_history() {
    let mut store = store();
    store.commit(&[Record::Forget { job: job("b") }]);
    assert!(!store.ledger().prune(due(0)).expect("pruned").more);
    assert_eq!(commons(&store), 1);
    // The same sort is there again when a plan has it.
    let again = record(&mut store, "e", 2);
    store.commit(&[again]);
    assert_eq!(commons(&store), 2);
    store.reopen();
    let expected = [("a", 1), ("c", 1), ("e", 2)].map(|(id, hour)| brief(&mut store, &document(id, hour)));
    assert_eq!(known(&mut store), (expected.to_vec(), 1));
}

#[test]
fn what_a_plan_is_given_while_that_is_looked_for_stays() {
    let mut store = store();
    let all: Vec<Record> = (0..5_000)
        .map(|number| record(&mut store, &number.to_string(), 1))
        .collect();
    store.commit(&all);
    store.commit(&[Record::Forget { job: job("b") }]);
    assert!(store.ledger().prune(due(0)).expect("pruned").more);
    let edited = record(&mut store, "a", 2);
    store.commit(&[edited]);
    while store.ledger().prune(due(0)).expect("pruned").more {}
    assert_eq!(commons(&store), 2);
    store.reopen();
    let (briefs, documents) = known(&mut store);
    assert_eq!((briefs.len(), documents), (5_002, 1));
    assert_eq!(briefs[0], brief(&mut store, &document("a", 2)));
}

/// A million plans take two hundred calls, a second after each other.
#[test]
fn where_no_plan_was_edited_none_is_looked_at_again() {
    let mut store = store();
    let all: Vec<Record> = (0..5_000)
        .map(|number| record(&mut store, &number.to_string(), 1))
        .collect();
    store.commit(&all);
    while store.ledger().prune(due(0)).expect("pruned").more {}
    assert!(
        !store.ledger().prune(due(0)).expect("pruned").more,
        "it begins again"
    );
    store.reopen();
    assert!(
        !store.ledger().prune(due(0)).expect("pruned").more,
        "a start has looked"
    );
    store.commit(&[Record::Forget { job: job("b") }]);
    assert!(store.ledger().prune(due(0)).expect("pruned").more);
}

#[test]
fn what_no_plan_has_any_more_goes_with_a_start() {
    let mut store = store();
    let edited = record(&mut store, "b", 1);
    store.commit(&[edited]);
    let upkeep = restored(&mut store).upkeep;
    store
        .ledger()
        .keep_briefs(&upkeep, std::iter::empty())
        .expect("removed");
    assert_eq!((commons(&store), known(&mut store).1), (1, 1));
    // It comes back.
    let again = record(&mut store, "b", 2);
    store.commit(&[again]);
    assert_eq!((commons(&store), known(&mut store).0.len()), (2, 3));
}
