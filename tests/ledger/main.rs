//! The ledger: what is committed is there after a crash, whole or not at all.

#![expect(clippy::expect_used, clippy::panic, reason = "a test says what it expected")]

mod backups;
mod briefs;
mod condensing;
mod drafts;
mod history;
mod model;
mod opening;
mod outbox;
mod pruning;
mod random;
mod records;
mod runs;
mod session_ends;
mod sightings;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use freezerd::ledger::{Ledger, RestoredPlan};
use freezerd::plan::{JobId, ProjectId};
use freezerd::planner::{Record, Report, RunId, RunRecord, RunState, Verdict, VerdictRecord};
use freezerd::schedule::DueTime;
use tempfile::TempDir;

/// A ledger in a folder of its own, which can be closed and opened again.
struct Store {
    folder: TempDir,
    ledger: Option<Ledger>,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Self { folder, ledger: None };
        store.reopen();
        store
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state/ledger.db")
    }

    fn reopen(&mut self) {
        self.ledger = None;
        self.ledger = Some(Ledger::open(&self.path()).expect("a ledger"));
    }

    fn ledger(&mut self) -> &mut Ledger {
        self.ledger.as_mut().expect("an open ledger")
    }

    fn commit(&mut self, records: &[Record]) {
        self.ledger().commit(records).expect("committed");
    }

    fn plan(&mut self, job: &str) -> RestoredPlan {
        let plans = self.ledger().reader().restore().expect("restored").plans;
        plans
            .into_iter()
            .find(|plan| plan.job.as_str() == job)
            .expect("a plan")
    }
}

fn job(text: &str) -> JobId {
    JobId::new(text)
}

fn due(epoch: i64) -> DueTime {
    DueTime::from_epoch(epoch)
}

/// An instant, by its milliseconds.
fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).expect("an instant")
}

fn plan(id: &str, first_seen: i64, covered: i64) -> Record {
    Record::Plan {
        job: job(id),
        name: format!("plan {id}"),
        project: Some(ProjectId::new("p")),
        document: Some(format!("{{\"job_id\":\"{id}\"}}").into()),
        brief: None,
        first_seen: due(first_seen),
        covered: due(covered),
    }
}

fn verdict_over(id: &str, first: i64, last: i64, count: u64, verdict: Verdict) -> VerdictRecord {
    VerdictRecord {
        job: job(id),
        first: due(first),
        last: due(last),
        count,
        verdict,
        decided: at(last * 1000 + 7),
    }
}

fn verdict(id: &str, first: i64, verdict: Verdict) -> VerdictRecord {
    verdict_over(id, first, first, 1, verdict)
}

fn run(id: &str, when: i64, state: RunState) -> RunRecord {
    let done = matches!(state, RunState::Done(_));
    RunRecord {
        id: RunId::new(&job(id), due(when)),
        job: job(id),
        project: Some(ProjectId::new("p")),
        due: due(when),
        first: due(when - 7),
        count: 3,
        covers: due(when + 5),
        cadence: Some(3600),
        state,
        not_before: None,
        queued: at(when * 1000 + 1),
        started: done.then(|| at(when * 1000 + 2)),
        ended: done.then(|| at(when * 1000 + 3)),
        pid: None,
        detail: String::new(),
        session: None,
    }
}

fn report(status: &str) -> Report {
    Report {
        status: status.to_owned(),
        result: Some(String::new()),
        time_started: None,
        time_ended: None,
        current_pid: None,
        answers_event: None,
        session: None,
    }
}

fn report_about(id: &str, report: Report) -> Record {
    Record::Report {
        job: job(id),
        run: None,
        report,
    }
}
