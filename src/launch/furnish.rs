//! The directories of a run that is about to be started. The same for every launcher that starts supervisors.
//!
//! Nothing is synced here. The ledger recorded the start before it was asked for, and the supervisor makes its
//! claim durable before it starts an agent; what a power cut takes of the rest is worth nothing anyway.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::planner::RunId;

use super::run_dir::{RunDir, create_private, make_private, remove_tree};
use super::traces::{Traces, Unreadable, traces};
use super::{LaunchError, Recipe};

/// What the daemon is told by its service manager and must not tell on: an agent that says "ready" or "I am
/// alive" there would speak for the daemon.
pub(super) const NOT_FOR_AGENTS: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    // Of our unit, for us.
    "MALLOC_TRIM_THRESHOLD_",
];

/// Makes the run's state directory: only one can.
pub(super) fn claim_directory(run: &RunId, dir: &RunDir) -> Result<(), LaunchError> {
    let file = |what, path: &Path, source| LaunchError::File {
        run: run.clone(),
        what,
        path: path.to_owned(),
        source,
    };
    match make_private(dir.state(), false) {
        Ok(()) => return Ok(()),
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => {}
        Err(problem) => return Err(file("create", dir.state(), problem)),
    }
    // Of an earlier start. If that came to nothing, this one may have the name.
    match traces(dir) {
        Ok(Traces::None) => {
            make_private(dir.state(), false).map_err(|problem| file("create", dir.state(), problem))
        }
        Ok(_) => Err(LaunchError::AlreadyStarted { run: run.clone() }),
        Err((what, path, problem)) => Err(file(what, &path, problem)),
    }
}

/// Makes what the supervisor finds: its lock, which is given back, and its recipe.
pub(super) fn furnish(recipe: &Recipe, dir: &RunDir) -> Result<File, Unreadable> {
    let creating = |path: PathBuf| move |problem| ("create", path, problem);
    let lock = create_private(&dir.lock()).map_err(creating(dir.lock()))?;
    match make_private(dir.runtime(), false) {
        // Left over from before the state directory was lost; or the tmpfs is new.
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => {
            remove_tree(dir.runtime()).and_then(|()| make_private(dir.runtime(), false))
        }
        Err(problem) if problem.kind() == ErrorKind::NotFound => make_private(dir.runtime(), true),
        other => other,
    }
    .map_err(creating(dir.runtime().to_owned()))?;
    let writing = |problem| ("write", dir.recipe(), problem);
    let text = serde_json::to_vec(recipe).map_err(|problem| writing(problem.into()))?;
    create_private(&dir.recipe())
        .and_then(|mut file| file.write_all(&text))
        .map_err(writing)?;
    Ok(lock)
}
