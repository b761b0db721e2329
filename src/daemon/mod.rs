//! The daemon: the only place that wires the rooms together.
//!
//! One loop ([`Daemon::live`]) waits for whatever comes first: a due time, a listing, news of a run, a
//! signal, somebody asking how it is. The [`main_loop`] knows what each means; the [`engine`] takes it through the planner
//! into the ledger, and only then out again. Everything that may take its time has a task of its own and
//! talks to the loop over a channel: [`listing`] polls, [`outbox`] goes the rounds of [`delivery`], [`register`] registers the node,
//! [`prepare`] gets ready at the API what a run must find there, the launcher watches.
//! While nothing is due and nobody asks, nothing runs.
//!
//! May use: every room but `cli`. Must not decide what becomes of a due time: that is `planner`'s.

pub mod account;
mod agents;
mod asking;
pub mod backups;
mod clock_behind;
mod copying;
pub mod delivery;
pub mod engine;
mod gauges;
pub mod listing;
mod live;
pub mod main_loop;
mod open;
mod outbox;
mod past;
pub mod policy;
mod polled;
pub mod prepare;
mod pruning;
mod questions;
pub mod reading;
pub mod recipes;
pub mod register;
pub mod registering;
mod reload;
mod salvage;
mod service;
pub mod session_ends;
pub mod sessions;
mod signals;
mod told;
mod trouble;
mod upkeep;
pub mod waiting;
mod witness;

/// An API for tests.
#[cfg(test)]
#[path = "../../tests/freezer/server.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{ConfigError, Loaded, Loader};
use crate::freezer::ApiError;
use crate::launch::LaunchError;
use crate::ledger::LedgerError;
use crate::observe::http::HttpError;
use crate::observe::logs::LogError;

use main_loop::Refused;
use policy::PolicyError;

/// What a daemon starts with.
#[derive(Debug)]
pub struct Start {
    /// Reads the configuration, now and at every reload.
    pub loader: Loader,
    /// The file that was named, if one was.
    pub config: Option<PathBuf>,
    /// Decide and record, launch and report nothing.
    pub shadow: bool,
    /// `PATH`, for an agent given by its bare name.
    pub search_path: String,
}

/// Why a daemon did not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A zone that is named in it is not known.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It asks for something that this version has not.
    #[error("{setting}: {reason}")]
    Unsupported {
        /// Which setting.
        setting: &'static str,
        /// What is missing, and what to set instead.
        reason: &'static str,
    },
    /// The API cannot be reached with it.
    #[error("{0}")]
    Access(String),
    /// The log cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The launcher cannot be used.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The ledger refuses what was decided: it and the planner disagree. A new start begins with the ledger.
    #[error("the ledger refuses what was decided, so the daemon starts afresh from it: {0}")]
    Refused(String),
    /// The HTTP port cannot be had.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Something of the operating system's.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl DaemonError {
    /// Whether the configuration is at fault, and a restart alone will not help.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Config(_)
                | Self::Policy(_)
                | Self::Unsupported { .. }
                | Self::Access(_)
                | Self::Log(LogError::Filter { .. })
        )
    }
}

impl From<Refused> for DaemonError {
    fn from(Refused(why): Refused) -> Self {
        Self::Refused(why)
    }
}

impl From<ApiError> for DaemonError {
    fn from(error: ApiError) -> Self {
        Self::Access(error.to_string())
    }
}

/// How long the end waits for whoever takes the log.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// Why it did not start. Once it runs, only the loss of its timer ends it with an error.
pub fn run(start: Start) -> Result<(), DaemonError> {
    let loaded = start.loader.load(start.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| DaemonError::System {
            what: "start the runtime",
            source,
        })?;
    let log = crate::observe::logs::init(&open::log_settings(&loaded.settings))?;
    let daemon = runtime.block_on(live::Daemon::open(start, &loaded, log.clone()));
    let ledger = daemon.as_ref().ok().map(|daemon| Arc::clone(&daemon.ledger));
    let result = daemon.and_then(|daemon| runtime.block_on(daemon.live()));
    // A task that waits for a slow server or disk does not hold up the end.
    runtime.shutdown_background();
    // One of them may have the ledger until we are gone, and nobody close it.
    if let Some(ledger) = ledger
        && let Ok(mut ledger) = ledger.try_lock()
        && let Err(error) = ledger.leave_in_order()
    {
        tracing::debug!(%error, "the ledger's log stays");
    }
    log.flush(LAST_WORDS);
    result
}

/// Whether this version can do what is configured.
///
/// # Errors
/// It cannot: which setting, and what to do.
pub(crate) fn unsupported(loaded: &Loaded) -> Result<(), DaemonError> {
    if loaded.settings.cluster.is_some() {
        return Err(DaemonError::Unsupported {
            setting: "cluster",
            reason: "this version runs on one node alone; remove [cluster]",
        });
    }
    Ok(())
}
