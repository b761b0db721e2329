//! Secrets into files that only their owner can read.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::Failure;
use crate::config::oslo::Held;

/// The folder, as the new file is to name it.
pub(super) fn folder(given: &Path) -> Result<PathBuf, Failure> {
    if given.to_str().is_none() {
        return Err(Failure::usage(
            "--secrets: a configuration can only name a folder whose name is UTF-8",
        ));
    }
    // Relative, it would count from the folder of the new file, which nobody knows yet.
    std::path::absolute(given).map_err(|error| Failure::usage(format!("--secrets {given:?}: {error}")))
}

/// Writes them, and gives back where. Either all are there afterwards or none; what is there stays as it is.
pub(super) fn write(folder: &Path, secrets: &[Held]) -> Result<Vec<PathBuf>, Failure> {
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let cannot = |path: &Path, error: &io::Error| {
        let advice = match error.kind() {
            io::ErrorKind::AlreadyExists => "; remove it, or name another folder",
            _ => "",
        };
        Failure::failed(format!("{}: cannot be written: {error}{advice}", path.display()))
    };
    if !folder.is_dir() {
        make(folder).map_err(|error| cannot(folder, &error))?;
    }
    let mut written = Vec::new();
    for held in secrets {
        let path = folder.join(held.file);
        match create(&path, held.secret.expose()) {
            Ok(()) => written.push(path),
            Err(error) => {
                for made in &written {
                    // What cannot be taken back is still where only its owner can read it.
                    let _ = std::fs::remove_file(made);
                }
                return Err(cannot(&path, &error));
            }
        }
    }
    Ok(written)
}

fn make(folder: &Path) -> io::Result<()> {
    if let Some(above) = folder.parent() {
        std::fs::create_dir_all(above)?;
    }
    DirBuilder::new().mode(0o700).create(folder)
}

/// A new file: never one that somebody else put there, nor where a link of theirs leads.
fn create(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let result = file
        .write_all(secret.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    if result.is_err() {
        let _ = std::fs::remove_file(path);
    }
    result
}
