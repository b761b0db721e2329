//! A node with a ledger, whose commands run in this very process: at a fixed time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use freezerd::cli::{self, Cli, Shell};
use freezerd::config::Loader;
use freezerd::ledger::Ledger;
use freezerd::plan::{JobId, ProjectId};
use freezerd::planner::{Outcome, Record, RunRecord, RunState, Verdict, VerdictRecord};
use freezerd::schedule::DueTime;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Done;

/// When every command of these tests is typed: noon in Berlin, on the day its clocks went forward.
const NOW: &str = "2026-03-29T10:00:00Z";

pub struct Node {
    pub folder: TempDir,
}

impl Node {
    /// With a ledger that holds these records.
    pub fn new(records: &[Record]) -> Self {
        let node = Self::without_ledger();
        drop(node.daemon(records));
        node
    }

    pub fn without_ledger() -> Self {
        let node = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        node.configure("");
        node
    }

    /// These settings too, from now on.
    pub fn configure(&self, more: &str) {
        let text = "timezone = \"Europe/Berlin\"\nstate_dir = \"state\"\nsource = {kind = \"file\", path = \"x\"}\n\
                    [[zone]]\nplan = \"tokyo\"\ntimezone = \"Asia/Tokyo\"\n";
        std::fs::write(self.folder.path().join("freezerd.toml"), format!("{text}{more}")).unwrap();
    }

    /// What a daemon writes; it goes on running as long as this is held.
    pub fn daemon(&self, records: &[Record]) -> Ledger {
        let mut ledger = Ledger::open(&self.path("state/ledger.db")).unwrap();
        ledger.commit(records).unwrap();
        ledger
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, line: &[&str]) -> Done {
        self.run_with(line, false)
    }

    /// On a terminal with colours, or into a file.
    pub fn run_with(&self, line: &[&str], colour: bool) -> Done {
        let config = self.path("freezerd.toml");
        let arguments = ["freezerd", "--config", config.to_str().unwrap()];
        let cli = Cli::try_parse_from(arguments.iter().chain(line)).unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut shell = Shell {
            loader: Loader::new(BTreeMap::new()).rooted(self.folder.path()),
            search_path: String::new(),
            now: instant(NOW),
            stdout: &mut stdout,
            stderr: &mut stderr,
            colour,
        };
        let code = match cli::execute(cli, &mut shell) {
            Ok(()) => 0,
            Err(failure) => failure.print(&mut stderr),
        };
        let root = self.folder.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(root, "");
        Done {
            code: Some(i32::from(code)),
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }
}

pub fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn due(text: &str) -> DueTime {
    DueTime::floor(instant(text))
}

/// `instant`, so many seconds later.
pub fn later(text: &str, seconds: f64) -> DateTime<Utc> {
    // A float of seconds reads well; a TimeDelta wants none.
    let length = std::time::Duration::try_from_secs_f64(seconds).unwrap();
    instant(text) + TimeDelta::from_std(length).unwrap()
}

/// A plan with this `job_schedule`, first seen on the first of March, decided up to `covered`.
pub fn plan(id: &str, name: &str, job_schedule: &Value, covered: &str) -> Record {
    let document = json!({"job_id": id, "name": name, "project_id": "p1", "job_schedule": job_schedule,
        "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}]});
    plan_of(id, name, &document, covered)
}

pub fn plan_of(id: &str, name: &str, document: &Value, covered: &str) -> Record {
    Record::Plan {
        job: JobId::new(id),
        name: name.to_owned(),
        project: Some(ProjectId::new("p1")),
        document: Some(document.to_string().into()),
        brief: None,
        first_seen: due("2026-03-01T09:00:00Z"),
        covered: due(covered),
    }
}

/// A run that is queued as soon as it is due.
pub fn queued(id: &str, when: &str) -> RunRecord {
    RunRecord {
        project: Some(ProjectId::new("p1")),
        ..RunRecord::new(JobId::new(id), due(when), later(when, 0.004))
    }
}

/// One that started so many seconds after it was due.
pub fn running(id: &str, when: &str, late: f64) -> RunRecord {
    RunRecord {
        state: RunState::Running,
        started: Some(later(when, late)),
        pid: Some(4711),
        ..queued(id, when)
    }
}

/// One that started so many seconds after it was due, and took so many.
pub fn done(id: &str, when: &str, outcome: Outcome, late: f64, took: f64, detail: &str) -> RunRecord {
    RunRecord {
        state: RunState::Done(outcome),
        ended: Some(later(when, late + took)),
        detail: detail.to_owned(),
        ..running(id, when, late)
    }
}

/// A run, and the verdict that brought it about.
pub fn with_verdict(run: RunRecord) -> Vec<Record> {
    let verdict = VerdictRecord {
        decided: run.queued,
        ..verdict(
            run.job.as_str(),
            &run.due.to_string(),
            Verdict::Run(run.id.clone()),
        )
    };
    vec![Record::Run(run), Record::Verdict(verdict)]
}

/// Decided as soon as it was due.
pub fn verdict(id: &str, when: &str, verdict: Verdict) -> VerdictRecord {
    VerdictRecord {
        job: JobId::new(id),
        first: due(when),
        last: due(when),
        count: 1,
        verdict,
        decided: later(when, 0.004),
    }
}
