//! No secret in anything that is shown.

use freezerd::freezer::{Api, Auth, Credential, Domain, Named, Scope, Secret};
use freezerd::plan::JobId;
use serde_json::json;

use crate::server::{PASSWORD, Server, TestClock, access, reply};

#[test]
fn debug_shows_none() {
    let named = Named::Name {
        name: "n".into(),
        domain: Domain::Id("d".into()),
    };
    let secret = || Secret::new("s3cr3t");
    let scope = || Scope::Project(named.clone());
    for auth in [
        Auth::Password {
            user: named.clone(),
            password: secret(),
            scope: scope(),
        },
        Auth::ApplicationCredential {
            credential: Credential::Id("c".into()),
            secret: secret(),
        },
        Auth::Token {
            token: secret(),
            scope: scope(),
        },
    ] {
        let mut settings = access("http://127.0.0.1:9");
        settings.auth = auth;
        let shown = format!(
            "{settings:?} {settings:#?} {:?}",
            Api::connect(settings.clone(), TestClock::new()).unwrap()
        );
        assert!(
            shown.contains("Secret(not shown)") && !shown.contains("s3cr3t"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn an_echo_of_them_is_taken_out_of_errors() {
    // A debugging proxy, say, that answers with what it was sent.
    let server = Server::start(|seen| {
        let said = match seen.method.as_str() {
            "GET" => seen.token().to_owned(),
            _ => return None,
        };
        Some(reply(
            403,
            json!({"title": "Forbidden", "description": format!("token {said} may not")}).to_string(),
        ))
    })
    .await;
    let error = server.api().job(&JobId::new("j")).await.unwrap_err();
    assert!(error.to_string().contains("token (secret) may not"), "{error}");
    assert!(!format!("{error:?}").contains("token-1"), "{error:?}");

    let keystone = Server::start(|seen| Some(reply(401, seen.body.clone()))).await;
    let error = keystone.api().list().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
}

#[tokio::test]
async fn what_stands_at_a_wrong_place_is_not_quoted() {
    for place in ["jobs", "nothing"] {
        let server = Server::start(move |seen| {
            (seen.method == "GET").then(|| match place {
                "jobs" => reply(200, json!({"jobs": seen.token()}).to_string()),
                _ => reply(200, json!(seen.token()).to_string()),
            })
        })
        .await;
        let error = server.api().list().await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("token-1"), "{error}");
        assert!(
            error.to_string().contains("of another sort is expected"),
            "{error}"
        );
    }
    for body in [
        json!({ "token": PASSWORD }),
        json!({"token": {"expires_at": PASSWORD}}),
        json!(PASSWORD),
        json!({"token": {"expires_at": "2026-03-28T12:00:00Z", "project": {"id": "p"}, "catalog": [
            {"type": PASSWORD}]}}),
        json!({"token": {"expires_at": "2026-03-28T12:00:00Z", "project": {"id": "p"}, "catalog": [
            {"type": "backup", "endpoints": [{"interface": "public", "url": format!("ftp://{PASSWORD}")}]}]}}),
    ] {
        let keystone =
            Server::start(move |_| Some(reply(201, body.to_string()).with("X-Subject-Token", "t"))).await;
        let error = keystone.api().list().await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
}

#[tokio::test]
async fn a_header_that_holds_one_is_shown_without() {
    let server = Server::start(|seen| {
        let location = format!("/v2/{}/jobs", seen.token());
        (seen.method == "GET").then(|| reply(302, "").with("Location", location))
    })
    .await;
    let error = server.api().list().await.unwrap_err().to_string();
    assert!(error.contains("/v2/(secret)/jobs"), "{error}");
    let server = Server::start(|seen| {
        (seen.method == "GET").then(|| reply(200, "").with("Content-Encoding", seen.token()))
    })
    .await;
    let error = server.api().list().await.unwrap_err().to_string();
    assert!(error.contains("compressed ((secret))"), "{error}");
}

#[tokio::test]
async fn a_token_with_a_line_break_is_an_error_that_does_not_show_it() {
    let server = Server::start(|seen| {
        (seen.method == "POST").then(|| crate::server::token("t\u{7f}k", "http://127.0.0.1:9"))
    })
    .await;
    let error = server.api().list().await.unwrap_err();
    assert!(!error.to_string().contains("t\u{7f}k"), "{error}");
}
