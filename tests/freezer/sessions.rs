//! Sessions: what is told at the end of a run that may, or may not, have started with its session.

use freezerd::plan::JobId;
use freezerd::planner::SessionEnd;
use serde_json::{Value, json};

use crate::server::{Server, ok, reply};

const SESSION: &str = "/v2/p1/sessions/s";

/// The results that a session is told whose document says this of our plan; `None`: there is no such session.
async fn told(ours: Option<Value>, unsure: bool) -> Vec<Value> {
    let document = ours.map(|ours| json!({"session_id": "s", "session_tag": 8, "jobs": {"j1": ours}}));
    let server = Server::start(move |seen| match seen.target.as_str() {
        SESSION => document.as_ref().map(ok),
        _ if seen.method == "POST" && seen.target.starts_with(SESSION) => {
            Some(reply(202, r#"{"result": "success", "session_tag": 8}"#))
        }
        _ => None,
    })
    .await;
    let end = SessionEnd {
        session: "s".to_owned(),
        tag: 7,
        result: "aborted".to_owned(),
        unsure,
    };
    let api = server.api();
    api.end_session(&JobId::new("j1"), None, None, &end)
        .await
        .unwrap();
    let actions = server.seen().into_iter();
    let actions = actions.filter(|seen| seen.method == "POST" && seen.target.starts_with(SESSION));
    actions.map(|seen| seen.json()["end"].clone()).collect()
}

#[tokio::test]
async fn whether_a_session_waits_for_a_run_that_was_withdrawn_is_looked_at_before_it_is_told() {
    let waits = json!({"status": "running", "time_started": 100});
    let end = |tag| json!({"job_id": "j1", "current_tag": tag, "result": "aborted"});
    assert_eq!(told(Some(waits.clone()), true).await, [end(8)]);
    assert_eq!(told(Some(waits), false).await, [end(7)]);
    // It never heard of that run: of the one before it knows how it ended.
    let ended = json!({"status": "completed", "result": "success", "time_started": 100});
    assert_eq!(told(Some(ended), true).await, [] as [Value; 0]);
    assert_eq!(told(None, true).await, [] as [Value; 0]);
}

#[tokio::test]
async fn of_a_session_only_what_is_ours_is_read_and_not_without_bound() {
    let document = |more: usize| {
        let others = vec![0; more];
        json!({"session_tag": 8, "x": others, "jobs": {"j2": others, "j1": {"status": "running"}}})
    };
    let state = |document: Value| async move {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" if seen.target == SESSION => Some(ok(&document)),
            "POST" if seen.target.starts_with(SESSION) => Some(reply(202, "{}")),
            _ => None,
        })
        .await;
        let end = SessionEnd {
            session: "s".to_owned(),
            tag: 7,
            result: "success".to_owned(),
            unsure: true,
        };
        let done = server
            .api()
            .end_session(&JobId::new("j1"), None, None, &end)
            .await;
        done.map_err(|error| error.kind())
    };
    assert_eq!(state(document(900_000)).await, Ok(()));
    assert_eq!(state(document(1_100_000)).await, Err("too-large"));
}
