//! Reports: read, merge, write; never a schedule from memory.

use freezerd::freezer::{Api, Delivered};
use freezerd::plan::JobId;
use freezerd::planner::Report;
use serde_json::{Value, json};

use crate::server::{InTurn, Seen, Server, TestClock, ok, reply};

const JOB: &str = "/v2/p1/jobs/j1";

fn report() -> Report {
    Report {
        status: "completed".into(),
        result: Some("success".into()),
        time_started: Some(1_774_000_000),
        time_ended: Some(1_774_000_060),
        current_pid: None,
        answers_event: Some("start".into()),
        session: None,
    }
}

fn job(event: &str) -> Value {
    json!({"job_id": "j1", "project_id": "p1", "job_schedule": {
        "schedule_hour": "1,2", "schedule_day_of_week": "0", "schedule_interval": "5 days", "unknown": {"a": [1, null]},
        "time_created": 7, "status": "running", "event": event, "current_pid": 99}})
}

async fn delivered(server: &Server) -> Delivered {
    server
        .api()
        .report(&JobId::new("j1"), None, &report())
        .await
        .unwrap()
}

#[tokio::test]
async fn only_our_keys_change() {
    // A plan that goes on is not called completed.
    for (event, after, status) in [("start", "", "scheduled"), ("abort", "abort", "completed")] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" => Some(ok(&job(event))),
            "PATCH" => Some(ok(&json!({"job_id": "j1", "version": 0}))),
            _ => None,
        })
        .await;
        assert_eq!(delivered(&server).await, Delivered::Written);
        let seen = server.seen();
        let patch = seen.last().unwrap();
        assert!(patch.is("PATCH", JOB), "{patch:?}");
        assert_eq!(patch.headers["content-type"], "application/json");
        assert_eq!(
            patch.json(),
            json!({"job_schedule": {
                "schedule_hour": "1,2", "schedule_day_of_week": "0", "schedule_interval": "5 days",
                "unknown": {"a": [1, null]}, "time_created": 7, "event": after,
                "status": status, "result": "success",
                "time_started": 1_774_000_000, "time_ended": 1_774_000_060}})
        );
        assert_eq!(server.targets(), [format!("GET {JOB}"), format!("PATCH {JOB}")]);
    }
}

#[tokio::test]
async fn a_write_that_failed_begins_again_with_reading() {
    let edited = {
        let mut job = job("");
        job["job_schedule"]["schedule_hour"] = json!("23");
        job
    };
    let reads = InTurn::new([ok(&job("")), ok(&edited)]);
    let locked = json!({"title": "Internal Storage Error", "description": "database is locked"});
    let writes = InTurn::new([reply(500, locked.to_string()), ok(&json!({}))]);
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => Some(reads.next()),
        "PATCH" => Some(writes.next()),
        _ => None,
    })
    .await;
    assert_eq!(delivered(&server).await, Delivered::Written);
    let seen = server.seen();
    assert_eq!(seen.last().unwrap().json()["job_schedule"]["schedule_hour"], "23");
    assert_eq!(server.targets().len(), 4);
}

#[tokio::test]
async fn a_job_that_is_gone_is_no_error() {
    // 404 with no body, as upstream says it for a job; with a JSON one, as it does for a write.
    for body in ["", r#"{"title": "Not Found"}"#] {
        let server = Server::start(move |seen| (!lists(seen)).then(|| reply(404, body))).await;
        assert_eq!(delivered(&server).await, Delivered::Gone);
        assert!(server.api().job(&JobId::new("j1")).await.unwrap().is_none());
    }
    let reads = InTurn::new([ok(&job("")), reply(404, "")]);
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" if !lists(seen) => Some(reads.next()),
        "PATCH" => Some(reply(404, r#"{"title": "Not Found"}"#)),
        _ => None,
    })
    .await;
    assert_eq!(delivered(&server).await, Delivered::Gone);
}

/// Whether somebody asks for a token or for the list: what says 404 of a job answers these itself.
fn lists(seen: &Seen) -> bool {
    seen.method == "POST" || seen.target.starts_with("/v2/p1/jobs?")
}

/// A proxy in front of the API that knows no way to it says 404 of everything, some without a body, some in JSON.
#[tokio::test]
async fn nobody_believes_that_a_job_is_gone_while_the_api_is_not_there_to_say_so() {
    for body in ["", r#"{"message": "no Route matched with those values"}"#] {
        for list in [reply(404, body), reply(502, ""), ok(&json!({"services": []}))] {
            let server = Server::start(move |seen| match seen.method.as_str() {
                "GET" if lists(seen) => Some(list.clone()),
                "GET" => Some(reply(404, body)),
                _ => None,
            })
            .await;
            let api = server.api();
            let error = api.report(&JobId::new("j1"), None, &report()).await.unwrap_err();
            assert!(!error.is_final(), "the report would be given up: {error}");
            assert!(api.job(&JobId::new("j1")).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_404_that_the_api_did_not_say_is_an_error_and_not_a_job_that_is_gone() {
    let page = "<html><head><title>404 Not Found</title></head><body>nginx</body></html>";
    let server = Server::start(move |seen| (seen.method == "GET").then(|| reply(404, page))).await;
    let error = server
        .api()
        .report(&JobId::new("j1"), None, &report())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("404 Not Found nginx (is this the Freezer API?"),
        "{error}"
    );
    assert!(!error.is_final());
    // Still there, but not to be written: neither gone nor delivered.
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => Some(ok(&job(""))),
        "PATCH" => Some(reply(404, "")),
        _ => None,
    })
    .await;
    assert!(
        server
            .api()
            .report(&JobId::new("j1"), None, &report())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_virtuozzo_api_is_told_nothing() {
    let document = json!({"job_id": "j1", "status": "scheduled", "disabled": false, "job_schedule": {}});
    let server = Server::start(move |seen| (seen.method == "GET").then(|| ok(&document))).await;
    assert_eq!(delivered(&server).await, Delivered::NotWanted);
    assert_eq!(server.targets().len(), 1);
}

#[tokio::test]
async fn what_is_already_said_is_not_said_again() {
    let mut document = job("");
    document["job_schedule"] = json!({"status": "completed", "result": "success",
        "time_started": 1_774_000_000, "time_ended": 1_774_000_060});
    let server = Server::start(move |seen| (seen.method == "GET").then(|| ok(&document))).await;
    assert_eq!(delivered(&server).await, Delivered::Written);
    assert_eq!(server.targets().len(), 1);
}

#[tokio::test]
async fn a_job_of_another_project_is_written_under_that_project() {
    let mut document = job("");
    document["project_id"] = json!("p2");
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => Some(ok(&document)),
        "PATCH" => Some(ok(&json!({}))),
        _ => None,
    })
    .await;
    assert_eq!(delivered(&server).await, Delivered::Written);
    assert_eq!(server.targets(), ["GET /v2/p1/jobs/j1", "PATCH /v2/p2/jobs/j1"]);
}

#[tokio::test]
async fn what_the_api_will_never_take_is_final_and_not_tried_again() {
    for status in [400, 422, 753] {
        let said = json!({"title": "Malformed JSON"}).to_string();
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" => Some(ok(&job(""))),
            "PATCH" => Some(reply(status, said.clone())),
            _ => None,
        })
        .await;
        let error = server
            .api()
            .report(&JobId::new("j1"), None, &report())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.is_final(), error.is_transient()),
            ("bad-request", true, false)
        );
        assert!(
            error
                .to_string()
                .ends_with(&format!("refused ({status}): Malformed JSON")),
            "{error}"
        );
        assert_eq!(server.targets().len(), 2);
    }
}

#[tokio::test]
async fn an_id_goes_into_the_address_encoded_or_not_at_all() {
    let server = Server::start(|_| None).await;
    let api = Api::connect(server.access(), TestClock::new()).unwrap();
    api.job(&JobId::new("../../x?y#z %2e")).await.unwrap();
    assert_eq!(server.targets()[0], "GET /v2/p1/jobs/..%2F..%2Fx%3Fy%23z%20%252e");
    for id in ["", ".", ".."] {
        let error = api.report(&JobId::new(id), None, &report()).await.unwrap_err();
        assert!(error.is_final(), "{error}");
    }
    assert_eq!(
        server.targets().len(),
        2,
        "the job, and whether it is the API that says 404"
    );
}
