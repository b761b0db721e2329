//! From a recipe to a running supervisor: the launcher's hot path.

use std::io::PipeReader;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::failpoint::{self, Failpoint};
use crate::launch::furnish::{NOT_FOR_AGENTS, claim_directory, furnish};
use crate::launch::run_dir::{RunDir, create_private, remove_tree};
use crate::launch::traces::Unreadable;
use crate::launch::{LaunchError, Recipe};
use crate::planner::RunId;

/// A supervisor that was just started.
pub(super) struct Handed {
    pub(super) child: Child,
    /// Where it says that the first agent was started.
    pub(super) says: PipeReader,
}

/// Makes the run's directories and starts its supervisor.
pub(super) fn hand_over(recipe: &Recipe, dir: &RunDir, program: &Path) -> Result<Handed, LaunchError> {
    failpoint::reach(Failpoint::Launch);
    claim_directory(&recipe.run, dir)?;
    failpoint::reach(Failpoint::LaunchDirectory);
    let handed = furnish(recipe, dir)
        .and_then(|()| outputs(dir))
        .map_err(|(what, path, source)| LaunchError::File {
            run: recipe.run.clone(),
            what,
            path,
            source,
        })
        .and_then(|says| {
            failpoint::reach(Failpoint::LaunchFurnished);
            spawn(&recipe.run, dir, program, says)
        });
    failpoint::reach(Failpoint::LaunchSpawned);
    if handed.is_err() {
        let _ = remove_tree(dir.runtime());
        let _ = remove_tree(dir.state());
    }
    handed
}

/// What the supervisor's standard output and error are to be.
struct Says {
    reader: PipeReader,
    stdout: Stdio,
    stderr: Stdio,
}

/// Its output is a pipe to us, its error a file of the run.
fn outputs(dir: &RunDir) -> Result<Says, Unreadable> {
    let log = create_private(&dir.log()).map_err(|problem| ("create", dir.log(), problem))?;
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
