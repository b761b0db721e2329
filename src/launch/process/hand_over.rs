//! From a recipe to a running supervisor: the launcher's hot path.
//!
//! Nothing is synced here. The ledger recorded the start before it was asked for, and the supervisor makes its
//! claim durable before it starts an agent; what a power cut takes of the rest is worth nothing anyway.

use std::io::{ErrorKind, PipeReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::launch::run_dir::{RunDir, create_private, make_private, remove_tree};
use crate::launch::{LaunchError, Recipe};
use crate::planner::RunId;

use super::{Traces, traces};

/// What the daemon is told by its service manager and must not tell on: an agent that says "ready" or "I am
/// alive" there would speak for the daemon.
const NOT_FOR_AGENTS: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// A supervisor that was just started.
pub(super) struct Handed {
    pub(super) child: Child,
    /// Where it says that the first agent was started.
    pub(super) says: PipeReader,
}

/// Makes the run's directories and starts its supervisor.
pub(super) fn hand_over(recipe: &Recipe, dir: &RunDir, program: &Path) -> Result<Handed, LaunchError> {
    claim_directory(&recipe.run, dir)?;
    let handed = furnish(recipe, dir)
        .map_err(|(what, path, source)| LaunchError::File {
            run: recipe.run.clone(),
            what,
            path,
            source,
        })
        .and_then(|says| spawn(&recipe.run, dir, program, says));
    if handed.is_err() {
        let _ = remove_tree(dir.runtime());
        let _ = remove_tree(dir.state());
    }
    handed
}

/// Makes the run's state directory: only one can.
fn claim_directory(run: &RunId, dir: &RunDir) -> Result<(), LaunchError> {
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

/// What the supervisor's standard output and error are to be.
struct Says {
    reader: PipeReader,
    stdout: Stdio,
    stderr: Stdio,
}

fn furnish(recipe: &Recipe, dir: &RunDir) -> Result<Says, (&'static str, PathBuf, std::io::Error)> {
    let creating = |path: PathBuf| move |problem| ("create", path, problem);
    create_private(&dir.lock()).map_err(creating(dir.lock()))?;
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
    let log = create_private(&dir.log()).map_err(creating(dir.log()))?;
    let (reader, writer) = std::io::pipe().map_err(|problem| ("create a pipe for", dir.log(), problem))?;
    Ok(Says {
        reader,
        stdout: writer.into(),
        stderr: log.into(),
    })
}

fn spawn(run: &RunId, dir: &RunDir, program: &Path, says: Says) -> Result<Handed, LaunchError> {
    let mut command = Command::new(program);
    // No process group and no session from here: the supervisor makes its own session, which a group's leader
    // could not; and without such wishes the standard library may start it without copying this process.
    command.arg("supervise").arg(dir.state()).arg(dir.runtime());
    command
        .stdin(Stdio::null())
        .stdout(says.stdout)
        .stderr(says.stderr);
    for name in NOT_FOR_AGENTS {
        command.env_remove(name);
    }
    match command.spawn() {
        Ok(child) => Ok(Handed {
            child,
            says: says.reader,
        }),
        Err(source) => Err(LaunchError::Spawn {
            run: run.clone(),
            program: program.to_owned(),
            source,
        }),
    }
}
