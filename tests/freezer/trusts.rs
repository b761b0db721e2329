//! Acting in a plan's user's name: a token by the trust, shared, kept, renewed; and a trust that is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freezerd::freezer::{Api, Auth, Credential, Delivered, Secret};
use freezerd::plan::{JobId, TrustId};
use freezerd::planner::Report;
use serde_json::json;
use tokio::sync::Notify;

use crate::server::{Fault, Reply, Seen, Server, TestClock, ok, reply};

/// Of which trust a request asks for a token; `None`: it does not, or not by one.
fn trust_asked(seen: &Seen) -> Option<String> {
    if !seen.is("POST", "/v3/auth/tokens") {
        return None;
    }
    let scope = seen.json()["auth"]["scope"].clone();
    assert!(
        scope["project"].is_null() || scope["OS-TRUST:trust"].is_null(),
        "{scope}"
    );
    scope["OS-TRUST:trust"]["id"].as_str().map(str::to_owned)
}

/// A token called after its trust, `tN`, for the project `pN`.
fn token_by(trust: &str, address: &str) -> Reply {
    let project = trust.replace('t', "p");
    let body = json!({"token": {
        "issued_at": "2026-03-28T12:00:00Z", "expires_at": "2026-03-28T13:00:00Z", "project": {"id": project},
        "catalog": [{"type": "backup", "name": "freezer", "endpoints": [
            {"interface": "public", "region": "R", "region_id": "R", "url": format!("http://{address}")}]}],
    }});
    reply(201, body.to_string()).with("X-Subject-Token", format!("by-{trust}"))
}

/// Gives tokens by trusts, and has jobs of other projects, which only such a token may change.
fn cloud(seen: &Seen) -> Option<Reply> {
    if let Some(trust) = trust_asked(seen) {
        return Some(token_by(&trust, &seen.headers["host"]));
    }
    let token = seen.token();
    match (
        seen.method.as_str(),
        seen.target
            .split('?')
            .next()?
            .split('/')
            .collect::<Vec<_>>()
            .as_slice(),
    ) {
        ("GET", [_, "v2", _, "jobs", job]) => {
            let project = job.replace('j', "p");
            Some(ok(
                &json!({"job_id": job, "project_id": project, "job_schedule": {"schedule_hour": "1"}}),
            ))
        }
        ("PATCH", [_, "v2", project, "jobs", job]) => {
            let its_own = job.replace('j', "p") == *project && token == project.replace('p', "by-t");
            let refused =
                json!({"title": "Access Forbidden", "description": "jobs:update is disallowed by policy"});
            Some(if its_own {
                ok(&json!({"version": 0}))
            } else {
                reply(403, refused.to_string())
            })
        }
        _ => None,
    }
}

fn report() -> Report {
    Report {
        status: "completed".to_owned(),
        result: Some("success".to_owned()),
        time_started: None,
        time_ended: None,
        current_pid: None,
        answers_event: None,
        session: None,
    }
}

async fn tell(api: &Api, number: u32) -> Result<Delivered, freezerd::freezer::ApiError> {
    let (job, trust) = (
        JobId::new(&format!("j{number}")),
        TrustId::new(&format!("t{number}")),
    );
    api.report(&job, Some(&trust), &report()).await
}

fn tokens_by_trusts(server: &Server) -> Vec<String> {
    server.seen().iter().filter_map(trust_asked).collect()
}

#[tokio::test]
async fn a_report_is_made_by_the_plans_trust_in_its_project() {
    let server = Server::start(cloud).await;
    let api = server.api();
    assert_eq!(tell(&api, 7).await, Ok(Delivered::Written));
    assert_eq!(server.targets(), ["GET /v2/p7/jobs/j7", "PATCH /v2/p7/jobs/j7"]);
    let asked = server.seen()[0].json();
    assert_eq!(
        asked["auth"]["scope"],
        json!({"OS-TRUST:trust": {"id": "t7"}}),
        "no project beside it"
    );
    assert_eq!(asked["auth"]["identity"]["password"]["user"]["id"], "u1");
    assert_eq!(server.tokens_given(), 1, "our own was not needed");
}

#[tokio::test]
async fn one_token_a_trust_serves_all_its_plans_and_is_renewed_in_time() {
    let server = Server::start(cloud).await;
    let clock = TestClock::new();
    let api = Arc::new(Api::connect(server.access(), clock.clone()).unwrap());
    let calls: Vec<_> = (0..12)
        .map(|call| {
            let api = Arc::clone(&api);
            tokio::spawn(async move { tell(&api, call % 3).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let mut given = tokens_by_trusts(&server);
    given.sort();
    assert_eq!(given, ["t0", "t1", "t2"]);
    // A token lives an hour; the margin is five minutes and at most as much again.
    clock.advance(49 * 60);
    tell(&api, 1).await.unwrap();
    assert_eq!(tokens_by_trusts(&server).len(), 3);
    clock.advance(6 * 60 + 1);
    tell(&api, 1).await.unwrap();
    assert_eq!(tokens_by_trusts(&server)[3..], ["t1"]);
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_replaced_by_one_of_the_same_trust() {
    let stale = Arc::new(AtomicBool::new(true));
    let first = Arc::clone(&stale);
    let server = Server::start(move |seen| {
        if seen.method == "GET" && first.swap(false, Ordering::SeqCst) {
            return Some(reply(401, r#"{"error": {"code": 401}}"#));
        }
        cloud(seen)
    })
    .await;
    assert_eq!(tell(&server.api(), 4).await, Ok(Delivered::Written));
    assert_eq!(tokens_by_trusts(&server), ["t4", "t4"]);
}

/// As Keystone refuses a trust that was taken back, or given to somebody else.
fn refusing(status: u16, message: &'static str) -> impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static {
    let body = json!({"error": {"code": status, "message": message}}).to_string();
    move |seen| match trust_asked(seen).as_deref() {
        Some("t1") => Some(reply(status, body.clone())),
        _ => cloud(seen),
    }
}

#[tokio::test]
async fn a_refused_trust_is_named_concerns_no_other_and_is_not_asked_for_again_at_once() {
    for (status, message) in [
        (404, "Could not find trust: t1."),
        (403, "User is not a trustee."),
    ] {
        let server = Server::start(refusing(status, message)).await;
        let clock = TestClock::new();
        let api = Api::connect(server.access(), clock.clone()).unwrap();
        let error = tell(&api, 1).await.unwrap_err();
        assert!(
            error.is_refused_trust() && !error.is_transient() && !error.is_final(),
            "{error:?}"
        );
        assert_eq!(error.kind(), "auth");
        let text = error.to_string();
        assert!(text.contains("trust t1") && text.contains(message), "{text}");
        assert_eq!(api.try_trust(&TrustId::new("t1")).await, Err(error));
        assert_eq!(tell(&api, 2).await, Ok(Delivered::Written));
        assert_eq!(tokens_by_trusts(&server), ["t1", "t2"]);
        clock.advance(61);
        assert!(tell(&api, 1).await.is_err());
        assert_eq!(tokens_by_trusts(&server), ["t1", "t2", "t1"]);
    }
}

#[tokio::test]
async fn where_the_policy_lets_us_a_run_whose_trust_is_gone_is_told_all_the_same() {
    let refusing = refusing(404, "Could not find trust: t1.");
    let server = Server::start(move |seen| {
        // An administrator may change every job, in its project.
        let own = seen.is("PATCH", "/v2/p1/jobs/j1") && seen.token().starts_with("token-");
        if own {
            Some(ok(&json!({"version": 0})))
        } else {
            refusing(seen)
        }
    })
    .await;
    assert_eq!(tell(&server.api(), 1).await, Ok(Delivered::Written));
}

#[tokio::test]
async fn a_wrong_password_is_not_the_trusts_fault() {
    let refused = || {
        reply(
            401,
            r#"{"error": {"code": 401, "message": "The request you have made requires authentication."}}"#,
        )
    };
    let server = Server::start(move |seen| seen.is("POST", "/v3/auth/tokens").then(refused)).await;
    let error = tell(&server.api(), 1).await.unwrap_err();
    assert!(!error.is_refused_trust(), "{error}");
    // Once our own was taken, it is.
    let server =
        Server::start(move |seen| trust_asked(seen).map(|_| refused()).or_else(|| cloud(seen))).await;
    let api = server.api();
    api.connection().await.unwrap();
    assert!(
        api.try_trust(&TrustId::new("t1"))
            .await
            .unwrap_err()
            .is_refused_trust()
    );
}

/// The one lock that could tell whether our own credentials are good is taken then.
#[tokio::test]
async fn while_our_own_token_is_renewed_a_refused_trust_is_still_the_trusts_fault() {
    let (renewing, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let (late, told) = (Arc::clone(&renewing), Arc::clone(&asked));
    let server = Server::start(move |seen| {
        if trust_asked(seen).is_some() {
            return Some(reply(401, r#"{"error": {"code": 401}}"#));
        }
        let renews = seen.is("POST", "/v3/auth/tokens") && late.load(Ordering::SeqCst);
        renews.then(|| {
            told.notify_one();
            reply(201, "").fault(Fault::Silent)
        })
    })
    .await;
    let clock = TestClock::new();
    let api = Arc::new(Api::connect(server.access(), clock.clone()).unwrap());
    api.connection().await.unwrap();
    renewing.store(true, Ordering::SeqCst);
    clock.advance(56 * 60);
    let renewal = Arc::clone(&api);
    let renewal = tokio::spawn(async move { renewal.connection().await });
    asked.notified().await;
    let error = api.try_trust(&TrustId::new("t1")).await.unwrap_err();
    assert!(error.is_refused_trust(), "{error}");
    renewal.abort();
}

#[tokio::test]
async fn a_keystone_that_is_away_is_no_refusal() {
    let server = Server::start(|seen| trust_asked(seen).map(|_| reply(503, ""))).await;
    let error = server.api().try_trust(&TrustId::new("t1")).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(tokens_by_trusts(&server).len(), 3, "it may be back in a moment");
}

#[tokio::test]
async fn an_address_with_our_project_in_it_is_not_for_another() {
    let server = Server::start(cloud).await;
    let mut access = server.access();
    access.backup_url = Some(format!("{}/v2/p-own", server.url()));
    let api = Api::connect(access, TestClock::new()).unwrap();
    assert_eq!(tell(&api, 7).await, Ok(Delivered::Written));
    assert_eq!(server.targets()[1], "PATCH /v2/p7/jobs/j7");
}

#[tokio::test]
async fn an_application_credential_acts_in_its_own_name() {
    let server = Server::start(|seen| {
        seen.target
            .ends_with("/jobs/j1")
            .then(|| ok(&json!({"job_id": "j1", "job_schedule": {}})))
    })
    .await;
    let mut access = server.access();
    access.auth = Auth::ApplicationCredential {
        credential: Credential::Id("c".to_owned()),
        secret: Secret::new("s"),
    };
    let api = Api::connect(access, TestClock::new()).unwrap();
    assert_eq!(tell(&api, 1).await, Ok(Delivered::Written));
    assert!(tokens_by_trusts(&server).is_empty());
}

#[tokio::test]
async fn a_central_client_asks_for_the_plans_of_all_projects() {
    let list = |seen: &Seen| seen.is("GET", "/v2/p1/jobs").then(|| ok(&json!({"jobs": []})));
    let server = Server::start(list).await;
    let mut access = server.access();
    server.api().list().await.unwrap();
    access.all_projects = true;
    Api::connect(access, TestClock::new())
        .unwrap()
        .list()
        .await
        .unwrap();
    assert_eq!(
        server.targets(),
        [
            "GET /v2/p1/jobs?limit=500",
            "GET /v2/p1/jobs?limit=500&all_projects=True"
        ]
    );
}
