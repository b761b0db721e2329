//! Nothing a server sends is taken without bound, in size or in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use freezerd::freezer::{Access, Api, ApiError};
use serde_json::json;

use crate::server::{Fault, Server, TestClock, ok, query, reply, token};

fn small(mut access: Access) -> Api {
    access.bounds.page_bytes = 10_000;
    Api::connect(access, TestClock::new()).unwrap()
}

#[tokio::test]
async fn an_answer_that_claims_to_be_too_large_is_not_read() {
    let page = reply(200, "{")
        .with("Content-Length", "10001")
        .fault(Fault::Stall);
    let server = Server::start(move |seen| (seen.method == "GET").then(|| page.clone())).await;
    let error = small(server.access()).list().await.unwrap_err();
    assert!(
        matches!(error, ApiError::TooLarge { limit: 10_000, .. }),
        "{error}"
    );
    assert_eq!(server.targets().len(), 1, "it is not tried again");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_the_bound() {
    let server = Server::start(|seen| {
        (seen.method == "GET").then(|| reply(200, vec![b' '; 1024]).fault(Fault::Endless))
    })
    .await;
    let error = small(server.access()).list().await.unwrap_err();
    assert_eq!(error.kind(), "too-large", "{error}");
}

#[tokio::test]
async fn an_error_without_end_is_still_that_error() {
    let server = Server::start(|seen| {
        (seen.method == "GET").then(|| reply(403, vec![b'x'; 1024]).fault(Fault::Endless))
    })
    .await;
    let error = small(server.access()).list().await.unwrap_err();
    assert_eq!(error.kind(), "forbidden");
    assert!(error.to_string().len() < 700, "{error}");
}

#[tokio::test]
async fn keystone_is_bounded_too() {
    let server = Server::start(|_| Some(reply(201, vec![b' '; 65536]).fault(Fault::Endless))).await;
    assert_eq!(server.api().list().await.unwrap_err().kind(), "too-large");
}

#[tokio::test]
async fn a_listing_is_bounded_in_bytes_and_in_pages() {
    let endless = |seen: &crate::server::Seen| {
        let offset: usize = query(seen, "offset").map_or(0, |text| text.parse().unwrap());
        (seen.method == "GET")
            .then(|| ok(&json!({"jobs": [{"job_id": format!("j{offset}"), "pad": "x".repeat(100)}]})))
    };
    let server = Server::start(endless).await;
    let mut access = server.access();
    access.bounds.page_size = 1.try_into().unwrap();
    access.bounds.pages = 7;
    let error = Api::connect(access.clone(), TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("has not ended after 7 pages"),
        "{error}"
    );
    assert_eq!(server.targets().len(), 7);

    access.bounds.listing_bytes = 500;
    let error = Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert!(matches!(error, ApiError::TooLarge { limit: 500, .. }), "{error}");
}

#[tokio::test]
async fn more_documents_than_may_be_asked_for_are_no_page_and_too_many_no_listing() {
    for open in ["{\"jobs\":[", "{\"odd\": 1, \"jobs\":["] {
        let many = move |jobs: usize| format!("{open}1{}]}}", ",1".repeat(jobs - 1));
        let server =
            Server::start(move |seen| (seen.method == "GET").then(|| reply(200, many(100_001)))).await;
        let error = server.api().list().await.unwrap_err();
        assert_eq!(error.kind(), "protocol");
        assert!(error.to_string().contains("more than 100000 jobs"), "{error}");
    }
    let server = Server::start(|seen| {
        let jobs: Vec<_> = (0..8).map(|job| json!({"job_id": format!("j{job}")})).collect();
        (seen.method == "GET").then(|| ok(&json!({"jobs": jobs})))
    })
    .await;
    let mut access = server.access();
    access.bounds.documents = 7;
    let error = Api::connect(access.clone(), TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("more than 7 jobs"), "{error}");
    access.bounds.documents = 8;
    Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_listing_as_a_whole_is_bounded_in_time() {
    let clock = TestClock::new();
    let moved = std::sync::Arc::clone(&clock);
    let server = Server::start(move |seen| {
        let offset: usize = query(seen, "offset").map_or(0, |text| text.parse().unwrap());
        (seen.method == "GET").then(|| {
            moved.advance(400);
            ok(&json!({"jobs": [{"job_id": format!("j{offset}")}]}))
        })
    })
    .await;
    let mut access = server.access();
    access.bounds.page_size = 1.try_into().unwrap();
    access.patience.listing = Duration::from_secs(1000);
    let error = Api::connect(access.clone(), clock)
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "timeout");
    assert!(
        error
            .to_string()
            .contains("the listing has not ended within 1000s (thirty times api.timeout), after 3 pages"),
        "{error}"
    );
    assert_eq!(server.targets().len(), 3);
    // Nor is a page waited for that does not come, however long one may take.
    let server =
        Server::start(|seen| (seen.method == "GET").then(|| reply(200, "").fault(Fault::Silent))).await;
    let mut access = server.access();
    access.patience.listing = Duration::from_millis(50);
    let error = Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("after 0 pages"), "{error}");
}

#[tokio::test]
async fn a_compressed_answer_is_refused_and_none_is_asked_for() {
    let server = Server::start(|seen| {
        (seen.method == "GET").then(|| reply(200, "\x1f\u{8b}").with("Content-Encoding", "gzip"))
    })
    .await;
    let error = server.api().list().await.unwrap_err();
    assert!(error.to_string().contains("compressed (gzip)"), "{error}");
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| !seen.headers.contains_key("accept-encoding"))
    );
}

#[tokio::test]
async fn a_server_that_drips_is_given_up() {
    let drip = reply(200, vec![b' '; 10_000]).fault(Fault::Drip(Duration::from_millis(20)));
    let server = Server::start(move |seen| (seen.method == "GET").then(|| drip.clone())).await;
    let mut access = server.access();
    access.patience.retries = 0;
    access.patience.request = Duration::from_millis(300);
    let error = small(access).list().await.unwrap_err();
    assert!(matches!(error, ApiError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let keystone = token("t", "http://127.0.0.1:9").with("Content-Length", "5000");
    let cases = [
        ("GET", reply(200, "").fault(Fault::Silent)),
        (
            "GET",
            reply(200, "{").with("Content-Length", "100").fault(Fault::Stall),
        ),
        ("POST", keystone.fault(Fault::Stall)),
    ];
    for (method, answer) in cases {
        let silent = Arc::new(AtomicBool::new(false));
        let falls = Arc::clone(&silent);
        let server = Server::start(move |seen| {
            if falls.load(Ordering::SeqCst) {
                return (seen.method == method).then(|| answer.clone());
            }
            (seen.method == "GET").then(|| ok(&json!({"jobs": []})))
        })
        .await;
        let mut access = server.access();
        access.patience.retries = 0;
        access.patience.request = Duration::from_secs(1);
        let api = Api::connect(access, TestClock::new()).unwrap();
        if method == "GET" {
            // It has a token by then: else its login may be what is given up, on a machine that is busy.
            while api.list().await.is_err() {}
        }
        silent.store(true, Ordering::SeqCst);
        let error = api.list().await.unwrap_err();
        assert!(matches!(error, ApiError::Timeout { .. }), "{error}");
        assert!(
            error.to_string().starts_with(method)
                && error
                    .to_string()
                    .contains("no whole answer within 1s (api.timeout)"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_never_ends_is_given_up_by_the_limit_of_the_whole_request() {
    let server =
        Server::start(|seen| (seen.method == "GET").then(|| reply(200, " ").fault(Fault::Endless))).await;
    let mut access = server.access();
    access.patience.retries = 0;
    access.patience.request = Duration::from_millis(300);
    let error = Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "timeout", "{error}");
}
