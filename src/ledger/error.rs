//! What can go wrong with the ledger.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::open::with_suffix;
use crate::plan::JobId;
use crate::planner::RunId;

/// A ledger that could not be opened, read or written. After a failed commit nothing of it is in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no ledger to read.
    #[error("{path}: there is no ledger here; has the daemon run with this state_dir?")]
    Missing {
        /// Which path.
        path: PathBuf,
    },
    /// A file or folder cannot be made, read or changed.
    #[error("{path}: cannot {what}: {source}")]
    File {
        /// Which path.
        path: PathBuf,
        /// `create its folder`, `open its lock`.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Another daemon has it.
    #[error("{path}: another daemon uses this ledger{holder}; give each its own state_dir")]
    Locked {
        /// The ledger.
        path: PathBuf,
        /// ` (process 1234)`, or nothing.
        holder: String,
    },
    /// The file is not, or no longer, a whole database.
    #[error("{path}: this ledger is damaged: {detail}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A sound database of somebody else's.
    #[error("{path}: this is a database, but not a freezerd ledger; give another state_dir")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// A later freezerd wrote it.
    #[error(
        "{path}: this ledger is of version {found}, and this freezerd knows version {known}; run a newer one"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// An earlier freezerd wrote it, and a reader may not change it.
    #[error(
        "{path}: this ledger is of version {found}; start the daemon once to bring it to version {known}"
    )]
    Older {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// No room to write.
    #[error("{path}: the disk is full; nothing was recorded, so nothing will be started")]
    Full {
        /// Which file.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("{path}: cannot be written: the file, its folder or its file system is read-only")]
    ReadOnly {
        /// Which file.
        path: PathBuf,
    },
    /// Another process holds it for longer than we wait.
    #[error("{path}: another process holds this ledger; is somebody changing it by hand?")]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// A record about a plan that was never recorded.
    #[error("plan {job}: not in the ledger, so nothing about it can be recorded")]
    UnknownPlan {
        /// Which.
        job: JobId,
    },
    /// A record about a run that was never recorded.
    #[error("run {run}: not in the ledger, so nothing about it can be recorded")]
    UnknownRun {
        /// Which.
        run: RunId,
    },
    /// A run that cannot be withdrawn: it is not in the ledger, or its agent was started.
    #[error("run {run}: cannot be withdrawn: it is not waiting to be started")]
    Started {
        /// Which.
        run: RunId,
    },
    /// Anything else SQLite says.
    #[error("{path}: {source}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
}

impl LedgerError {
    /// What an error of SQLite, met with the ledger at `path`, means.
    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        let path = path.to_owned();
        match &error {
            E::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged {
                    path,
                    detail: error.to_string(),
                },
                ErrorCode::DiskFull => Self::Full { path },
                ErrorCode::ReadOnly => Self::ReadOnly { path },
                // So it says of a write that failed, whatever for: also where the kernel made the file system read-only under
                // a file that is open.
                ErrorCode::SystemIoFailure => match refused_beside(&path) {
                    Some(io::ErrorKind::ReadOnlyFilesystem) => Self::ReadOnly { path },
                    Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Self::Full { path },
                    _ => Self::Database { path, source: error },
                },
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy { path },
                _ => Self::Database { path, source: error },
            },
            E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..) => Self::Damaged {
                path,
                detail: error.to_string(),
            },
            _ => Self::Database { path, source: error },
        }
    }
}

/// Why no file can be made beside the ledger, if none can. (The ledger itself may not be opened a second time: when that is
/// closed SQLite loses its locks.)
fn refused_beside(path: &Path) -> Option<io::ErrorKind> {
    let trial = with_suffix(path, ".trial");
    let made = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&trial);
    // Also one that somebody left who was killed here.
    let _ = fs::remove_file(&trial);
    made.err().map(|problem| problem.kind())
}

/// Either sort of failure inside a transaction: SQLite's, which gets its path at the door, or ours.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    Ours(LedgerError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    pub(super) fn at(self, path: &Path) -> LedgerError {
        match self {
            Self::Sqlite(error) => LedgerError::of(path, error),
            Self::Ours(error) => error,
        }
    }
}
