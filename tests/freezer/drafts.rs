//! Records that are made before their backups: made once, filled in by what the agent says, closed when it says
//! nothing.

use std::sync::Mutex;

use chrono::DateTime;
use freezerd::freezer::{Api, Backup, Draft, Drafted, Kept, NotKept};
use freezerd::plan::{self, Action, JobId, ProjectId};
use freezerd::planner::{Metadata, RunId};
use serde_json::{Value, json};

use crate::server::{Fault, Server, reply};
use crate::shelf::{Shelf, impatient, methods};

fn action() -> Action {
    let document = json!({"job_id": "j1", "job_actions": [{"freezer_action":
        {"action": "backup", "mode": "cindernative", "backup_name": "n", "cindernative_vol_id": "v1"}}]});
    let mut parsed = plan::parse(&document.to_string(), "a test").unwrap();
    parsed.plan.actions.remove(0)
}

fn run() -> RunId {
    RunId::from_stored("j1-20260301T010000Z".to_owned())
}

fn of<'a>(job: &'a JobId, run: &'a RunId) -> Draft<'a> {
    Draft {
        job,
        project: None,
        trust: None,
        run,
        step: 1,
    }
}

async fn draft(api: &Api, in_doubt: bool) -> Result<String, NotKept> {
    let now = DateTime::from_timestamp(1_772_326_800, 0).unwrap();
    api.draft_backup(of(&JobId::new("j1"), &run()), &action(), now, in_doubt)
        .await
}

async fn close(api: &Api, id: Option<&str>, status: &str) -> bool {
    api.close_draft(of(&JobId::new("j1"), &run()), id, status)
        .await
        .unwrap()
}

async fn keep(api: &Api, metadata: &str, draft: Drafted<'_>) -> Result<Kept, NotKept> {
    let backup = Backup {
        job: &JobId::new("j1"),
        project: None,
        trust: None,
        run: &run(),
        metadata: &Metadata::from_stored(1, metadata),
        draft,
    };
    api.keep_backup(backup, false).await
}

/// Status, and whether the agent's word is in it.
fn records(shelf: &Shelf) -> Vec<(String, bool)> {
    let records = shelf.0.lock().unwrap();
    let told = |record: &Value| {
        let cinder = record["backup_metadata"]["cinder_backup_id"] == "c1";
        (record["status"].as_str().unwrap().to_owned(), cinder)
    };
    records.iter().map(told).collect()
}

const SAID: &str =
    r#"{"action": "backup", "backup_id": "b1", "status": "available", "cinder_backup_id": "c1"}"#;
/// Of an agent that does not know of the record.
const UNAWARE: &str = r#"{"action": "backup", "backup_name": "n", "container": "c", "hostname": "h", "cinder_backup_id": "c1"}"#;

#[tokio::test]
async fn it_is_made_as_creating_and_filled_in_by_what_the_agent_says() {
    for said in [SAID, UNAWARE] {
        let shelf = Shelf::default();
        let records_there = shelf.clone();
        let server = Server::start(move |seen| records_there.answer(seen, true)).await;
        let api = server.api();
        assert_eq!(draft(&api, false).await, Ok("b1".to_owned()));
        assert_eq!(
            shelf.0.lock().unwrap()[0],
            json!({"backup_id": "b1", "project_id": "p1", "user_id": "u1", "status": "creating", "backup_metadata": {
                "mode": "cindernative", "action": "backup", "backup_media": "cindernative", "backup_name": "n",
                "container": null, "cindernative_vol_id": "v1", "time_stamp": 1_772_326_800,
                "job_id": "j1", "freezerd_run": "j1-20260301T010000Z/1"}})
        );
        assert_eq!(keep(&api, said, Drafted::As("b1")).await, Ok(Kept::Updated));
        assert_eq!(records(&shelf), [("available".to_owned(), true)], "{said}");
        assert_eq!(methods(&server), ["POST", "PATCH"]);
    }
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_one() {
    let shelf = Shelf::default();
    let (there, fault) = (
        shelf.clone(),
        Mutex::new(Some(reply(201, "{}").fault(Fault::CutAfter(1)))),
    );
    let server = Server::start(move |seen| {
        let answer = there.answer(seen, true);
        let lost = (seen.method == "POST" && seen.target.ends_with("/backups"))
            .then(|| fault.lock().unwrap().take());
        lost.flatten().or(answer)
    })
    .await;
    assert_eq!(draft(&impatient(&server, 2), false).await, Ok("b1".to_owned()));
    assert_eq!(methods(&server), ["POST", "GET"]);
    // Another process, which knows only that there may be one.
    assert_eq!(draft(&server.api(), true).await, Ok("b1".to_owned()));
    assert_eq!(shelf.len(), 1);
}

#[tokio::test]
async fn one_that_was_never_heard_of_is_found_and_filled_in() {
    let shelf = Shelf::default();
    let there = shelf.clone();
    let server = Server::start(move |seen| there.answer(seen, true)).await;
    let api = server.api();
    draft(&api, false).await.unwrap();
    assert_eq!(keep(&api, UNAWARE, Drafted::Unknown).await, Ok(Kept::Updated));
    assert_eq!(records(&shelf), [("available".to_owned(), true)]);
    // Told once more (the note that it was taken was lost): it is there, and as it was.
    assert_eq!(keep(&api, UNAWARE, Drafted::Unknown).await, Ok(Kept::Found));
    assert_eq!(shelf.len(), 1);
}

#[tokio::test]
async fn one_that_was_not_made_after_all_is_made_with_what_the_agent_says() {
    let shelf = Shelf::default();
    let there = shelf.clone();
    let server = Server::start(move |seen| there.answer(seen, true)).await;
    assert_eq!(
        keep(&server.api(), UNAWARE, Drafted::Unknown).await,
        Ok(Kept::Made)
    );
    assert_eq!(records(&shelf), [("available".to_owned(), true)]);
}

#[tokio::test]
async fn without_a_word_of_the_agent_it_says_how_the_run_ended() {
    for (known, status) in [(true, "error"), (true, "available"), (false, "error")] {
        let shelf = Shelf::default();
        let there = shelf.clone();
        let server = Server::start(move |seen| there.answer(seen, true)).await;
        let api = server.api();
        assert!(!close(&api, None, status).await, "there is none yet");
        let id = draft(&api, false).await.unwrap();
        assert!(close(&api, known.then_some(id.as_str()), status).await);
        assert_eq!(records(&shelf), [(status.to_owned(), false)]);
    }
    // One that a user deleted meanwhile.
    let shelf = Shelf::default();
    let server = Server::start(move |seen| shelf.answer(seen, true)).await;
    assert!(!close(&server.api(), Some("b1"), "error").await);
}

#[tokio::test]
async fn an_api_that_never_takes_it_leaves_no_doubt() {
    let server = Server::start(|seen| {
        let refused = r#"{"title": "Bad Data Format"}"#;
        (seen.method == "POST" && seen.target.ends_with("/backups")).then(|| reply(400, refused))
    })
    .await;
    let failed = draft(&server.api(), false).await.unwrap_err();
    assert!(failed.error.is_final() && !failed.in_doubt, "{failed:?}");
    let project = ProjectId::new("p9");
    let job = JobId::new("j1");
    let run = run();
    let elsewhere = Draft {
        project: Some(&project),
        ..of(&job, &run)
    };
    let now = DateTime::UNIX_EPOCH;
    let _ = server.api().draft_backup(elsewhere, &action(), now, false).await;
    assert_eq!(server.targets()[1], "POST /v2/p9/backups");
}
