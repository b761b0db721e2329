//! Listings that are compared with the one before, and pages as they come.

use std::collections::HashSet;

use proptest::prelude::*;

use super::tests::{Server, page, pager, take};
use super::*;

#[test]
fn a_page_may_be_written_otherwise_than_the_api_does() {
    let documents = [r#"{"job_id": "a"}"#, r#"{"job_id": "b"}"#];
    let [a, b] = documents;
    for page in [
        format!("\n{{ \"jobs\"\t:[ {a} ,{b}\r\n] }} "),
        format!("{{\"jobs\": [{a}, {b}], \"more\": {{\"n\": NaN}}}}"),
        format!("{{\"more\": 1, \"jobs\": [{a}, {b}]}}"),
        format!("{{\"jo\\u0062s\": [{a}, {b}]}}"),
    ] {
        for before in [&[][..], &documents] {
            let mut pager = compared(before);
            pager.take(page.as_bytes()).expect("a page");
            assert_eq!(pager.seen(), 2, "{page}");
            let texts: Vec<&str> = pager.documents.iter().map(|one| one.text.get()).collect();
            assert!(pager.unchanged.len() == 2 || texts == documents, "{page}");
        }
    }
    // What Python takes for JSON becomes a text, also where other documents of the page are known.
    let mut pager = compared(&documents);
    let odd = page([a, r#"{"job_id": "b", "x": NaN}"#]);
    pager.take(odd.as_bytes()).expect("a page");
    assert_eq!(pager.documents[1].text.get(), r#"{"job_id": "b", "x": "NaN"}"#);
    assert_eq!((pager.documents.len(), pager.unchanged.len()), (2, 0));
}

#[test]
fn what_is_no_page_is_an_error_and_nothing_of_it_is_taken_in() {
    let a = r#"{"job_id": "a"}"#;
    for page in [
        String::new(),
        format!("{{\"jobs\": [{a}"),
        format!("{{\"jobs\": [{a}]"),
        format!("{{\"jobs\": [{a}]}} x"),
        format!("{{\"jobs\": [{a}], \"jobs\": []}}"),
        format!("{{\"jobs\": [{a},]}}"),
        format!("{{\"jobs\": [{a} {a}]}}"),
        format!("{{\"jobs\": [{a}], }}"),
        format!("{{\"jobs\": {a}}}"),
        "{\"versions\": []}".to_owned(),
    ] {
        for before in [&[][..], &[a]] {
            let mut pager = compared(before);
            assert!(pager.take(page.as_bytes()).is_err(), "{page}");
            assert_eq!((pager.seen(), pager.pages()), (0, 0), "{page}");
        }
    }
}

/// A listing that is compared with one of these documents.
fn compared(documents: &[&str]) -> Pager {
    let mut before = pager(500, None, Habits::default());
    take(&mut before, &page(documents));
    Pager::new(500, None, Habits::default(), Arc::new(before.outline()))
}

#[test]
fn one_client_s_outline_is_not_another_s() {
    let documents = page([
        r#"{"job_id": "a", "client_id": "me"}"#,
        r#"{"job_id": "b", "client_id": "you"}"#,
    ]);
    let mut before = Arc::default();
    for (client, unchanged) in [("me", 0), ("me", 1), ("you", 0), ("you", 1)] {
        let mut pager = Pager::new(500, Some(client.to_owned()), Habits::default(), before);
        take(&mut pager, &documents);
        assert_eq!(
            (pager.documents.len(), pager.unchanged.len()),
            (1 - unchanged, unchanged)
        );
        assert_eq!((pager.others, pager.seen()), (1, 2));
        before = Arc::new(pager.outline());
    }
}

#[test]
fn where_pages_are_asked_for_by_the_last_id_it_is_read_in_what_is_unchanged_too() {
    let server = Server::virtuozzo(25);
    let mut before = Arc::default();
    for unchanged in [0, 25] {
        // Each time as if nothing were known of the server.
        let mut pager = Pager::new(10, None, Habits::default(), before);
        let mut next = Next::Ask(None);
        while let Next::Ask(offset) = &next {
            next = take(
                &mut pager,
                &server.answer(10, offset.as_deref()).expect("it takes an id"),
            );
        }
        assert_eq!((pager.seen(), pager.unchanged.len()), (25, unchanged));
        before = Arc::new(pager.outline());
    }
}

/// Listings of these pages, each compared with the one before: of each what was read, how much was as it was, and how much
/// there is of it all.
fn listed(limit: usize, listings: &[&[String]]) -> Vec<(Vec<String>, usize, usize)> {
    let mut before = Arc::default();
    let one = |pages: &&[String]| {
        let mut pager = Pager::new(limit, None, Habits::default(), Arc::clone(&before));
        for page in *pages {
            take(&mut pager, page);
        }
        let read = std::mem::take(&mut pager.documents).into_iter();
        let read = read.map(|one| one.text.get().to_owned()).collect();
        let (unchanged, seen) = (pager.unchanged.len(), pager.seen());
        before = Arc::new(pager.outline());
        (read, unchanged, seen)
    };
    listings.iter().map(one).collect()
}

#[test]
fn a_page_that_comes_again_is_told_however_long_it_is() {
    let documents: Vec<String> = (0..3_000)
        .map(|job| format!("{{\"job_id\": \"j{job}\"}}"))
        .collect();
    let (whole, backwards) = (page(&documents), page(documents.iter().rev()));
    let deaf = [whole.clone(), whole.clone(), whole.clone()];
    let turned = [whole, backwards];
    let all = listed(500, &[&deaf, &deaf, &turned, &deaf]);
    assert_eq!(all[0], (documents, 0, 3_000));
    for one in &all[1..] {
        assert_eq!(one, &(Vec::new(), 3_000, 3_000));
    }
}

#[test]
fn what_was_read_is_not_met_again_where_it_was_expected() {
    let documents: Vec<String> = (0..3_000)
        .map(|job| format!("{{\"job_id\": \"j{job}\"}}"))
        .collect();
    // The last one comes first, too: so it is read, and then met in its place.
    let moved = [page(documents.iter().rev().take(1).chain(&documents))];
    let all = listed(5_000, &[&[page(&documents)], &moved]);
    assert_eq!(all[1], (vec![documents[2_999].clone()], 2_999, 3_000));
}

#[test]
fn of_two_documents_of_one_job_it_is_always_the_first() {
    let [a, one, other] = [
        r#"{"job_id": "a"}"#,
        r#"{"job_id": "b"}"#,
        r#"{"job_id": "b", "x": 1}"#,
    ];
    let (single, double) = ([page([a, one])], [page([a, one, other])]);
    for (read, ..) in listed(5, &[&double, &double, &double]) {
        assert!(!read.iter().any(|text| text == other), "{read:?}");
    }
    // One that was passed over by then may have been edited in between.
    let all = listed(5, &[&single, &double, &double]);
    assert_eq!(all[1], (vec![other.to_owned()], 2, 3));
    assert_eq!(all[2], (Vec::new(), 3, 3));
}

/// Of 12 documents: each has an edition, and some are there, in some order.
fn listings() -> impl Strategy<Value = Vec<Vec<(u32, u32)>>> {
    let document = (0u32..12, prop_oneof![8 => Just(0u32), 2 => 1u32..3]);
    prop::collection::vec(prop::collection::vec(document, 0..16), 1..5)
}

proptest! {
    #[test]
    fn compared_with_any_listing_before_it_a_listing_holds_what_it_holds(
        listings in listings(), sorted: bool, limit in 1usize..8, blanks in "[ \n\t]{0,2}",
    ) {
        let text = |(job, edition): &(u32, u32)| format!("{{\"job_id\": \"j{job}\", \"name\":{blanks}\"{edition}\"}}");
        let mut before: (Arc<Outline>, Vec<String>, Vec<String>) = Default::default();
        let mut was_steady = true;
        for mut documents in listings {
            if sorted {
                documents.sort_unstable();
            }
            let mut alone = pager(limit, None, Habits::default());
            let mut compared = Pager::new(limit, None, Habits::default(), Arc::clone(&before.0));
            // One that is edited while it is listed may be taken in twice.
            let editions = |job| documents.iter().filter(move |one| one.0 == job).map(|one| one.1);
            let steady = documents.iter().all(|(job, edition)| editions(*job).all(|other| other == *edition));
            for some in documents.chunks(limit) {
                let page = page(some.iter().map(text));
                let next = (take(&mut alone, &page), take(&mut compared, &page));
                prop_assert!(!steady || next.0 == next.1, "{:?}", next);
            }
            let digester = compared.tracing.digester().clone();
            let digest = |text: &str| digester.digest(text);
            let all: HashSet<Digest> = alone.documents.iter().map(|one| digest(one.text.get())).collect();
            let read: HashSet<Digest> = compared.documents.iter().map(|one| digest(one.text.get())).collect();
            let passed: HashSet<Digest> = compared.unchanged.iter().copied().collect();
            prop_assert!(read.is_disjoint(&passed));
            prop_assert_eq!(read.len() + passed.len(), compared.seen(), "each once");
            prop_assert!(all.is_subset(&(&read | &passed)));
            if steady {
                prop_assert_eq!((alone.seen(), alone.repeated), (compared.seen(), compared.repeated));
                prop_assert_eq!(&read | &passed, all);
            }
            let texts: Vec<String> = alone.documents.iter().map(|one| one.text.get().to_owned()).collect();
            prop_assert!(passed.iter().all(|digest| before.1.iter().any(|text| digester.digest(text) == *digest)));
            let again = was_steady && steady && texts == before.2;
            prop_assert!(!again || read.is_empty(), "the same again is not read");
            was_steady = steady;
            before = (Arc::new(compared.outline()), documents.iter().map(text).collect(), texts);
        }
    }
}
