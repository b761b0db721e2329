//! A copy of a listing in a folder, a document a file: what freezer-scheduler keeps too, and what
//! [`folder::read`](super::folder::read) reads when the API is gone for good.
//!
//! Only files of our own are ever removed: their names stand in a list beside them. Documents may hold passwords,
//! so every file is for its owner alone from the beginning, and takes its place whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::plan::JobId;

/// The names of the files that are ours. Hidden, and no plan by its name.
const OURS: &str = ".freezerd-copy";
/// Most bytes of that list that are read.
const OURS_BYTES: u64 = 64 << 20;

/// What is to be copied: each plan's id and its document's text.
pub type Documents = Vec<(JobId, Arc<str>)>;

/// Why the copy is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {what}: {source}; files of the copy that are not as they should be: {failed}")]
pub struct CopyError {
    /// The first file, or the folder.
    pub path: PathBuf,
    /// What was tried.
    pub what: &'static str,
    /// Why it failed.
    pub source: io::Error,
    /// How many files were not written or removed.
    pub failed: usize,
}

/// A folder that holds a copy of the latest listing.
#[derive(Debug)]
pub struct FolderCopy {
    folder: PathBuf,
    /// The files that are ours, and what stands in them; `None`: an earlier daemon wrote it.
    files: BTreeMap<String, Option<Arc<str>>>,
    read: bool,
}

impl FolderCopy {
    /// A copy in `folder`. Nothing is read or written yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            files: BTreeMap::new(),
            read: false,
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder hold these documents and, of our own, no others. What has not changed is not written. A
    /// document that cannot be written is left as it was, and the others are written all the same.
    ///
    /// # Errors
    /// The first failure, and how many there were. The next call tries again what is missing.
    pub fn keep(&mut self, documents: &[(JobId, Arc<str>)]) -> Result<(), CopyError> {
        let failed = |path: &Path, what, source| CopyError {
            path: path.to_owned(),
            what,
            source,
            failed: documents.len(),
        };
        let mut make = DirBuilder::new();
        make.recursive(true).mode(0o700);
        make.create(&self.folder)
            .map_err(|error| failed(&self.folder, "create this folder", error))?;
        let list = self.folder.join(OURS);
        if !self.read {
            let names = names(&list).map_err(|error| failed(&list, "read this list", error))?;
            self.files = names.into_iter().map(|name| (name, None)).collect();
            self.read = true;
        }

        let mut failures = Failures::default();
        let mut wanted: BTreeMap<String, &Arc<str>> = BTreeMap::new();
        for (job, text) in documents {
            match file_name(job) {
                Some(name) => {
                    wanted.insert(name, text);
                }
                None => {
                    let why = io::Error::new(io::ErrorKind::InvalidInput, "its id makes no file name");
                    failures.add(&self.folder.join(job.as_str()), "copy this plan", why);
                }
            }
        }
        // The list comes first: a file that is not in it would never be removed.
        let all: BTreeSet<&str> = wanted
            .keys()
            .chain(self.files.keys())
            .map(String::as_str)
            .collect();
        if wanted.keys().any(|name| !self.files.contains_key(name)) {
            write(&list, &lines(&all)).map_err(|error| failed(&list, "write this list", error))?;
        }
        for (name, text) in &wanted {
            let path = self.folder.join(name);
            let same = |kept: &Option<Arc<str>>| kept.as_ref().is_some_and(|kept| kept == *text);
            if self.files.get(name).is_some_and(same) && is_there(&path, text) {
                continue;
            }
            let written = write(&path, text.as_bytes());
            let kept = written.is_ok().then(|| Arc::clone(text));
            self.files.insert(name.clone(), kept);
            if let Err(error) = written {
                failures.add(&path, "write this file", error);
            }
        }
        let gone: Vec<String> = self
            .files
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .cloned()
            .collect();
        for name in &gone {
            let path = self.folder.join(name);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    failures.add(&path, "remove this file", error);
                    continue;
                }
            }
            self.files.remove(name);
        }
        if !gone.is_empty() {
            let left: BTreeSet<&str> = self.files.keys().map(String::as_str).collect();
            if let Err(error) = write(&list, &lines(&left)) {
                failures.add(&list, "write this list", error);
            }
        }
        failures.result()
    }
}

/// What failed, so far.
#[derive(Default)]
struct Failures {
    first: Option<CopyError>,
    count: usize,
}

impl Failures {
    fn add(&mut self, path: &Path, what: &'static str, source: io::Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| CopyError {
            path: path.to_owned(),
            what,
            source,
            failed: 0,
        });
    }

    fn result(self) -> Result<(), CopyError> {
        match self.first {
            None => Ok(()),
            Some(first) => Err(CopyError {
                failed: self.count,
                ..first
            }),
        }
    }
}

/// As freezer-scheduler calls it. `None`: the id is no part of a file name.
fn file_name(job: &JobId) -> Option<String> {
    let id = job.as_str();
    let fits = !id.is_empty()
        && id.len() <= 128
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    fits.then(|| format!("job_{id}.conf"))
}

/// The files that an earlier daemon wrote. Names that no daemon writes are passed over.
fn names(list: &Path) -> io::Result<Vec<String>> {
    use std::io::Read;
    let mut text = String::new();
    match fs::File::open(list) {
        Ok(file) => file.take(OURS_BYTES).read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let ours = |name: &&str| {
        let id = name
            .strip_prefix("job_")
            .and_then(|rest| rest.strip_suffix(".conf"));
        id.is_some_and(|id| file_name(&JobId::new(id)).as_deref() == Some(name))
    };
    Ok(text.lines().filter(ours).map(str::to_owned).collect())
}

fn lines(names: &BTreeSet<&str>) -> Vec<u8> {
    names
        .iter()
        .flat_map(|name| [name.as_bytes(), b"\n"].concat())
        .collect()
}

/// Whether the file still stands there as it was written, as far as its size tells.
fn is_there(path: &Path, text: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_file() && about.len() == text.len() as u64)
}

/// Writes a file whole, or not at all.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.new"));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let written = file
        .write_all(text)
        .and_then(|()| file.sync_data())
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // What could not be finished must not stay; that it may not go either changes nothing.
        let _ = fs::remove_file(&draft);
    }
    written
}
