//! What this machine must have: an agent, folders to write in, files to read.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::config::{Dispatch, Launcher};

/// The agent is there and can be executed.
pub(super) fn agent(dispatch: &Dispatch, search_path: &str) -> Result<String, String> {
    let agent = &dispatch.agent;
    if dispatch.launcher == Launcher::Event {
        return Ok("no agent is needed: the API starts the plans (launcher \"event\")".to_owned());
    }
    let bare = agent.components().count() == 1 && agent.is_relative();
    let path = if bare {
        found_in(agent, search_path)?
    } else {
        agent.clone()
    };
    let meta =
        std::fs::metadata(&path).map_err(|error| format!("dispatch.agent: {}: {error}", path.display()))?;
    if !meta.is_file() || meta.permissions().mode() & 0o111 == 0 {
        return Err(format!(
            "dispatch.agent: {}: is not an executable file",
            path.display()
        ));
    }
    Ok(format!("dispatch.agent: {}", path.display()))
}

fn found_in(name: &Path, search_path: &str) -> Result<PathBuf, String> {
    std::env::split_paths(search_path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("dispatch.agent: {} is in no folder of PATH", name.display()))
}

/// The folder can be written in by whoever asks now, or can be made.
pub(super) fn folder(name: &str, path: &Path) -> Result<String, String> {
    if !path.exists() {
        let above = path
            .ancestors()
            .skip(1)
            .find(|above| above.exists())
            .unwrap_or(Path::new("/"));
        if !above.is_dir() {
            return Err(format!("{name}: {} is not a folder", above.display()));
        }
        return match access(above, Access::WRITE_OK) {
            Ok(()) => Ok(format!(
                "{name}: {} does not exist yet and will be made",
                path.display()
            )),
            Err(error) => Err(format!(
                "{name}: {} does not exist, and {} cannot be written in: {error}",
                path.display(),
                above.display()
            )),
        };
    }
    if !path.is_dir() {
        return Err(format!("{name}: {} is not a folder", path.display()));
    }
    match access(path, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Ok(format!("{name}: {} can be written in", path.display())),
        Err(error) => Err(format!(
            "{name}: {} cannot be written in: {error}",
            path.display()
        )),
    }
}

/// The file can be read.
pub(super) fn readable(name: &str, path: &Path) -> Result<String, String> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(meta) if meta.is_file() => Ok(format!("{name}: {}", path.display())),
        Ok(_) => Err(format!("{name}: {} is not a file", path.display())),
        Err(error) => Err(format!("{name}: {}: {error}", path.display())),
    }
}
