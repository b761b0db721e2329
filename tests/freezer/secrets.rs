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
async fn a_token_with_a_line_break_is_an_error_that_does_not_show_it() {
    let server = Server::start(|seen| {
        (seen.method == "POST").then(|| crate::server::token("t\u{7f}k", "http://127.0.0.1:9"))
    })
    .await;
    let error = server.api().list().await.unwrap_err();
    assert!(!error.to_string().contains("t\u{7f}k"), "{error}");
}
