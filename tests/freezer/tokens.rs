//! Tokens: got once, renewed in time, replaced when refused; and where the catalogue leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freezerd::freezer::{Api, ApiError, Auth, Credential, Secret};
use freezerd::plan::JobId;
use serde_json::json;

use crate::server::{InTurn, Reply, Seen, Server, TestClock, ok, reply, token};

fn empty() -> Reply {
    ok(&json!({"jobs": []}))
}

fn unauthorized() -> Reply {
    reply(401, json!({"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}).to_string())
}

fn lists(seen: &Seen) -> Option<Reply> {
    (seen.method == "GET").then(empty)
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_call_and_one_token_serves_many() {
    let server = Server::start(lists).await;
    let api = Arc::new(server.api());
    assert!(server.seen().is_empty());
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let api = Arc::clone(&api);
            tokio::spawn(async move { api.list().await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(server.tokens_given(), 1);
    assert!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.method == "GET")
            .all(|seen| seen.token() == "token-1")
    );
    let asked = server.seen()[0].json();
    assert_eq!(asked["auth"]["identity"]["password"]["user"]["id"], "u1");
    assert_eq!(asked["auth"]["scope"]["project"]["id"], "p1");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let server = Server::start(lists).await;
    let clock = TestClock::new();
    let api = Api::connect(server.access(), clock.clone()).unwrap();
    api.list().await.unwrap();
    // It lives an hour; the margin is five minutes and at most as much again.
    clock.advance(49 * 60);
    api.list().await.unwrap();
    assert_eq!(server.tokens_given(), 1);
    clock.advance(6 * 60 + 1);
    api.list().await.unwrap();
    assert_eq!(server.tokens_given(), 2);
    assert_eq!(server.seen().last().unwrap().token(), "token-2");
}

#[tokio::test]
async fn a_keystone_that_is_away_at_renewal_stops_nothing_while_the_old_token_lasts() {
    let away = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&away);
    let server = Server::start(move |seen| {
        if seen.method == "POST" && switch.load(Ordering::SeqCst) {
            Some(reply(503, ""))
        } else {
            lists(seen)
        }
    })
    .await;
    let clock = TestClock::new();
    let api = Api::connect(server.access(), clock.clone()).unwrap();
    api.list().await.unwrap();
    away.store(true, Ordering::SeqCst);
    clock.advance(56 * 60);
    api.list().await.unwrap();
    let asked = server.tokens_given();
    api.list().await.unwrap();
    assert_eq!(server.tokens_given(), asked, "Keystone is left alone for a while");
    clock.advance(5 * 60);
    let error = api.list().await.unwrap_err();
    assert_eq!(error.kind(), "server", "{error}");
    away.store(false, Ordering::SeqCst);
    api.list().await.unwrap();
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let server = Server::start(|seen| {
        (seen.method == "GET").then(|| {
            if seen.token() == "token-1" {
                unauthorized()
            } else {
                empty()
            }
        })
    })
    .await;
    let api = server.api();
    api.list().await.unwrap();
    api.list().await.unwrap();
    assert_eq!(server.tokens_given(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_an_error() {
    let server = Server::start(|seen| (seen.method == "GET").then(unauthorized)).await;
    let error = server.api().list().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_transient(), error.is_final()),
        ("auth", false, false)
    );
    let text = error.to_string();
    assert!(
        text.contains("requires authentication") && text.contains("both use the same Keystone"),
        "{text}"
    );
    assert_eq!(server.tokens_given(), 2);
    assert_eq!(server.targets().len(), 2);
}

#[tokio::test]
async fn wrong_credentials_are_not_tried_again() {
    let server = Server::start(|_| Some(unauthorized())).await;
    let error = server.api().job(&JobId::new("j")).await.unwrap_err();
    let text = error
        .to_string()
        .replace(&server.address.port().to_string(), "PORT");
    insta::assert_snapshot!(text, @"POST http://127.0.0.1:PORT/v3/auth/tokens: not authenticated (401): Unauthorized: The request you have made requires authentication. (check user, password or secret, their domains, and the project; a given token may have expired)");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_keystone_fault_that_passes_is_survived() {
    let tokens = InTurn::new([Some(reply(503, "")), Some(reply(500, "")), None]);
    let server = Server::start(move |seen| {
        if seen.method == "POST" {
            tokens.next()
        } else {
            lists(seen)
        }
    })
    .await;
    server.api().list().await.unwrap();
}

#[tokio::test]
async fn an_application_credential_brings_its_own_scope() {
    let server = Server::start(lists).await;
    let mut access = server.access();
    access.auth = Auth::ApplicationCredential {
        credential: Credential::Id("c1".into()),
        secret: Secret::new("s"),
    };
    Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap();
    let asked = server.seen()[0].json();
    assert_eq!(asked["auth"]["identity"]["application_credential"]["id"], "c1");
    assert!(asked["auth"].get("scope").is_none());
}

#[tokio::test]
async fn an_odd_answer_of_keystone_is_named() {
    let cases = [
        (
            reply(201, "{}").with("X-Subject-Token", "t"),
            "not a Keystone v3 token",
        ),
        (reply(201, json!({"token": {}}).to_string()), "X-Subject-Token"),
        (reply(200, "<html>"), "X-Subject-Token"),
        (
            reply(
                201,
                json!({"token": {"expires_at": "2026-03-28T12:00:00.000000Z"}}).to_string(),
            )
            .with("X-Subject-Token", "t"),
            "for no project",
        ),
        (reply(404, ""), "auth_url must be Keystone's base address"),
    ];
    for (answer, expected) in cases {
        let server = Server::start(move |_| Some(answer.clone())).await;
        let error = server.api().list().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn backup_url_comes_before_the_catalogue() {
    let server = Server::start(|seen| {
        if seen.method == "POST" {
            Some(token("t", "http://127.0.0.1:9"))
        } else {
            lists(seen)
        }
    })
    .await;
    for form in ["", "/", "/v2", "/v2/p1/"] {
        let mut access = server.access();
        access.backup_url = Some(format!("{}{form}", server.url()));
        Api::connect(access, TestClock::new())
            .unwrap()
            .list()
            .await
            .unwrap();
        assert_eq!(server.targets().last().unwrap(), "GET /v2/p1/jobs?limit=500");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_at_once() {
    let server = Server::start(lists).await;
    let refused = |change: &dyn Fn(&mut freezerd::freezer::Access)| {
        let mut access = server.access();
        change(&mut access);
        Api::connect(access, TestClock::new()).unwrap_err()
    };
    for (error, expected) in [
        (
            refused(&|access| access.auth_url = "keystone:5000".into()),
            "auth_url: ",
        ),
        (
            refused(&|access| access.backup_url = Some("http://u:s3cr3t@api".into())),
            "backup_url: ",
        ),
        (
            refused(&|access| access.ca_file = Some("/nowhere/ca.pem".into())),
            "ca_file /nowhere/ca.pem: ",
        ),
        (
            refused(&|access| access.ca_file = Some(file!().into())),
            "holds no certificate",
        ),
    ] {
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
        assert_eq!(error.kind(), "settings");
    }
}

#[tokio::test]
async fn no_entry_in_the_catalogue_is_said_with_what_to_do() {
    let body = json!({"token": {"expires_at": "2026-03-28T12:00:00Z", "project": {"id": "p1"},
        "catalog": [{"type": "compute", "endpoints": []}]}});
    let answer = reply(201, body.to_string()).with("X-Subject-Token", "t");
    let server = Server::start(move |_| Some(answer.clone())).await;
    let error = server.api().list().await.unwrap_err();
    assert!(matches!(error, ApiError::Catalog { .. }));
    assert!(
        error
            .to_string()
            .contains("(there are: compute); register it, or set backup_url"),
        "{error}"
    );
}
