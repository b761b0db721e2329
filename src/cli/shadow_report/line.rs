//! One line, in the words the formats share.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use serde::Serialize;

use super::compare::{Compared, Did, Would};
use crate::cli::known::Known;
use crate::cli::times::{self, local};
use crate::plan::{JobId, ProjectId, printable};
use crate::schedule::{DueTime, Zone};

/// Most characters shown of a result: the API takes any text.
const RESULT: usize = 40;

/// What freezer-scheduler did, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scheduler {
    Ran,
    Missing,
    /// It cannot be known.
    Unknown,
    /// It is too early to say.
    Pending,
}

impl Scheduler {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
        }
    }
}

/// One due time (or several with one verdict), or a run when nothing was due. Its fields, in this order, are the
/// JSON object and the CSV line.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub job_id: JobId,
    pub name: String,
    pub project_id: Option<ProjectId>,
    /// UTC; `None`: nothing was due.
    #[serde(serialize_with = "times::as_maybe_text")]
    pub due: Option<DueTime>,
    /// The last of several due times from `due` on, if it is known; of one, the same.
    #[serde(serialize_with = "times::as_maybe_text")]
    pub last_due: Option<DueTime>,
    /// How many due times; 0: nothing was due.
    pub count: u64,
    /// The due time, else the start, in the plan's zone.
    #[serde(serialize_with = "times::as_rfc3339")]
    pub local: DateTime<FixedOffset>,
    /// The plan's zone.
    #[serde(serialize_with = "times::as_name")]
    pub timezone: Arc<Zone>,
    /// What freezerd would have done: `run`, `coalesce`, `skip`; or `nothing-due`.
    pub freezerd: &'static str,
    /// Why it would have skipped it.
    pub reason: Option<&'static str>,
    pub scheduler: Scheduler,
    /// How often it ran.
    pub runs: usize,
    /// UTC, whole seconds; of one run.
    #[serde(serialize_with = "times::as_maybe_text")]
    pub started: Option<DueTime>,
    #[serde(serialize_with = "times::as_millis")]
    pub ended: Option<DateTime<Utc>>,
    /// `success`, `fail`, `aborted`; empty: it was not over when it was last seen.
    pub result: Option<String>,
    /// From its due time to its start; below 0 for a plan that runs once and was seen by the other first.
    pub late_seconds: Option<i64>,
    /// Whether the two did the same; `None`: not known.
    pub same: Option<bool>,
}

impl Line {
    pub(super) fn new(compared: &Compared<'_>, known: &Known) -> Self {
        let decided = compared.decided;
        let run = match compared.did {
            Did::Ran(run) => Some(run),
            _ => None,
        };
        let (scheduler, runs) = match compared.did {
            Did::Ran(_) => (Scheduler::Ran, 1),
            Did::RanTimes(times) => (Scheduler::Ran, times),
            Did::Missing => (Scheduler::Missing, 0),
            Did::Unknown => (Scheduler::Unknown, 0),
            Did::Pending => (Scheduler::Pending, 0),
        };
        let (freezerd, reason) = match decided.map(|decided| decided.would) {
            Some(Would::Run) => ("run", None),
            Some(Would::Coalesce) => ("coalesce", None),
            Some(Would::Skip(reason)) => ("skip", Some(reason.word())),
            Some(Would::Itself) | None => ("nothing-due", None),
        };
        let due = decided.map(|decided| decided.first);
        let started = run.map(|run| run.started);
        let at = due.or(started).unwrap_or(DueTime::from_epoch(0));
        Self {
            job_id: known.plan.job.clone(),
            name: known.plan.name.clone(),
            project_id: known.plan.project.clone(),
            due,
            last_due: decided
                .filter(|decided| decided.count == 1 || decided.would != Would::Coalesce)
                .map(|decided| {
                    if decided.count == 1 {
                        decided.first
                    } else {
                        decided.last
                    }
                }),
            count: decided.map_or(0, |decided| decided.count),
            local: local(at, &known.zone),
            timezone: Arc::clone(&known.zone),
            freezerd,
            reason,
            scheduler,
            runs,
            started,
            ended: run.and_then(|run| run.ended),
            result: run.map(|run| printable(&run.result, RESULT)),
            late_seconds: started.zip(due).map(|(started, due)| started.since(due)),
            same: compared.same(),
        }
    }

    /// Its place in time: the due time, else the start.
    pub(super) fn at(&self) -> DueTime {
        self.due.or(self.started).unwrap_or(DueTime::from_epoch(0))
    }
}
