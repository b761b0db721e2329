//! From a recipe to a running supervisor: the launcher's hot path.

use std::io::{PipeReader, PipeWriter};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::failpoint::{self, Failpoint};
use crate::launch::furnish::{NOT_FOR_AGENTS, claim_directory, furnish};
use crate::launch::run_dir::{RunDir, remove_tree};
use crate::launch::supervise::WHEN_TOLD;
use crate::launch::{LaunchError, Recipe};
use crate::planner::RunId;

use super::Inner;

/// A supervisor that was just started.
pub(super) struct Handed {
    pub(super) child: Child,
    /// Where it says that the first agent was started, and that a run is over.
    pub(super) says: PipeReader,
    /// Where it is told another run.
    pub(super) tells: PipeWriter,
}

/// Makes the run's directories and starts its supervisor; `None`: one that was there took it.
pub(super) fn hand_over(inner: &Inner, recipe: &Recipe, dir: &RunDir) -> Result<Option<Handed>, LaunchError> {
    let recipe = &Recipe {
        further: true,
        open_files: inner.open_files,
        ..recipe.clone()
    };
    failpoint::reach(Failpoint::Launch);
    claim_directory(&recipe.run, dir)?;
    failpoint::reach(Failpoint::LaunchDirectory);
    let file = |(what, path, source)| LaunchError::File {
        run: recipe.run.clone(),
        what,
        path,
        source,
    };
    let handed = furnish(recipe, dir).map_err(file).and_then(|lock| {
        failpoint::reach(Failpoint::LaunchFurnished);
        if inner.give_to_spare(recipe) {
            return Ok(None);
        }
        // What it complains of it adds to its notes.
        let streams = streams(&recipe.run, dir, lock.into())?;
        spawn(&recipe.run, dir, &inner.program, streams, false).map(Some)
    });
    failpoint::reach(Failpoint::LaunchSpawned);
    if handed.is_err() {
        let _ = remove_tree(dir.runtime());
        let _ = remove_tree(dir.state());
    }
    handed
}

/// What the supervisor's standard streams are to be, and our ends of them.
pub(super) struct Streams {
    says: PipeReader,
    tells: PipeWriter,
    stdin: Stdio,
    stdout: Stdio,
    stderr: Stdio,
}

/// Its input and output are pipes to us.
pub(super) fn streams(run: &RunId, dir: &RunDir, stderr: Stdio) -> Result<Streams, LaunchError> {
    let pipe = || {
        std::io::pipe().map_err(|source| LaunchError::File {
            run: run.clone(),
            what: "create a pipe for",
            path: dir.lock(),
            source,
        })
    };
    let ((stdin, tells), (says, stdout)) = (pipe()?, pipe()?);
    Ok(Streams {
        says,
        tells,
        stdin: stdin.into(),
        stdout: stdout.into(),
        stderr,
    })
}

/// Starts the run's supervisor; `ahead`: it is to wait until it is told.
pub(super) fn spawn(
    run: &RunId,
    dir: &RunDir,
    program: &Path,
    streams: Streams,
    ahead: bool,
) -> Result<Handed, LaunchError> {
    let mut command = Command::new(program);
    // No process group and no session from here: the supervisor makes its own session, which a group's leader
    // could not; and without such wishes the standard library may start it without copying this process.
    command
        .arg("supervise")
        .args(ahead.then_some(WHEN_TOLD))
        .args([dir.state(), dir.runtime()]);
    command
        .stdin(streams.stdin)
        .stdout(streams.stdout)
        .stderr(streams.stderr);
    for name in NOT_FOR_AGENTS {
        command.env_remove(name);
    }
    match command.spawn() {
        Ok(child) => Ok(Handed {
            child,
            says: streams.says,
            tells: streams.tells,
        }),
        Err(source) => Err(LaunchError::Spawn {
            run: run.clone(),
            program: program.to_owned(),
            source,
        }),
    }
}
