//! What each path answers.

use std::sync::Arc;
use std::time::Duration;

use freezerd::observe::http::{Limits, bind};
use freezerd::observe::metrics::CONTENT_TYPE;

use super::{GENEROUS, SOON, loopback, start};

/// The answer without what no test can know: its date, and how long the version's number makes it.
fn dateless(answer: &str) -> String {
    let known = |line: &&str| !line.starts_with("date: ") && !line.starts_with("content-length: ");
    answer.lines().filter(known).collect::<Vec<_>>().join(
        "
",
    )
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let server = start(GENEROUS);
    let answer = server.ask("GET", "/metrics?x=1").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\ncontent-type: {CONTENT_TYPE}\r\n")),
        "{head}"
    );
    assert!(
        body.starts_with("# HELP freezerd_") && body.ends_with("\n# EOF\n"),
        "{body}"
    );

    let answer = server.ask("HEAD", "/metrics").await;
    let (head, nothing) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(nothing, "");
    assert!(
        head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())),
        "{head}"
    );
}

#[tokio::test]
async fn it_only_reads() {
    let server = start(GENEROUS);
    insta::assert_snapshot!(dateless(&server.ask("DELETE", "/metrics").await), @r"
    HTTP/1.1 405 Method Not Allowed
    content-type: text/plain; charset=utf-8
    cache-control: no-store
    x-content-type-options: nosniff
    allow: GET, HEAD
    connection: close

    only GET and HEAD: this server only reads
    ");
    for method in ["POST", "PUT", "PATCH", "OPTIONS", "BREW"] {
        let answer = server.ask(method, "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
    }
}

#[tokio::test]
async fn the_index_and_the_unknown() {
    let server = start(GENEROUS);
    let index = server
        .ask("GET", "/")
        .await
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(dateless(&index), @r"
    HTTP/1.1 200 OK
    content-type: text/plain; charset=utf-8
    cache-control: no-store
    x-content-type-options: nosniff
    connection: close

    freezerd VERSION

    /metrics  OpenMetrics, for Prometheus
    /healthz  200: the main loop answers
    /readyz   200: it does its job; else 503 and why
    ");
    let unknown = server.ask("GET", "/../etc/passwd").await;
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
    assert!(
        unknown.ends_with("nothing here; there are /metrics, /healthz and /readyz\n"),
        "{unknown}"
    );
}

#[tokio::test]
async fn health_is_the_main_loops_own_answer() {
    let server = start(Limits {
        heartbeat_time: SOON,
        ..GENEROUS
    });
    let hangs = server.ask("GET", "/healthz").await;
    assert!(hangs.starts_with("HTTP/1.1 503 "), "{hangs}");
    assert!(
        hangs.ends_with("\r\n\r\nthe main loop did not answer within 40ms\n"),
        "{hangs}"
    );

    let server = start(Limits {
        heartbeat_time: Duration::from_secs(600),
        ..GENEROUS
    });
    let health = Arc::clone(&server.health);
    let main_loop = tokio::spawn(async move {
        loop {
            health.asked().await;
            health.heartbeat(|| {});
        }
    });
    let lives = server.ask("GET", "/healthz").await;
    assert!(
        lives.starts_with("HTTP/1.1 200 ") && lives.ends_with("\r\n\r\nok\n"),
        "{lives}"
    );
    main_loop.abort();
}

#[tokio::test]
async fn readiness_says_why_not() {
    let server = start(GENEROUS);
    let status_and_text = |answer: String| {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        format!("{} {body}", head.split(' ').nth(1).unwrap())
    };
    assert_eq!(
        status_and_text(server.ask("GET", "/readyz").await),
        "503 not ready: starting\n"
    );
    server
        .health
        .set_not_ready("no listing yet: connection refused\r\nX: y");
    assert_eq!(
        status_and_text(server.ask("GET", "/readyz").await),
        "503 not ready: no listing yet: connection refused  X: y\n"
    );
    server.health.set_ready();
    assert_eq!(status_and_text(server.ask("GET", "/readyz").await), "200 ready\n");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let first = bind(loopback(0)).unwrap();
    assert_ne!(
        first.address().port(),
        0,
        "port 0 becomes the port that was found"
    );
    let error = bind(first.address()).unwrap_err().to_string();
    let error = error.replace(&first.address().to_string(), "ADDRESS");
    insta::assert_snapshot!(error, @"cannot listen for HTTP on ADDRESS: Address already in use (os error 98); choose another address or port with [http] listen (port 0 takes a free one)");
}
