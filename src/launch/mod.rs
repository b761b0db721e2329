//! Launching: starts, watches, aborts and re-finds runs.
//!
//! Carries out what the planner decided, and says what became of it; decides nothing itself.
//! May use: `planner`, `plan`, `schedule` (their words), `clock`, `failpoint`, `output`. Must not use: `freezer`, `ledger`,
//! `config`.
//!
//! [`ini`] writes what the agent reads. [`supervise`] is the small process that executes a [`Recipe`] and
//! outlives the daemon. [`process`] starts supervisors and finds them again; [`event`] starts nothing itself, but has
//! the plan started elsewhere. A run of this machine has two directories:
//! what must survive a reboot is in `<state>/runs/<run>/` (`lock`, its second name `claim`, `report.json`),
//! what must not is in `<runtime>/runs/<run>/` (`recipe.json`, the agent's INI: they hold secrets).

mod arrivals;
pub mod event;
mod furnish;
pub mod ini;
mod left;
mod notes;
pub mod process;
mod recipe;
mod report;
mod run_dir;
mod run_lock;
mod several;
pub mod supervise;
pub mod systemd;
mod traces;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

use rustix::io::Errno;

use crate::planner::{NotStarted, RunId};

pub use left::{Left, left, traced};
pub use recipe::{Limits, Recipe, Step};
pub use report::{RunReport, StepReport};
pub use several::Several;

/// What a launcher tells the daemon, over a channel it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum LaunchEvent {
    /// The run's first agent was started.
    Started {
        /// Which run.
        run: RunId,
        /// The supervisor's process id; 0: it has none here.
        pid: u32,
        /// When, to the millisecond.
        at: DateTime<Utc>,
    },
    /// A start came to nothing, though nothing is wrong with the run: it left no trace, and may be started again.
    NotStarted {
        /// Which run.
        run: RunId,
        /// Why.
        why: NotStarted,
    },
    /// The run is over. Sent once by whoever watches it; a later daemon hears it from [`Launcher::find`],
    /// again and again until [`Launcher::forget`] is called.
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
        /// The supervisor's process id; 0 if it has not yet said so.
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
    /// How long before a run is due it wants to be told, by [`Self::get_ready`]; `None`: not at all.
    fn lead(&self) -> Option<Duration> {
        None
    }
    /// A run, this one most likely, is about to be due, and will be started as soon as that is recorded: what takes its time may
    /// be got ready. Nothing of a run is begun by that, and nothing stays if none is started.
    fn get_ready(&self, _run: &RunId) {}
    /// Starts the run, at most once ever for one [`RunId`].
    ///
    /// # Errors
    /// When it could not be handed over; then nothing of it runs, unless the error is
    /// [`LaunchError::AlreadyStarted`].
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

impl LaunchError {
    /// Whether it may well work a moment later: this process or the machine has as many files or processes open as it may, or
    /// no memory left. No trace of the run is left.
    #[must_use]
    pub fn passes(&self) -> bool {
        let (Self::File { source, .. } | Self::Spawn { source, .. }) = self else {
            return false;
        };
        let errno = Errno::from_io_error(source);
        matches!(
            errno,
            Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM)
        )
    }
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
    /// It was handed over before, and has run, runs, or is about to. Ask [`Launcher::find`] what became of it.
    #[error("run {run}: was started before; one due time runs once")]
    AlreadyStarted {
        /// Which run.
        run: RunId,
    },
    /// A living run could not be signalled.
    #[error("run {run}: cannot signal its process {pid}: {source}")]
    Signal {
        /// Which run.
        run: RunId,
        /// The process; 0: those that hold the run's lock could not be listed.
        pid: u32,
        /// Why.
        source: std::io::Error,
    },
    /// systemd cannot be used to start runs.
    #[error("systemd cannot start runs: {why}")]
    Manager {
        /// Why.
        why: String,
    },
    /// The launcher itself could not be set up.
    #[error("cannot {what} {path}: {source}")]
    Setup {
        /// `create`, `use`.
        what: &'static str,
        /// Which path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
