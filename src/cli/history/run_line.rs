//! One run, in the words the formats share.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use serde::Serialize;

use crate::cli::times::{self, local};
use crate::plan::{JobId, ProjectId, printable};
use crate::planner::{Outcome, RunId, RunRecord, RunState};
use crate::schedule::{DueTime, Zone};

/// Most characters shown of what the launcher said.
const DETAIL: usize = 500;

/// One run. Its fields, in this order, are the JSON object and the CSV line.
#[derive(Debug, Clone, Serialize)]
pub(in crate::cli) struct RunLine {
    pub run_id: RunId,
    pub job_id: JobId,
    pub name: String,
    pub project_id: Option<ProjectId>,
    /// UTC.
    #[serde(serialize_with = "times::as_text")]
    pub due: DueTime,
    /// In the plan's zone.
    #[serde(serialize_with = "times::as_rfc3339")]
    pub local: DateTime<FixedOffset>,
    /// The plan's zone.
    #[serde(serialize_with = "times::as_name")]
    pub timezone: Arc<Zone>,
    /// `queued`, `starting`, `running`, `done`.
    pub state: &'static str,
    /// How it ended; `None`: it is not over.
    pub outcome: Option<Outcome>,
    #[serde(serialize_with = "times::as_millis")]
    pub queued: Option<DateTime<Utc>>,
    #[serde(serialize_with = "times::as_millis")]
    pub started: Option<DateTime<Utc>>,
    #[serde(serialize_with = "times::as_millis")]
    pub ended: Option<DateTime<Utc>>,
    /// From its due time to its start; negative when the clock was set back in between.
    pub lateness_seconds: Option<f64>,
    /// From its start to its end. `None` for a lost one too: its end is when it was missed.
    pub duration_seconds: Option<f64>,
    /// While it is queued for its window: when that opens.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "times::as_maybe_text"
    )]
    pub not_before: Option<DueTime>,
    pub pid: Option<u32>,
    pub detail: String,
}

impl RunLine {
    pub(in crate::cli) fn new(run: &RunRecord, name: &str, zone: &Arc<Zone>) -> Self {
        let (state, outcome) = match run.state {
            RunState::Queued => ("queued", None),
            RunState::Starting => ("starting", None),
            RunState::Running => ("running", None),
            RunState::Done(outcome) => ("done", Some(outcome)),
        };
        Self {
            run_id: run.id.clone(),
            job_id: run.job.clone(),
            name: name.to_owned(),
            project_id: run.project.clone(),
            due: run.due,
            local: local(run.due, zone),
            timezone: Arc::clone(zone),
            state,
            outcome,
            queued: Some(run.queued),
            started: run.started,
            ended: run.ended,
            lateness_seconds: run.started.map(|started| seconds(run.due.instant(), started)),
            duration_seconds: took(run).map(|(started, ended)| seconds(started, ended)),
            not_before: run.not_before.filter(|_| run.state == RunState::Queued),
            pid: run.pid,
            detail: printable(&run.detail, DETAIL),
        }
    }
}

/// From when until when a run was at work, if that is known.
pub(in crate::cli) fn took(run: &RunRecord) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    if run.state == RunState::Done(Outcome::Lost) {
        return None;
    }
    run.started.zip(run.ended)
}

/// To the millisecond, as the ledger has it.
fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).as_seconds_f64()
}
