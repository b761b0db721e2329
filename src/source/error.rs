//! Why plans cannot be read at all.

use std::io;
use std::path::{Path, PathBuf};

/// A source that gave no listing. Never to be taken for an empty one.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing is there.
    #[error("{path}: there is no such {what}; create it, or give another path")]
    Missing {
        /// Which path.
        path: PathBuf,
        /// `file`, `folder`.
        what: &'static str,
    },
    /// It is there, and cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// Which path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More than is read.
    #[error("{path}: is larger than {limit} {unit}, the most that is read")]
    TooLarge {
        /// Which path.
        path: PathBuf,
        /// The most.
        limit: u64,
        /// `bytes`, `files`.
        unit: &'static str,
    },
    /// Its text breaks off or has a fault.
    #[error("{path}: line {line}, column {column}: {message}")]
    NotJson {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is JSON, but holds no jobs.
    #[error("{path}: {message}; allowed are {{\"jobs\": [...]}}, a list of job documents, or one of them")]
    NotAListing {
        /// Which file.
        path: PathBuf,
        /// What it is instead.
        message: String,
    },
    /// Files of the folder come and go faster than they can be read.
    #[error("{path}: its files kept changing while they were read; it will be read again at the next change")]
    Unsteady {
        /// Which folder.
        path: PathBuf,
    },
    /// It cannot be watched for changes.
    #[error("{path}: cannot be watched for changes: {source}{hint}")]
    Watch {
        /// Which path.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// What to do, or nothing.
        hint: &'static str,
    },
}

impl SourceError {
    /// What `error`, met at `path`, means.
    pub(super) fn at(path: &Path, what: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing {
                path: path.to_owned(),
                what,
            },
            _ => Self::Unreadable {
                path: path.to_owned(),
                source: error,
            },
        }
    }
}
