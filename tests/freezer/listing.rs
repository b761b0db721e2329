//! Listings: one page, many pages, both dialects, all or nothing.

use freezerd::freezer::{Api, ApiError, ClientFilter};
use serde_json::{Value, json};

use crate::server::{Fault, InTurn, Reply, Seen, Server, TestClock, ok, query, reply};

const JOBS: &str = "/v2/p1/jobs";

fn job(number: usize) -> Value {
    json!({"job_id": format!("job-{number:04}"), "client_id": "p1_node", "job_schedule": {}})
}

/// Upstream: offset is a number, anything else is refused.
fn upstream(seen: &Seen, jobs: &[Value]) -> Reply {
    let number = |key, default| query(seen, key).map_or(Ok(default), |text| text.parse::<usize>());
    match (number("limit", 10), number("offset", 0)) {
        (Ok(limit), Ok(offset)) => {
            ok(&json!({"jobs": jobs.iter().skip(offset).take(limit).collect::<Vec<_>>()}))
        }
        _ => reply(400, json!({"title": "Invalid parameter"}).to_string()),
    }
}

fn ids(listing: &freezerd::freezer::Listing) -> Vec<String> {
    let id = |text: &str| {
        serde_json::from_str::<Value>(text).unwrap()["job_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    listing
        .documents
        .iter()
        .map(|document| id(document.text.get()))
        .collect()
}

#[tokio::test]
async fn a_small_listing_is_one_page_and_the_next_poll_one_request() {
    let jobs: Vec<Value> = (0..3).map(job).collect();
    let server = Server::start(move |seen| seen.is("GET", JOBS).then(|| upstream(seen, &jobs))).await;
    let api = server.api();
    for _ in 0..2 {
        assert_eq!(
            ids(&api.list().await.unwrap()),
            ["job-0000", "job-0001", "job-0002"]
        );
    }
    assert_eq!(
        server.targets(),
        [
            "GET /v2/p1/jobs?limit=500",
            "GET /v2/p1/jobs?limit=500&offset=3",
            "GET /v2/p1/jobs?limit=500"
        ]
    );
    assert_eq!(server.tokens_given(), 1);
}

#[tokio::test]
async fn many_pages_by_number() {
    let jobs: Vec<Value> = (0..25).map(job).collect();
    let server = Server::start(move |seen| seen.is("GET", JOBS).then(|| upstream(seen, &jobs))).await;
    let mut access = server.access();
    access.bounds.page_size = 10.try_into().unwrap();
    let listing = Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap();
    assert_eq!(listing.documents.len(), 25);
    assert_eq!(
        (listing.seen, listing.pages, listing.repeated, listing.others),
        (25, 3, 0, 0)
    );
    assert!(server.targets()[2].ends_with("?limit=10&offset=20"));
}

#[tokio::test]
async fn many_pages_by_the_last_id_of_the_virtuozzo_document() {
    let jobs: Vec<Value> = (0..25)
        .map(|number| {
            let mut job = job(number);
            job["disabled"] = json!(false);
            job["status"] = json!("scheduled");
            job
        })
        .collect();
    let server = Server::start(move |seen| {
        let after = query(seen, "offset");
        let start = match &after {
            None => 0,
            Some(id) => jobs.iter().position(|job| job["job_id"] == id.as_str())? + 1,
        };
        seen.is("GET", JOBS)
            .then(|| ok(&json!({"jobs": jobs.iter().skip(start).take(10).collect::<Vec<_>>()})))
    })
    .await;
    let mut access = server.access();
    access.bounds.page_size = 10.try_into().unwrap();
    let listing = Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap();
    assert_eq!(listing.documents.len(), 25);
    assert!(
        server.targets()[1].ends_with("offset=job-0009"),
        "{:?}",
        server.targets()
    );
}

#[tokio::test]
async fn only_our_own_plans_are_kept_and_no_search_body_is_sent() {
    let jobs = [
        json!({"job_id": "a", "client_id": "p1_me"}),
        json!({"job_id": "b", "client_id": "p1_you"}),
        json!({"job_id": "c"}),
    ];
    let server = Server::start(move |seen| seen.is("GET", JOBS).then(|| upstream(seen, &jobs))).await;
    let mut access = server.access();
    access.clients = ClientFilter::Own(Some("p1_me".into()));
    let api = Api::connect(access.clone(), TestClock::new()).unwrap();
    let listing = api.list().await.unwrap();
    assert_eq!(ids(&listing), ["a"]);
    assert_eq!((listing.seen, listing.others), (3, 2));
    assert!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.method == "GET")
            .all(|seen| seen.body.is_empty())
    );

    access.clients = ClientFilter::Own(None);
    let connection = Api::connect(access, TestClock::new())
        .unwrap()
        .connection()
        .await
        .unwrap();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(connection.client_id.unwrap(), format!("p1_{}", host.trim()));
    assert_eq!(connection.jobs_url, format!("{}/v2/p1/jobs", server.url()));
}

#[tokio::test]
async fn a_listing_that_breaks_off_midway_is_an_error_and_not_half_of_one() {
    let jobs: Vec<Value> = (0..25).map(job).collect();
    let server = Server::start(move |seen| {
        let page = seen.is("GET", JOBS).then(|| upstream(seen, &jobs))?;
        Some(if query(seen, "offset").as_deref() == Some("10") {
            page.fault(Fault::CutAfter(40))
        } else {
            page
        })
    })
    .await;
    let mut access = server.access();
    access.bounds.page_size = 10.try_into().unwrap();
    let error = Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert!(matches!(error, ApiError::Broken { .. }), "{error}");
    assert_eq!(error.kind(), "connect");
    assert_eq!(
        server.targets().len(),
        1 + 3,
        "the second page was tried again, twice"
    );
}

#[tokio::test]
async fn a_broken_page_is_fetched_again() {
    let whole = ok(&json!({"jobs": [job(1)]}));
    let pages = InTurn::new([
        whole.clone().fault(Fault::CutAfter(5)),
        whole,
        ok(&json!({"jobs": []})),
    ]);
    let server = Server::start(move |seen| seen.is("GET", JOBS).then(|| pages.next())).await;
    assert_eq!(ids(&server.api().list().await.unwrap()), ["job-0001"]);
}

#[tokio::test]
async fn one_odd_document_does_not_hide_the_others() {
    let body = r#"{"jobs": [{"job_id": "a", "n": NaN}, 7, {"job_id": "b\ud800"}, {"job_id": "c"}]}"#;
    let pages = InTurn::new([reply(200, body), ok(&json!({"jobs": []}))]);
    let server = Server::start(move |seen| seen.is("GET", JOBS).then(|| pages.next())).await;
    assert_eq!(server.api().list().await.unwrap().documents.len(), 4);
}

#[tokio::test]
async fn what_is_no_listing_is_an_error_that_says_so() {
    for body in [
        r#"{"versions": []}"#,
        "[]",
        "<html>hello</html>",
        "",
        r#"{"jobs": 3}"#,
    ] {
        let server = Server::start(move |seen| seen.is("GET", JOBS).then(|| reply(200, body))).await;
        let error = server.api().list().await.unwrap_err();
        assert_eq!(error.kind(), "protocol", "{body}: {error}");
        assert_eq!(server.targets().len(), 1, "it is not tried again");
    }
    for body in ["{}", r#"{"jobs": null}"#] {
        let server = Server::start(move |seen| seen.is("GET", JOBS).then(|| reply(200, body))).await;
        assert!(server.api().list().await.unwrap().documents.is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_server_deaf_to_offset_with_a_full_page_is_an_error_that_says_what_to_do() {
    let server = Server::start(|seen| {
        seen.is("GET", JOBS)
            .then(|| ok(&json!({"jobs": [job(1), job(2)]})))
    })
    .await;
    let mut access = server.access();
    access.bounds.page_size = 2.try_into().unwrap();
    let error = Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("set page_size above the number of jobs"),
        "{error}"
    );
}
