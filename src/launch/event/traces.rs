//! What is left of a run that was asked for: one small file each, in `<state>/asked/`.
//!
//! It is there before the request is sent, so whoever finds none knows that none was sent.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::course::{Before, UnderWay};
use crate::launch::run_dir::{RunDir, make_private, read_json, sync_dir, write_durable};
use crate::launch::{LaunchError, RunReport};
use crate::plan::JobId;
use crate::planner::RunId;

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// The request is being sent, or its answer was lost: it may have arrived.
    Asking,
    /// The API took the request.
    Taken(DateTime<Utc>),
    /// It runs, and was seen to since then.
    Running(DateTime<Utc>, UnderWay),
    /// It is over.
    Ended(RunReport),
}

/// All that is known of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trace {
    pub(super) job: JobId,
    /// When it was asked for, by our clock.
    pub(super) asked: DateTime<Utc>,
    /// What the plan's document said before.
    pub(super) before: Before,
    pub(super) phase: Phase,
    /// Its user, or we, had it ended.
    #[serde(default)]
    pub(super) aborted: bool,
}

impl Trace {
    /// Since when it is as far as it is, by our clock.
    pub(super) fn as_it_is_since(&self) -> DateTime<Utc> {
        match &self.phase {
            Phase::Asking => self.asked,
            Phase::Taken(at) | Phase::Running(at, _) => *at,
            Phase::Ended(report) => report.ended,
        }
    }

    /// Since when it runs, if it does: as the API says, else as it was seen.
    pub(super) fn since(&self) -> Option<DateTime<Utc>> {
        match &self.phase {
            Phase::Running(seen, known) => Some(known.started.unwrap_or(*seen)),
            Phase::Asking | Phase::Taken(_) | Phase::Ended(_) => None,
        }
    }
}

/// What there is of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Left {
    /// Nothing: it was never asked for.
    Nothing,
    /// This.
    Trace(Trace),
    /// A file that cannot be read any more: it was asked for, and all else is gone.
    Damaged,
}

/// Where they are, in the state directory.
pub(in crate::launch) const ASKED: &str = "asked";

/// The folder of them.
#[derive(Debug)]
pub(super) struct Traces {
    folder: PathBuf,
}

impl Traces {
    pub(super) fn new(state_dir: &Path) -> Result<Self, LaunchError> {
        let folder = state_dir.join(ASKED);
        make_private(&folder, true)
            .and_then(|()| sync_dir(state_dir))
            .map_err(|source| LaunchError::Setup {
                what: "create",
                path: folder.clone(),
                source,
            })?;
        Ok(Self { folder })
    }

    /// Durably, in place of what is there.
    pub(super) fn keep(&self, run: &RunId, trace: &Trace) -> Result<(), LaunchError> {
        let path = self.path(run)?;
        serde_json::to_vec(trace)
            .map_err(std::io::Error::from)
            .and_then(|bytes| write_durable(&self.folder, &name(run), &bytes))
            .map_err(|source| file("write", run, path, source))
    }

    pub(super) fn read(&self, run: &RunId) -> Result<Left, LaunchError> {
        let path = self.path(run)?;
        match read_json(&path) {
            Ok(trace) => Ok(Left::Trace(trace)),
            Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(Left::Nothing),
            Err(problem) if problem.kind() == ErrorKind::InvalidData => Ok(Left::Damaged),
            Err(source) => Err(file("read", run, path, source)),
        }
    }

    pub(super) fn remove(&self, run: &RunId) -> Result<(), LaunchError> {
        let path = self.path(run)?;
        match std::fs::remove_file(&path) {
            Err(problem) if problem.kind() != ErrorKind::NotFound => Err(file("remove", run, path, problem)),
            _ => Ok(()),
        }
    }

    /// A name that leads elsewhere is refused, as for every run.
    fn path(&self, run: &RunId) -> Result<PathBuf, LaunchError> {
        RunDir::of_run(&self.folder, &self.folder, run)
            .map_err(|source| file("use", run, self.folder.clone(), source))?;
        Ok(self.folder.join(name(run)))
    }
}

fn name(run: &RunId) -> String {
    format!("{run}.json")
}

fn file(what: &'static str, run: &RunId, path: PathBuf, source: std::io::Error) -> LaunchError {
    LaunchError::File {
        run: run.clone(),
        what,
        path,
        source,
    }
}
