use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::freezer::{Habits, Pager};

fn document(value: &Value) -> Document {
    Document {
        place: "a test".to_owned(),
        text: RawValue::from_string(value.to_string()).expect("JSON"),
    }
}

fn plan(id: &str, hour: &str) -> Document {
    let action = json!({"freezer_action": {"action": "backup"}});
    document(&json!({"job_id": id, "job_schedule": {"schedule_hour": hour}, "job_actions": [action]}))
}

fn unread() -> Reading {
    Reading::new(Digester::seeded(7), Digests::default())
}

/// The ids of the plans that are told of, in pages of two; and the rest.
fn read(reading: &mut Reading, documents: &[Document]) -> (Vec<String>, Read) {
    let mut begun = reading.begin();
    let pages = documents.chunks(2).flat_map(|page| begun.take(page, &[]));
    let told = pages.map(|plan| plan.id.to_string()).collect();
    (told, begun.complete(Outline::default()))
}

#[test]
fn of_the_next_listing_only_what_is_new_is_told() {
    let mut reading = unread();
    let all = [plan("a", "1"), plan("b", "1"), plan("c", "1")];
    let (told, rest) = read(&mut reading, &all);
    assert_eq!(
        (told, rest.digests.len()),
        (vec!["a".into(), "b".into(), "c".into()], 3)
    );
    let (told, rest) = read(&mut reading, &[plan("a", "1"), plan("b", "2"), plan("d", "1")]);
    assert_eq!((told, rest.digests.len()), (vec!["b".into(), "d".into()], 3));
    // What a listing left out is new when it comes again.
    assert_eq!(read(&mut reading, &all).0, ["b", "c"]);
    reading.forget();
    assert_eq!(read(&mut reading, &all).0, ["a", "b", "c"]);
}

#[test]
fn a_document_that_changed_only_in_what_it_reports_is_told_of() {
    let mut reading = unread();
    let at = |status: &str| {
        let action = json!({"freezer_action": {"action": "backup"}});
        document(&json!({"job_id": "a", "job_schedule": {"status": status}, "job_actions": [action]}))
    };
    read(&mut reading, &[at("scheduled")]);
    assert_eq!(read(&mut reading, &[at("running")]).0, ["a"]);
}

#[test]
fn of_very_many_problems_the_first_are_kept_and_the_others_counted() {
    let mut reading = unread();
    let bad: Vec<_> = (0..PROBLEMS + 3).map(|number| document(&json!(number))).collect();
    for _ in 0..2 {
        let (_, rest) = read(&mut reading, &bad);
        assert_eq!((rest.problems.len(), rest.further), (PROBLEMS, 3));
        assert_eq!(rest.broken.len(), bad.len());
    }
}

#[test]
fn a_listing_that_breaks_off_is_not_remembered() {
    let mut reading = unread();
    read(&mut reading, &[plan("a", "1")]);
    reading.begin().take(&[plan("a", "2"), plan("b", "1")], &[]);
    let again = read(&mut reading, &[plan("a", "2"), plan("b", "1")]);
    assert_eq!(again.0, ["a", "b"]);
}

#[test]
fn what_is_wrong_is_told_of_every_listing_also_the_first_after_a_restart() {
    let odd = || document(&json!({"job_id": "odd", "job_schedule": {"schedule_hour": 1}, "job_actions": []}));
    let bad = || document(&json!({"job_id": "bad", "job_schedule": {"schedule_hour": "25"}}));
    let digester = Digester::seeded(7);
    let known = [odd(), plan("a", "1")].map(|document| digester.digest(document.text.get()));
    let mut reading = Reading::new(digester, known.into_iter().collect());
    for _ in 0..3 {
        let (told, rest) = read(&mut reading, &[odd(), bad(), plan("a", "1")]);
        let jobs: HashSet<&str> = rest.problems.iter().map(|one| one.job_id.as_str()).collect();
        assert_eq!(jobs, HashSet::from(["odd", "bad"]));
        assert_eq!((told, rest.broken.len(), rest.digests.len()), (vec![], 1, 2));
    }
}

/// What of a page is told, and how many of its documents were passed over unread.
fn poll(reading: &mut Reading, documents: &[Document]) -> (Vec<String>, usize, Read) {
    let texts: Vec<&str> = documents.iter().map(|one| one.text.get()).collect();
    let page = format!("{{\"jobs\": [{}]}}", texts.join(","));
    let mut begun = reading.begin();
    let mut pager = Pager::new(500, None, Habits::default(), begun.outline());
    pager.take(page.as_bytes()).expect("a page");
    let told = begun.take(&pager.documents, &pager.unchanged);
    let told = told.iter().map(|plan| plan.id.to_string()).collect();
    (told, pager.unchanged.len(), begun.complete(pager.outline()))
}

#[test]
fn what_is_as_it_was_is_passed_over_and_what_something_is_wrong_with_is_not() {
    let odd = document(&json!({"job_id": "odd", "job_schedule": {"schedule_hour": 1}, "job_actions": []}));
    let bad = document(&json!({"job_id": "bad", "job_schedule": {"schedule_hour": "25"}}));
    let listing = [plan("a", "1"), odd, bad, plan("b", "1")];
    let mut reading = unread();
    for (told, passed) in [(vec!["a", "odd", "b"], 0), (vec![], 2), (vec![], 2)] {
        let (new, unread, rest) = poll(&mut reading, &listing);
        assert_eq!(
            (new, unread),
            (told.iter().map(|id| (*id).to_owned()).collect(), passed)
        );
        assert_eq!(
            (rest.problems.len(), rest.broken.len(), rest.digests.len()),
            (2, 1, 3)
        );
    }
    let edited = [plan("a", "1"), plan("b", "2"), plan("c", "1")];
    assert_eq!(poll(&mut reading, &edited).0, ["b", "c"]);
    reading.forget();
    assert_eq!(poll(&mut reading, &edited).1, 0, "it is read whole");
    // A copy wants every document.
    reading.collect(true);
    for new in [3, 0] {
        let (told, passed, rest) = poll(&mut reading, &edited);
        assert_eq!(
            (told.len(), passed, rest.documents.map(|all| all.len())),
            (new, 0, Some(3))
        );
    }
}

#[test]
fn the_dialect_is_remembered_with_what_is_unchanged() {
    let mut reading = unread();
    let theirs = || {
        let action = json!({"freezer_action": {"action": "backup"}});
        document(&json!({"job_id": "v", "status": "scheduled", "job_schedule": {}, "job_actions": [action]}))
    };
    assert!(!read(&mut reading, &[plan("a", "1")]).1.virtuozzo);
    for _ in 0..2 {
        assert!(read(&mut reading, &[theirs()]).1.virtuozzo);
    }
}

#[test]
fn a_copy_gets_every_document_that_has_a_run_to_come_and_those_that_cannot_be_used() {
    let over = || {
        let action = json!({"freezer_action": {"action": "backup"}});
        document(&json!({"job_id": "over", "job_schedule": {"status": "completed"}, "job_actions": [action]}))
    };
    let mut reading = unread();
    reading.collect(true);
    for told in [vec!["a", "over"], vec![]] {
        let bad = document(&json!({"job_id": "bad", "job_schedule": 1}));
        let (new, rest) = read(&mut reading, &[plan("a", "1"), over(), bad]);
        let copied: HashSet<String> = rest
            .documents
            .expect("them")
            .iter()
            .map(|(id, _)| id.to_string())
            .collect();
        assert_eq!(copied, HashSet::from(["a".to_owned(), "bad".to_owned()]));
        assert_eq!(new, told);
    }
}

#[test]
fn no_more_is_understood_in_one_go_than_fits_into_memory() {
    let long = |bytes: usize| document(&json!({"x": "x".repeat(bytes)}));
    let all = [
        long(10),
        long(BYTES_AT_ONCE / 2),
        long(BYTES_AT_ONCE / 2),
        long(2 * BYTES_AT_ONCE),
        long(10),
    ];
    let lengths: Vec<usize> = parts(&all).map(<[Document]>::len).collect();
    assert_eq!(lengths, [2, 1, 1, 1]);
    let many: Vec<_> = (0..AT_ONCE + 1)
        .map(|number| plan(&number.to_string(), "1"))
        .collect();
    let lengths: Vec<usize> = parts(&many).map(<[Document]>::len).collect();
    assert_eq!(lengths, [AT_ONCE, 1]);
    assert_eq!(parts(&[]).count(), 0);
}

#[test]
fn of_very_long_documents_that_cannot_be_used_not_all_texts_are_kept() {
    let mut reading = unread();
    reading.collect(true);
    let bad = |id: usize| {
        let schedule = json!({"schedule_hour": "25", "event": "abort"});
        document(
            &json!({"job_id": format!("j{id}"), "job_schedule": schedule, "x": "x".repeat(BROKEN_BYTES / 3)}),
        )
    };
    let (_, rest) = read(&mut reading, &[bad(0), bad(1), bad(2), bad(3)]);
    let kept: Vec<bool> = rest.broken.iter().map(|one| *one.document != *LEFT_OUT).collect();
    assert_eq!(kept, [true, true, false, false]);
    assert!(
        rest.broken.iter().all(|one| one.event == "abort"),
        "heard all the same"
    );
    assert_eq!(
        rest.documents.map(|all| all.len()),
        Some(2),
        "the copy keeps what it has of the others"
    );
}
