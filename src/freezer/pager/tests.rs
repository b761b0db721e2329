use std::collections::HashSet;

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// What a server does with an `offset` that means nothing to it.
#[derive(Debug, Clone, Copy)]
enum Odd {
    Refuses,
    StartsAgain,
}

/// A server with its jobs, which follows one style.
#[derive(Debug, Clone)]
pub(super) struct Server {
    style: Style,
    odd: Odd,
    cap: usize,
    jobs: Vec<u32>,
    virtuozzo: bool,
}

impl Server {
    pub fn upstream(jobs: u32) -> Self {
        let jobs = (0..jobs).collect();
        Self {
            style: Style::Number,
            odd: Odd::Refuses,
            cap: usize::MAX,
            jobs,
            virtuozzo: false,
        }
    }

    pub fn virtuozzo(jobs: u32) -> Self {
        Self {
            style: Style::LastId,
            virtuozzo: true,
            ..Self::upstream(jobs)
        }
    }

    fn document(&self, job: u32) -> String {
        let mut document = json!({"job_id": format!("j{job}"), "client_id": if job.is_multiple_of(2) { "even" } else { "odd" }});
        if self.virtuozzo {
            document["disabled"] = json!(false);
        }
        document.to_string()
    }

    pub fn answer(&self, limit: usize, offset: Option<&str>) -> Option<String> {
        let start = match (offset, self.style) {
            (None, _) => Some(0),
            (Some(offset), Style::Number) => offset.parse().ok(),
            (Some(offset), Style::LastId) => self
                .jobs
                .iter()
                .position(|job| format!("j{job}") == offset)
                .map(|at| at + 1),
        };
        let start = match (start, self.odd) {
            (Some(start), _) => start,
            (None, Odd::StartsAgain) => 0,
            (None, Odd::Refuses) => return None,
        };
        let some = self.jobs.iter().skip(start).take(limit.min(self.cap));
        Some(page(some.map(|job| self.document(*job))))
    }
}

pub(super) fn page(documents: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let texts: Vec<_> = documents.into_iter().collect();
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    format!("{{\"jobs\": [{}]}}", texts.join(", "))
}

/// A listing that is compared with none.
pub(super) fn pager(limit: usize, client: Option<&str>, habits: Habits) -> Pager {
    Pager::new(limit, client.map(str::to_owned), habits, Arc::default())
}

pub(super) fn take(pager: &mut Pager, page: &str) -> Next {
    pager.take(page.as_bytes()).expect("a page")
}

/// One listing: what came of it, the pager, and how many requests it took.
fn walk(server: &Server, limit: usize, client: Option<&str>, habits: Habits) -> (Next, Pager, usize) {
    let mut pager = pager(limit, client, habits);
    let mut next = Next::Ask(None);
    let mut requests = 0;
    while let Next::Ask(offset) = &next {
        requests += 1;
        assert!(requests < 10_000, "it does not end");
        next = match server.answer(limit, offset.as_deref()) {
            Some(page) => take(&mut pager, &page),
            None => pager.refused(),
        };
    }
    (next, pager, requests)
}

fn requests(server: &Server, limit: usize, habits: &mut Habits) -> usize {
    let (next, pager, requests) = walk(server, limit, None, *habits);
    assert_eq!(next, Next::Done);
    assert_eq!(pager.documents.len(), server.jobs.len());
    *habits = pager.habits();
    requests
}

#[test]
fn a_poll_of_upstream_costs_one_request_but_for_every_tenth() {
    let mut habits = Habits::default();
    let polls: Vec<usize> = (0..21)
        .map(|_| requests(&Server::upstream(40), 500, &mut habits))
        .collect();
    assert_eq!(
        polls,
        [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    );
    // Fewer jobs than ever: surely the end. More than ever: asked once.
    assert_eq!(requests(&Server::upstream(39), 500, &mut habits), 1);
    assert_eq!(requests(&Server::upstream(41), 500, &mut habits), 2);
    assert_eq!(requests(&Server::upstream(41), 500, &mut habits), 1);
    assert_eq!(requests(&Server::upstream(0), 500, &mut habits), 1);
}

#[test]
fn a_short_page_behind_a_full_one_is_the_last() {
    let mut habits = Habits::default();
    assert_eq!(requests(&Server::upstream(1200), 500, &mut habits), 3);
    assert_eq!(
        requests(&Server::upstream(499), 500, &mut habits),
        2,
        "the first short first page"
    );
    assert_eq!(requests(&Server::upstream(498), 500, &mut habits), 1);
    assert_eq!(requests(&Server::upstream(1000), 500, &mut habits), 3);
}

#[test]
fn a_cap_below_the_page_size_hides_nothing() {
    let mut habits = Habits::default();
    let capped = |jobs| Server {
        cap: 100,
        ..Server::upstream(jobs)
    };
    assert_eq!(
        requests(&capped(250), 500, &mut habits),
        4,
        "it is asked the first time"
    );
    assert_eq!(requests(&capped(250), 500, &mut habits), 3);
    assert_eq!(requests(&capped(200), 500, &mut habits), 3);
    assert_eq!(requests(&capped(250), 500, &mut habits), 3);
    assert_eq!(requests(&capped(40), 500, &mut habits), 1);
}

/// How many polls it takes until all jobs are seen.
fn polls_until_whole(server: &Server, habits: &mut Habits) -> usize {
    let whole = |_: &usize| {
        let (_, pager, _) = walk(server, 500, None, *habits);
        *habits = pager.habits();
        pager.documents.len() == server.jobs.len()
    };
    (1..100).find(whole).unwrap()
}

#[test]
fn jobs_that_grow_beyond_a_cap_just_reached_are_found_by_the_tenth_poll() {
    let capped = |jobs| Server {
        cap: 100,
        ..Server::upstream(jobs)
    };
    let mut habits = Habits::default();
    assert_eq!(requests(&capped(100), 500, &mut habits), 2);
    assert_eq!(polls_until_whole(&capped(150), &mut habits), 10);
    assert_eq!(polls_until_whole(&capped(150), &mut habits), 1);
}

#[test]
fn a_cap_set_while_we_run_is_found_by_the_tenth_poll() {
    let mut habits = Habits::default();
    requests(&Server::upstream(300), 500, &mut habits);
    let capped = Server {
        cap: 100,
        ..Server::upstream(300)
    };
    assert_eq!(polls_until_whole(&capped, &mut habits), 10);
    for _ in 0..30 {
        assert_eq!(polls_until_whole(&capped, &mut habits), 1);
    }
}

#[test]
fn the_virtuozzo_document_is_paged_by_the_last_id() {
    let server = Server::virtuozzo(25);
    let mut habits = Habits::default();
    assert_eq!(requests(&server, 10, &mut habits), 3);
    assert_eq!(habits.style, Some(Style::LastId));
}

#[test]
fn a_server_that_refuses_or_ignores_one_style_is_asked_in_the_other() {
    for (style, odd, virtuozzo) in [
        (Style::LastId, Odd::Refuses, false),
        (Style::LastId, Odd::StartsAgain, false),
        (Style::Number, Odd::Refuses, true),
        (Style::Number, Odd::StartsAgain, true),
    ] {
        let server = Server {
            style,
            odd,
            virtuozzo,
            ..Server::upstream(25)
        };
        let mut habits = Habits::default();
        assert_eq!(requests(&server, 10, &mut habits), 4, "{server:?}");
        assert_eq!(
            requests(&server, 10, &mut habits),
            3,
            "it is remembered: {server:?}"
        );
    }
}

#[test]
fn a_server_deaf_to_offset_ends_with_a_short_page_and_is_an_error_with_a_full_one() {
    let ids = [r#"{"job_id": "a"}"#, r#"{"job_id": "b"}"#];
    for (limit, end) in [(3, Next::Done), (2, Next::Stuck), (1, Next::Done)] {
        let (mut pager, page) = (pager(limit, None, Habits::default()), page(ids));
        assert_eq!(take(&mut pager, &page), Next::Ask(Some("2".into())));
        assert_eq!(take(&mut pager, &page), Next::Ask(Some("b".into())));
        assert_eq!(take(&mut pager, &page), end, "page_size {limit}");
        assert_eq!((pager.documents.len(), pager.repeated), (2, 4));
    }
}

#[test]
fn a_refusal_is_an_error_on_the_first_page_and_once_both_styles_were_refused() {
    let [a, b] = [r#"{"job_id": "a"}"#, r#"{"job_id": "b"}"#].map(|one| page([one]));
    let mut deaf = pager(1, None, Habits::default());
    assert_eq!(deaf.refused(), Next::Stuck);
    assert_eq!(take(&mut deaf, &a), Next::Ask(Some("1".into())));
    assert_eq!(deaf.refused(), Next::Ask(Some("a".into())));
    assert_eq!(deaf.refused(), Next::Stuck);
    // In the middle of a listing that went well, it is no question of style.
    let mut pager = pager(1, None, Habits::default());
    take(&mut pager, &a);
    take(&mut pager, &b);
    assert_eq!(pager.refused(), Next::Stuck);
}

#[test]
fn a_listing_that_shifts_while_it_is_read_gives_each_job_once() {
    let mut pager = pager(2, None, Habits::default());
    take(&mut pager, &page([r#"{"job_id": "a"}"#, r#"{"job_id": "b"}"#]));
    let shifted = page([r#"{"job_id": "b", "x": 1}"#, r#"{"job_id": "c"}"#]);
    assert_eq!(take(&mut pager, &shifted), Next::Ask(Some("4".into())));
    assert_eq!(take(&mut pager, &page([""; 0])), Next::Done);
    assert_eq!((pager.documents.len(), pager.seen(), pager.repeated), (3, 3, 1));
}

#[test]
fn documents_without_a_readable_id_are_kept_once_each() {
    let odd = [
        "{}",
        "null",
        "3",
        r#"{"job_id": 7}"#,
        r#"{"job_id": ""}"#,
        r#"{"job_id": "\ud800"}"#,
        "{}",
        "[[]]",
    ];
    let (mut pager, odd) = (pager(8, None, Habits::default()), page(odd));
    assert_eq!(take(&mut pager, &odd), Next::Ask(Some("8".into())));
    assert_eq!((pager.documents.len(), pager.repeated), (7, 1));
    assert_eq!(pager.documents[3].place, "document 4 of the listing");
    // The same page for ever: no id to name, so no other style to try.
    assert_eq!(take(&mut pager, &odd), Next::Stuck);
}

#[test]
fn other_clients_documents_are_dropped_and_counted() {
    let documents = [
        r#"{"job_id": "a", "client_id": "me"}"#,
        r#"{"job_id": "b", "client_id": "you"}"#,
        r#"{"job_id": "c"}"#,
        r#"{"job_id": "d", "client_id": null}"#,
        r#"{"client_id": "me", "deep": DEEP}"#,
        "null",
    ];
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let documents = documents.map(|text| text.replace("DEEP", &deep));
    let mut pager = pager(50, Some("me"), Habits::default());
    take(&mut pager, &page(documents));
    assert_eq!((pager.documents.len(), pager.others, pager.seen()), (2, 4, 6));
    assert!(
        pager.documents[1].text.get().contains("[[["),
        "nesting is `plan`'s to judge"
    );
}

proptest! {
    #[test]
    fn a_quiet_server_is_listed_whole(
        jobs in 0u32..60, limit in 1usize..20, cap in 1usize..25,
        last_id: bool, starts_again: bool, virtuozzo: bool, polls in 1usize..4,
    ) {
        let server = Server {
            style: if last_id { Style::LastId } else { Style::Number },
            odd: if starts_again { Odd::StartsAgain } else { Odd::Refuses },
            cap,
            virtuozzo,
            ..Server::upstream(jobs)
        };
        let mut habits = Habits::default();
        for _ in 0..polls {
            let (next, pager, requests) = walk(&server, limit, None, habits);
            prop_assert_eq!(next, Next::Done);
            prop_assert_eq!(pager.documents.len(), server.jobs.len());
            prop_assert!(requests <= server.jobs.len() / limit.min(cap) + 3);
            habits = pager.habits();
            let (_, pager, _) = walk(&server, limit, Some("even"), habits);
            prop_assert_eq!(pager.documents.len(), server.jobs.len().div_ceil(2));
        }
    }

    #[test]
    fn a_server_that_changes_at_every_request_gives_no_job_twice_and_ends(
        pages in prop::collection::vec(prop::collection::vec(0u32..40, 0..12), 1..40), limit in 1usize..12,
    ) {
        let server = Server::upstream(0);
        let mut pager = pager(limit, None, Habits::default());
        let mut next = Next::Ask(None);
        for jobs in pages.iter().chain([&Vec::new()]) {
            if !matches!(next, Next::Ask(_)) {
                break;
            }
            next = take(&mut pager, &page(jobs.iter().map(|job| server.document(*job))));
        }
        prop_assert!(!matches!(next, Next::Ask(_)));
        let ids: HashSet<&str> = pager.documents.iter().map(|document| document.text.get()).collect();
        prop_assert_eq!(ids.len(), pager.documents.len());
    }
}
