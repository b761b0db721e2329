//! What agents say of deleted backups is told after what older ones of their plans said, or one of those would be recorded
//! anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::super::{Delivery, Round};
use crate::daemon::server::{PROJECT, Server, ok, reply};
use crate::daemon::session_ends::Turns;
use crate::daemon::witness::Shelf;
use crate::ledger::Ledger;
use crate::plan::JobId;
use crate::planner::{Metadata, Outcome, Record, RunRecord, RunState};
use crate::schedule::DueTime;

/// A run that is over, and what its agent said.
fn said(due: i64, text: &str) -> [Record; 2] {
    let (job, due) = (JobId::new("j"), DueTime::from_epoch(due));
    let run = RunRecord {
        state: RunState::Done(Outcome::Success),
        started: Some(due.instant()),
        ended: Some(due.instant()),
        ..RunRecord::new(job, due, due.instant())
    };
    let id = run.id.clone();
    let metadata = Metadata::from_stored(0, text);
    [Record::Run(run), Record::Backup { run: id, metadata }]
}

/// One backup, and another by whose agent an old one was deleted.
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
    ledger.commit(&[plan]).unwrap();
    ledger.commit(&said(60, r#"{"action": "backup"}"#)).unwrap();
    let later = r#"{"action": "backup", "deleted_freezer_backup_ids": ["b1"]}"#;
    ledger.commit(&said(120, later)).unwrap();
    Shelf(Arc::new(Mutex::new(ledger)))
}

#[tokio::test(flavor = "multi_thread")]
async fn after_one_that_was_not_taken_its_plan_s_deletions_wait() {
    let takes = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&takes);
    let server = Server::start(move |seen| {
        let backups = format!("/v2/{PROJECT}/backups");
        match seen.method.as_str() {
            "POST" if seen.target == backups && answers.load(Ordering::Relaxed) => {
                Some(reply(201, json!({"backup_id": "b2"}).to_string()))
            }
            // Of this one alone: the others may fare better.
            "POST" if seen.target == backups => Some(reply(403, "")),
            "DELETE" => Some(ok(&json!({}))),
            _ => None,
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (ledger, api, turns) = (ledger(folder.path()), server.api(), Turns::default());
    let delivery = Delivery {
        waiting: &ledger,
        api: &api,
        turns: &turns,
    };
    let requests = || {
        let all = server
            .seen()
            .into_iter()
            .map(|seen| seen.method + " " + &seen.target);
        let about = all.filter(|request| request.contains("/backups"));
        about
            .map(|request| request.replace(&format!("/v2/{PROJECT}/backups"), ""))
            .collect::<Vec<_>>()
    };
    let failed = Round::Failed {
        after: None,
        away: false,
    };
    assert_eq!(delivery.round().await.unwrap(), failed);
    assert_eq!(requests(), ["POST "], "the later one is read with it");
    assert_eq!(delivery.round().await.unwrap(), failed);
    assert_eq!(requests(), ["POST ", "POST "], "and then it waits");
    takes.store(true, Ordering::Relaxed);
    assert_eq!(delivery.round().await.unwrap(), Round::Taken);
    assert_eq!(delivery.round().await.unwrap(), Round::Taken);
    assert_eq!(requests()[2..], ["POST ", "DELETE /b1", "POST "]);
    assert_eq!(delivery.round().await.unwrap(), Round::Empty);
}
