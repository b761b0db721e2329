//! What a run has left on the disk, and what that means. The same for every launcher.

use std::path::PathBuf;

use super::report::RunReport;
use super::run_dir::{RunDir, remove_tree};
use super::run_lock::RunLock;

/// What the traces of a run say.
pub(super) enum Traces {
    /// There are none, or none that ever amounted to a start; they were cleared away.
    None,
    /// Something holds its lock.
    Living(RunLock),
    /// It left a report.
    Reported(RunReport),
    /// It was claimed, nothing of it lives, and there is no report.
    Claimed,
}

/// What could not be done, with which path, and why.
pub(super) type Unreadable = (&'static str, PathBuf, std::io::Error);

/// Reads the traces, and removes those of a start that came to nothing: of a daemon that crashed between
/// making the directory and starting the supervisor, or of a supervisor that died before its claim.
///
/// A supervisor that is only just coming up either has the lock already, and lives; or it finds the lock taken
/// or gone, and gives up. There is no third way, as it never makes the lock itself.
pub(super) fn traces(dir: &RunDir) -> Result<Traces, Unreadable> {
    let reading = |path: PathBuf| move |problem| ("read", path, problem);
    if !dir
        .state()
        .try_exists()
        .map_err(reading(dir.state().to_owned()))?
    {
        return clear(dir);
    }
    if let Some(report) = dir.read_report().map_err(reading(dir.state().to_owned()))? {
        return Ok(Traces::Reported(report));
    }
    let lock = match RunLock::open(&dir.lock()) {
        Ok(lock) => Some(lock),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => None,
        Err(problem) => return Err(("open", dir.lock(), problem)),
    };
    if let Some(lock) = lock {
        if !lock.try_take().map_err(reading(dir.lock()))? {
            return Ok(Traces::Living(lock));
        }
        // It may have ended between the two looks.
        if let Some(report) = dir.read_report().map_err(reading(dir.state().to_owned()))? {
            return Ok(Traces::Reported(report));
        }
        if dir.claim().try_exists().map_err(reading(dir.claim()))? {
            return Ok(Traces::Claimed);
        }
        // The lock is still held here, until the directory is gone.
        let cleared = clear(dir);
        drop(lock);
        return cleared;
    }
    if dir.claim().try_exists().map_err(reading(dir.claim()))? {
        return Ok(Traces::Claimed);
    }
    clear(dir)
}

fn clear(dir: &RunDir) -> Result<Traces, Unreadable> {
    for path in [dir.runtime(), dir.state()] {
        remove_tree(path).map_err(|problem| ("remove", path.to_owned(), problem))?;
    }
    Ok(Traces::None)
}
