//! Opening: the lock, the file and its mode, its version, its health.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};

use super::schema::{APPLICATION, STEPS, migrate};
use super::{Ledger, LedgerError, PlanKeys, Reader, briefs, condense, prune};
use crate::clock;
use crate::failpoint::{self, Failpoint};

/// How long a statement waits for another process. The daemon is the only writer, so this is for somebody
/// who looks into the file by hand.
const PATIENCE: Duration = Duration::from_secs(5);
/// A ledger up to this size (64 MiB) is checked page by page whenever it is opened.
const CHECKED_ALWAYS: u64 = 64 << 20;
/// One up to this size (1 GiB) when the last daemon had no time to close it.
const CHECKED_AFTER_CRASH: u64 = 1 << 30;
/// The log is cut back to this size (64 MiB) after a great commit.
const LOG_SIZE: i64 = 64 << 20;
/// A commit that leaves so many pages (56 MiB) in the log takes them over at once. Otherwise that is done between polls
/// ([`Ledger::take_over`]): a burst of due times is on the disk as soon as its log is, and is not written twice before it
/// starts.
const LOG_PAGES: i64 = 14 << 10;
/// Of so many records the log is taken over between polls.
const LOG_RECORDS: usize = 2_000;
/// Memory for pages that are only read, in KiB. (Those that a transaction changes are held until it is committed: of a great
/// one they would else be written to the log again and again.)
const CACHE: i64 = -4 * 1024;
/// Statements kept prepared; more than there are.
const STATEMENTS: usize = 64;

impl Ledger {
    /// Opens the ledger at `path` for the daemon, and makes it if it is not there. The folder is made 0700 if
    /// it is missing; the file is 0600. A ledger of an earlier version is brought to this one.
    ///
    /// # Errors
    /// When another daemon has it, it is damaged, somebody else's or of a later version, or cannot be written.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|error| failed(folder, "create this folder", error))?;
        }
        let lock = take_lock(path)?;
        let was_there = path.exists();
        let crashed = with_suffix(path, "-wal")
            .metadata()
            .is_ok_and(|log| log.len() > 0);
        // In both cases SQLite would take it for a new one, and throw away its log; nobody would hear of what is lost.
        let damaged = |detail: &str| LedgerError::Damaged {
            path: path.to_owned(),
            detail: detail.to_owned(),
        };
        if was_there && !path.is_file() {
            return Err(damaged("it is a folder, or something else that is no file"));
        }
        if !was_there && crashed {
            return Err(damaged("the file is gone, and its log is not"));
        }
        if !was_there {
            begin(path)?;
        }
        let size = keep_private(path)?;
        if was_there && size == 0 {
            return Err(damaged("the file is empty"));
        }
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let version = version(&connection, path)?;
        let suspect = suspect(path);
        if suspect.exists() {
            check(&connection, path, "integrity_check")?;
            let _ = fs::remove_file(suspect);
        } else if size <= CHECKED_ALWAYS || (crashed && size <= CHECKED_AFTER_CRASH) {
            check(&connection, path, "quick_check")?;
        }
        let prepare = |connection: &mut Connection| -> rusqlite::Result<()> {
            // Where the file system cannot do WAL, SQLite stays with its older way; that is as durable.
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "cache_size", CACHE)?;
            connection.pragma_update(None, "cache_spill", false)?;
            connection.query_row(&format!("PRAGMA journal_size_limit = {LOG_SIZE}"), [], |_| Ok(()))?;
            connection.query_row(
                &format!("PRAGMA wal_autocheckpoint = {LOG_PAGES}"),
                [],
                |_| Ok(()),
            )?;
            if version < STEPS.len() {
                migrate(connection, version, STEPS)?;
            }
            briefs::sow(connection)
        };
        prepare(&mut connection).map_err(|error| LedgerError::of(path, error))?;
        Ok(Self {
            reader: Reader::new(connection, path),
            keys: PlanKeys::default(),
            commons: briefs::Keys::default(),
            pruning: prune::Progress::default(),
            condensing: condense::Progress::default(),
            in_log: 0,
            _lock: lock,
        })
    }

    /// Takes what stands in the log over into the database, if that is much. To be called when nothing is urgent.
    ///
    /// # Errors
    /// When the database cannot be written. Nothing is lost by that: it stays in the log.
    pub fn take_over(&mut self) -> Result<(), LedgerError> {
        if self.in_log < LOG_RECORDS {
            return Ok(());
        }
        self.in_log = 0;
        let (connection, path) = self.reader.parts();
        connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|error| LedgerError::of(path, error))
    }

    /// Takes all of the log over into the database, and waits for nobody who reads it: the next [`Ledger::open`] then finds
    /// one that no crash has left. To be called before the end, by who cannot tell when the last user of it is gone.
    ///
    /// # Errors
    /// When the database cannot be written. Nothing is lost by that.
    pub fn leave_in_order(&mut self) -> Result<(), LedgerError> {
        let (connection, path) = self.reader.parts();
        connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
            .map_err(|error| LedgerError::of(path, error))
    }

    /// Notes, if `error` is damage, that the next [`Ledger::open`] is to look through all of it, however large it is.
    pub fn note_damage(&self, error: &LedgerError) {
        if let LedgerError::Damaged { path, .. } = error {
            // On a disk that takes no more it is met again.
            let _ = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(suspect(path));
        }
    }

    /// Opens the ledger at `path` for reading only, beside a daemon or without one.
    ///
    /// # Errors
    /// When there is none, it is damaged, somebody else's or of another version, or cannot be read.
    pub fn open_reader(path: &Path) -> Result<Reader, LedgerError> {
        match access(path, Access::READ_OK).map_err(io::Error::from) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LedgerError::Missing {
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(failed(path, "read this ledger", error)),
        }
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let (found, known) = (version(&connection, path)?, STEPS.len());
        if found < known {
            let number = |version| i64::try_from(version).unwrap_or(i64::MAX);
            return Err(LedgerError::Older {
                path: path.to_owned(),
                found: number(found),
                known: number(known),
            });
        }
        Ok(Reader::new(connection, path))
    }
}

pub(super) fn failed(path: &Path, what: &'static str, source: io::Error) -> LedgerError {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => LedgerError::ReadOnly {
            path: path.to_owned(),
        },
        io::ErrorKind::StorageFull => LedgerError::Full {
            path: path.to_owned(),
        },
        _ => LedgerError::File {
            path: path.to_owned(),
            what,
            source,
        },
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    PathBuf::from(text)
}

/// A daemon that is killed while it starts a program leaves its lock with the child, until that has begun the program: an
/// instant, or a few on a busy machine. So often a lock is looked at again, after so long.
const LEFT_BEHIND: u32 = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Takes the lock beside the ledger. (Not of the ledger's own file: SQLite would lose its locks when ours is
/// closed.) The holder's process id in it is for messages only.
fn take_lock(path: &Path) -> Result<File, LedgerError> {
    let at = with_suffix(path, ".lock");
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&at)
        .map_err(|error| failed(&at, "open this lock", error))?;
    let mut tried = lock.try_lock();
    for _ in 0..LEFT_BEHIND {
        if !matches!(tried, Err(TryLockError::WouldBlock)) {
            break;
        }
        clock::pause_thread(LOOK_AGAIN);
        tried = lock.try_lock();
    }
    match tried {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = (&mut lock).take(20).read_to_string(&mut text);
            let known = text.trim().parse::<u32>().ok();
            let holder = known.map_or_else(String::new, |pid| format!(" (process {pid})"));
            return Err(LedgerError::Locked {
                path: path.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed(&at, "lock", error)),
    }
    let note = |lock: &mut File| {
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())
    };
    note(&mut lock).map_err(|error| failed(&at, "write this lock", error))?;
    Ok(lock)
}

/// Makes a new one, for its owner alone from the beginning. It is a database when it gets its name: one of no length is known
/// to have been one.
fn begin(path: &Path) -> Result<(), LedgerError> {
    // A link to where nothing is: to a disk that is not mounted, say. It is not for us to put something else in its place.
    if path.is_symlink() {
        let nothing = io::Error::from(io::ErrorKind::NotFound);
        return Err(failed(path, "follow this link", nothing));
    }
    let new = with_suffix(path, ".new");
    // What is left of one that was begun, and cut short.
    for suffix in ["", "-journal"] {
        let _ = fs::remove_file(with_suffix(&new, suffix));
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(|error| failed(path, "create this ledger", error))?;
    failpoint::reach(Failpoint::LedgerMade);
    // Any page would do; it is on the disk when this returns.
    connect(&new, OpenFlags::SQLITE_OPEN_READ_WRITE)?
        .pragma_update(None, "application_id", APPLICATION)
        .map_err(|error| LedgerError::of(path, error))?;
    failpoint::reach(Failpoint::LedgerBegun);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::rename(&new, path)
        .and_then(|()| File::open(folder.unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|error| failed(path, "create this ledger", error))
}

/// Keeps others from reading it, and gives its size. What SQLite puts beside it later takes its mode.
///
/// It is not opened here: when a process closes a file it loses all its locks on it, and a reader in this process may hold
/// some.
fn keep_private(path: &Path) -> Result<u64, LedgerError> {
    // SQLite would open a file that cannot be written all the same, and fail at the first commit.
    access(path, Access::READ_OK | Access::WRITE_OK)
        .map_err(|error| failed(path, "write this ledger", io::Error::from(error)))?;
    let about = path
        .metadata()
        .map_err(|error| failed(path, "read this ledger", error))?;
    for name in [
        path.to_owned(),
        with_suffix(path, "-wal"),
        with_suffix(path, "-shm"),
    ] {
        let open = name
            .metadata()
            .is_ok_and(|about| about.permissions().mode() & 0o077 != 0);
        if open {
            fs::set_permissions(&name, fs::Permissions::from_mode(0o600))
                .map_err(|error| failed(&name, "keep others from reading", error))?;
        }
    }
    Ok(about.len())
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, LedgerError> {
    // Not SQLITE_OPEN_URI: a path is a path, whatever it begins with.
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    open().map_err(|error| LedgerError::of(path, error))
}

/// The version of our schema in this database: 0 for one that is new.
fn version(connection: &Connection, path: &Path) -> Result<usize, LedgerError> {
    let read = || -> rusqlite::Result<(i64, i64, i64)> {
        let number = |sql| connection.query_row(sql, [], |row| row.get(0));
        Ok((
            number("PRAGMA application_id")?,
            number("PRAGMA user_version")?,
            number("SELECT count(*) FROM sqlite_schema")?,
        ))
    };
    let (application, found, tables) = read().map_err(|error| LedgerError::of(path, error))?;
    let new = application == 0 && found == 0 && tables == 0;
    if application != APPLICATION && !new {
        return Err(LedgerError::Foreign {
            path: path.to_owned(),
        });
    }
    let known = STEPS.len();
    match usize::try_from(found) {
        Ok(version) if version <= known => Ok(version),
        Ok(_) => Err(LedgerError::Newer {
            path: path.to_owned(),
            found,
            known: i64::try_from(known).unwrap_or(i64::MAX),
        }),
        Err(_) => Err(LedgerError::Damaged {
            path: path.to_owned(),
            detail: format!("its version is {found}"),
        }),
    }
}

/// There when damage was met in this ledger while it was used.
pub(super) fn suspect(path: &Path) -> PathBuf {
    with_suffix(path, ".suspect")
}

/// Looks through every page, by this pragma.
fn check(connection: &Connection, path: &Path, how: &str) -> Result<(), LedgerError> {
    let verdict: String = connection
        .query_row(&format!("PRAGMA {how}(1)"), [], |row| row.get(0))
        .map_err(|error| LedgerError::of(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(LedgerError::Damaged {
        path: path.to_owned(),
        detail: verdict,
    })
}
