//! Faults on the way: tried again when they may pass, named when they do not.

use std::time::{Duration, Instant};

use freezerd::freezer::{Api, ApiError};
use freezerd::plan::JobId;
use serde_json::json;

use crate::server::{InTurn, Server, TestClock, access, ok, reply};

fn job() -> JobId {
    JobId::new("j1")
}

#[tokio::test]
async fn a_locked_database_is_survived() {
    let locked = json!({"title": "Internal Server Error", "description": "database is locked"}).to_string();
    let answers = InTurn::new([
        reply(500, locked.clone()),
        reply(500, locked),
        ok(&json!({"job_id": "j1"})),
    ]);
    let server = Server::start(move |seen| (seen.method == "GET").then(|| answers.next())).await;
    let document = server.api().job(&job()).await.unwrap().unwrap();
    assert_eq!(document.get(), r#"{"job_id":"j1"}"#);
    assert_eq!(server.targets().len(), 3);
}

#[tokio::test]
async fn a_fault_that_stays_is_named_after_the_last_try() {
    let page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>";
    let server = Server::start(move |seen| (seen.method == "GET").then(|| reply(502, page))).await;
    let error = server.api().job(&job()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the server failed (502): 502 Bad Gateway 502"),
        "{error}"
    );
    assert_eq!((error.kind(), error.is_transient()), ("server", true));
    assert_eq!(server.targets().len(), 1 + 2);
}

#[tokio::test]
async fn what_is_refused_is_not_tried_again() {
    for (status, kind) in [
        (400, "bad-request"),
        (403, "forbidden"),
        (405, "bad-request"),
        (409, "bad-request"),
        (501, "server"),
    ] {
        let said =
            json!({"title": "Access Forbidden", "description": "You are not\u{7} allowed"}).to_string();
        let server =
            Server::start(move |seen| (seen.method == "GET").then(|| reply(status, said.clone()))).await;
        let error = server.api().job(&job()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("({status}): Access Forbidden: You are not allowed")),
            "{error}"
        );
        assert_eq!(server.targets().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_kept_up_to_its_limit() {
    // Seconds and a date (the clock of these tests stands at the epoch); both far beyond the limit of 50 ms.
    for after in ["7200", "Thu, 01 Jan 1970 02:00:00 GMT"] {
        let answers = InTurn::new([reply(429, "").with("Retry-After", after), ok(&json!({}))]);
        let server = Server::start(move |seen| (seen.method == "GET").then(|| answers.next())).await;
        let api = server.api();
        api.connection().await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "measures a real pause")]
        let start = Instant::now();
        api.job(&job()).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(50));
    }
    let server =
        Server::start(|seen| (seen.method == "GET").then(|| reply(503, "").with("Retry-After", "7200")))
            .await;
    let mut access = server.access();
    access.patience.retries = 0;
    let error = Api::connect(access, TestClock::new())
        .unwrap()
        .job(&job())
        .await
        .unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7200)));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere() {
    let elsewhere = Server::start(|_| Some(ok(&json!({"jobs": []})))).await;
    let target = format!("{}/v2/p1/jobs?secret=1", elsewhere.url());
    for status in [301, 302, 307, 308] {
        let target = target.clone();
        let server = Server::start(move |seen| {
            (seen.method == "GET").then(|| reply(status, "").with("Location", target.clone()))
        })
        .await;
        let error = server.api().list().await.unwrap_err();
        assert!(matches!(error, ApiError::Redirected { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!(
                "a redirect to {}/v2/p1/jobs, which is not followed",
                elsewhere.url()
            )),
            "{text}"
        );
        assert_eq!(server.targets().len(), 1);
    }
    // Nor does a password, when it is Keystone that sends us away.
    let keystone = Server::start(move |_| Some(reply(308, "").with("Location", target.clone()))).await;
    assert_eq!(keystone.api().list().await.unwrap_err().kind(), "protocol");
    // The API's own list of versions is answered with 300 and no address.
    let versions = Server::start(|seen| (seen.method == "GET").then(|| reply(300, "{}"))).await;
    let text = versions.api().list().await.unwrap_err().to_string();
    assert!(
        text.contains("answered 300") && text.contains("backup_url"),
        "{text}"
    );
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn nobody_there_is_said() {
    // Bound, so that nobody else takes the port, and never listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let error = Api::connect(access(&url), TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("/v3/auth/tokens: no connection: ") && text.contains("Connection refused"),
        "{text}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn what_does_not_speak_http_is_broken_off() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let talker = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        }
    });
    let error = Api::connect(access(&url), TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap_err();
    assert!(matches!(error, ApiError::Broken { .. }), "{error}");
    talker.abort();
}
