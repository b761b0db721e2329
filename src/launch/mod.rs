//! Launching: starts, watches, aborts and re-finds runs.
//!
//! Carries out what the planner decided, and says what became of it; decides nothing itself.
//! May use: `planner` (its words), `clock`. Must not use: `freezer`, `ledger`, `cluster`, `config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::planner::{Outcome, RunId};

/// One action of a run, ready to be executed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// For messages: `backup fs`, or the like.
    pub label: String,
    /// The agent's INI, whole.
    pub ini: String,
    /// Further tries after a failed one.
    pub max_retries: u32,
    /// Seconds between tries.
    pub retry_after: u32,
    /// Runs although an earlier step failed.
    pub mandatory: bool,
}

/// All a supervisor needs to execute one run without the daemon. Holds secrets: 0600, runtime directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recipe {
    /// Which run.
    pub run: RunId,
    /// The agent's path.
    pub agent: PathBuf,
    /// In order.
    pub steps: Vec<Step>,
    /// Added to the agent's environment: `FREEZERD_JOB_ID`, `FREEZERD_RUN_ID`, `FREEZERD_DUE`, `OS_*`.
    pub environment: BTreeMap<String, String>,
    /// Seconds from SIGTERM to SIGKILL when the run is aborted.
    pub kill_grace: u32,
    /// Bytes kept of each step's standard output (from its start) and standard error (its end).
    pub keep_output: u64,
}

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// As in the recipe.
    pub label: String,
    /// Tries made; 0: it was not run.
    pub tries: u32,
    /// `exit 1`, `killed by signal 9`, `could not be started: ...`; of its last try.
    pub end: String,
    /// Whether it succeeded.
    pub ok: bool,
    /// What the agent printed on standard output (its metadata, JSON), bounded.
    pub stdout: String,
    /// The end of what it printed on standard error, bounded.
    pub stderr: String,
}

/// How a run ended: what the supervisor leaves in the state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The outcome.
    pub outcome: Outcome,
    /// When its first agent was started, if one was.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// Each step.
    pub steps: Vec<StepReport>,
    /// One line for people: why it failed, or nothing.
    pub detail: String,
}

/// What a launcher tells the daemon, over a channel it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum LaunchEvent {
    /// The run's first agent was started.
    Started {
        /// Which run.
        run: RunId,
        /// The supervisor's process id.
        pid: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// The run is over. Sent again at every adoption until [`Launcher::forget`] is called.
    Ended {
        /// Which run.
        run: RunId,
        /// How.
        report: RunReport,
    },
}

/// What is known of a run that the ledger believes was handed to the launcher.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// No trace: it was never started; starting it now is safe.
    Never,
    /// It lives, and is being watched from now on.
    Alive {
        /// The supervisor's process id.
        pid: u32,
        /// When its first agent was started, if it got that far.
        started: Option<DateTime<Utc>>,
    },
    /// It ended; its report was kept.
    Ended(RunReport),
    /// It was started and is gone without a report: it crashed with the machine, or was killed.
    Lost,
}

/// Starts, finds, aborts and forgets runs. Watching is its own business: events arrive on its channel.
pub trait Launcher: Send + Sync {
    /// Starts the run, at most once ever for one [`RunId`].
    ///
    /// # Errors
    /// When it could not be handed over; then nothing of it runs.
    fn start(&self, recipe: &Recipe) -> Result<(), LaunchError>;
    /// Looks for a run of an earlier daemon, and watches it if it lives.
    ///
    /// # Errors
    /// When its traces cannot be read.
    fn find(&self, run: &RunId) -> Result<Found, LaunchError>;
    /// Tells a living run to stop: SIGTERM to its process group, SIGKILL after the grace. Its end arrives as an event.
    ///
    /// # Errors
    /// When it cannot be signalled.
    fn abort(&self, run: &RunId) -> Result<(), LaunchError>;
    /// Removes the traces of a run whose outcome is recorded.
    fn forget(&self, run: &RunId);
}

/// What can go wrong with a launch.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A file or directory of the run could not be made, read or written.
    #[error("run {run}: cannot {what} {path}: {source}")]
    File {
        /// Which run.
        run: RunId,
        /// `create`, `write`, `read`.
        what: &'static str,
        /// Which path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The supervisor could not be started.
    #[error("run {run}: cannot start its supervisor {program}: {source}")]
    Spawn {
        /// Which run.
        run: RunId,
        /// Which program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
