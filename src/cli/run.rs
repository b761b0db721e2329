//! `freezerd run`: the daemon.

use std::path::PathBuf;

use super::{Failure, Shell};
use crate::daemon::{self, DaemonError, Start};

/// `freezerd run`
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Decide and record, but launch and report nothing: to run beside freezer-scheduler
    #[arg(long)]
    pub shadow: bool,
}

/// Carries it out; comes back when the daemon was told to stop.
pub(super) fn execute(config: Option<PathBuf>, args: &RunArgs, shell: &Shell<'_>) -> Result<(), Failure> {
    daemon::run(Start {
        loader: shell.loader.clone(),
        config,
        shadow: args.shadow,
        search_path: shell.search_path.clone(),
    })?;
    Ok(())
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        if error.is_configuration() {
            Self::configuration(error.to_string())
        } else {
            Self::failed(error.to_string())
        }
    }
}
