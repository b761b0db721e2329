use std::sync::{Arc, Mutex};
use std::task::Poll;

use serde_json::{Value, json};

use super::*;
use crate::daemon::server::{Seen, Server, ok, reply};
use crate::daemon::sessions::ask;
use crate::daemon::witness::Shelf;
use crate::ledger::Ledger;
use crate::planner::{Record, RunId, SessionAnswer, SessionAsk, SessionEnd};
use crate::schedule::DueTime;

const SESSION: &str = "/v2/p1/sessions/s";

/// A session of one plan, as the API keeps it.
async fn session() -> Server {
    let running = Mutex::new(false);
    Server::start(move |seen| {
        let mut running = running.lock().unwrap();
        if seen.is("POST", &format!("{SESSION}/action")) {
            *running = seen.json().get("start").is_some();
            return Some(reply(202, r#"{"result": "success", "session_tag": 8}"#));
        }
        let status = if *running { "running" } else { "completed" };
        let ours = json!({"status": status, "time_started": 100});
        let document = json!({"session_id": "s", "session_tag": 8, "jobs": {"j": ours}});
        seen.is("GET", SESSION).then(|| ok(&document))
    })
    .await
}

/// What the session was told and asked.
fn actions(server: &Server) -> Vec<&'static str> {
    let word = |seen: Seen| match seen.method.as_str() {
        "POST" if seen.target.starts_with(SESSION) => Some(match seen.json() {
            Value::Object(body) if body.contains_key("start") => "start",
            _ => "end",
        }),
        _ => None,
    };
    server.seen().into_iter().filter_map(word).collect()
}

fn run(due: i64) -> RunId {
    RunId::new(&JobId::new("j"), DueTime::from_epoch(due))
}

/// The plan, and an end of its first run that may be void.
fn ledger(folder: &std::path::Path) -> Shelf {
    let mut ledger = Ledger::open(&folder.join("ledger.db")).unwrap();
    let plan = Record::Plan {
        job: JobId::new("j"),
        name: String::new(),
        project: None,
        document: Some("{}".into()),
        brief: None,
        first_seen: DueTime::from_epoch(0),
        covered: DueTime::from_epoch(0),
    };
    let end = Record::SessionEnd {
        job: JobId::new("j"),
        run: run(60),
        end: SessionEnd {
            session: "s".to_owned(),
            tag: 7,
            result: "aborted".to_owned(),
            unsure: true,
        },
    };
    ledger.commit(&[plan, end]).unwrap();
    Shelf(Arc::new(Mutex::new(ledger)))
}

fn waiting(ledger: &Shelf) -> Vec<PendingSessionEnd> {
    ledger
        .with(|ledger| ledger.reader().pending_session_ends(9))
        .unwrap()
}

fn second() -> SessionAsk {
    SessionAsk {
        run: run(120),
        job: JobId::new("j"),
        project: None,
        session: "s".to_owned(),
        tag: 7,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_told_meanwhile_does_not_end_the_run_that_started_since() {
    let (folder, server) = (tempfile::tempdir().unwrap(), session().await);
    let (ledger, api, turns) = (ledger(folder.path()), server.api(), Turns::default());
    // The outbox has it in hand, behind others.
    let ends = waiting(&ledger);
    let answer = ask(&ledger, &api, &turns, &second()).await;
    assert_eq!(answer, SessionAnswer::Joined { tag: 8 });
    assert_eq!(actions(&server), ["start"], "the first was not in it");
    let told = tell_waiting(&ledger, &api, &turns, &ends[0]).await;
    told.unwrap().unwrap();
    assert_eq!(actions(&server), ["start"], "the second runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_s_session_is_spoken_to_by_one_at_a_time() {
    let (folder, server) = (tempfile::tempdir().unwrap(), session().await);
    let (ledger, api, turns) = (ledger(folder.path()), server.api(), Turns::default());
    let (ends, ask_it, job) = (waiting(&ledger), second(), JobId::new("j"));
    let turn = turns.take(&job).await;
    let told = tell_waiting(&ledger, &api, &turns, &ends[0]);
    let asked = ask(&ledger, &api, &turns, &ask_it);
    let mut both = std::pin::pin!(async { tokio::join!(biased; told, asked) });
    let waits = std::future::poll_fn(|context| Poll::Ready(both.as_mut().poll(context).is_pending()));
    assert!(waits.await, "it is another's turn");
    let holders = Arc::strong_count(&turns.0.lock().unwrap()[&job]);
    assert_eq!(holders, 4, "the map, who has it, and the two who wait for it");
    drop(turn);
    let (told, answer) = both.await;
    told.unwrap().unwrap();
    assert_eq!(answer, SessionAnswer::Joined { tag: 8 });
    assert_eq!(actions(&server), ["start"]);
    assert_eq!(waiting(&ledger), []);
    drop(turns.take(&JobId::new("k")).await);
    assert_eq!(
        turns.0.lock().unwrap().len(),
        1,
        "of those who are through nothing is kept"
    );
}
