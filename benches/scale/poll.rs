//! A poll: pages of a listing as they came from the API, until the planner is up to date.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use freezerd::daemon::reading::Reading;
use freezerd::freezer::{Habits, Pager};
use freezerd::plan::Digester;
use freezerd::planner::{Input, Past, Planner};
use serde::Deserialize;

use crate::documents;
use crate::inside::{due, policy};
use crate::report::{peer, row};

const PAGE: usize = 500;
const WORK: &str = "a poll, 1 % changed, until the planner is up to date";

#[derive(Deserialize)]
struct Page<D> {
    jobs: Vec<D>,
}

/// The pages of a listing; one plan of a hundred is at this edition.
fn pages(count: usize, edition: usize) -> Vec<String> {
    let text = |number: usize| {
        let edition = if number.is_multiple_of(100) { edition } else { 0 };
        documents::document(number, &documents::schedule(number, due()), edition)
    };
    (0..count)
        .step_by(PAGE)
        .map(|from| {
            let texts: Vec<String> = (from..count.min(from + PAGE)).map(text).collect();
            documents::page(texts.iter().map(String::as_str))
        })
        .collect()
}

/// What the daemon does with a listing.
fn poll(planner: &mut Planner, reading: &mut Reading, pages: &[String]) -> Duration {
    let now = due() - TimeDelta::hours(1);
    let began = Instant::now();
    let mut listing = reading.begin();
    let mut pager = Pager::new(PAGE, None, Habits::default(), listing.outline());
    for page in pages {
        pager.take(page.as_bytes()).expect("a page");
        let (documents, unchanged) = (&mut pager.documents, &mut pager.unchanged);
        let changed = listing.take(&std::mem::take(documents), &std::mem::take(unchanged));
        planner.handle(now, [Input::Page(changed)]);
    }
    let read = listing.complete(pager.outline());
    planner.handle(
        now,
        [Input::Listed {
            began: now,
            digests: read.digests,
            broken: read.broken,
        }],
    );
    began.elapsed()
}

/// So many plans are known, and of one of a hundred the listing has another document; beside it, what it takes to make
/// values of all documents.
pub fn polls(count: usize) {
    let mut planner = Planner::restore(policy(false), Past::default());
    let mut reading = Reading::new(Digester::default(), planner.digests());
    poll(&mut planner, &mut reading, &pages(count, 0));
    assert_eq!(planner.plan_count(), count, "each is known");
    let mut took: Vec<Duration> = (1..=5)
        .map(|edition| poll(&mut planner, &mut reading, &pages(count, edition)))
        .collect();
    took.sort_unstable();
    row(WORK, count, took[2].as_nanos());
    let pages = pages(count, 6);
    let began = Instant::now();
    for page in &pages {
        let page: Page<serde_json::Value> = serde_json::from_str(page).expect("a page");
        assert!(!page.jobs.is_empty());
    }
    peer(
        WORK,
        "serde_json, owned values",
        count,
        began.elapsed().as_nanos(),
    );
}
