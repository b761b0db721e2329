//! Opening: one daemon a ledger, for its owner alone, and never a file that is not ours.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use freezerd::ledger::{Ledger, LedgerError};
use freezerd::planner::{Reason, Record, Verdict};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::{Store, plan, verdict};

/// The version of the ledgers that this freezerd makes.
const VERSION: i64 = 10;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn it_is_for_its_owner_alone() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    let path = store.path();
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let file = format!("{}{suffix}", path.display());
        assert_eq!(mode(Path::new(&file)), 0o600, "{file}");
    }
    // A ledger that somebody opened up is closed again.
    store.ledger = None;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    store.reopen();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn two_daemons_do_not_share_one() {
    let mut store = Store::new();
    let error = Ledger::open(&store.path()).expect_err("a second daemon");
    assert_eq!(
        error.to_string(),
        format!(
            "{}: another daemon uses this ledger (process {}); give each its own state_dir",
            store.path().display(),
            std::process::id()
        )
    );
    store.ledger = None;
    Ledger::open(&store.path()).expect("the first one is gone");
}

#[test]
fn readers_need_a_ledger_and_may_be_many() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let error = Ledger::open_reader(&path).expect_err("none there");
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");
    assert!(!path.exists(), "a reader makes none");
    drop(Ledger::open(&path).expect("a ledger"));
    let one = Ledger::open_reader(&path).expect("a reader without a daemon");
    let mut ledger = Ledger::open(&path).expect("a daemon beside a reader");
    ledger.commit(&[plan("a", 0, 0)]).expect("committed");
    let two = Ledger::open_reader(&path).expect("a reader beside a daemon");
    for reader in [one, two] {
        assert_eq!(reader.restore().expect("restored").plans.len(), 1);
    }
}

#[test]
fn a_ledger_is_made_where_there_is_no_file() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    drop(Ledger::open(&path).expect("a ledger"));
    let connection = Connection::open(&path).expect("a database");
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .expect("a number")
    };
    assert_eq!(number("PRAGMA application_id"), 0x6672_7a64);
    assert_eq!(number("PRAGMA user_version"), VERSION);
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .expect("a mode");
    assert_eq!(mode, "wal");
}

/// SQLite would take it for a new one, and what was lost would go unsaid.
#[test]
fn an_empty_file_is_a_damaged_ledger() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    fs::write(&path, "").expect("written");
    let error = Ledger::open(&path).expect_err("refused");
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("the file is empty"), "{error}");
    assert_eq!(fs::metadata(&path).expect("a file").len(), 0);
}

/// The file is gone, or of no length, and what its log holds would be thrown away without a word.
#[test]
fn a_log_without_its_file_is_a_damaged_ledger() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    let now = "2026-03-01T00:00:00Z".parse().expect("a time");
    for empty in [false, true] {
        let folder = tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let log = folder.path().join("ledger.db-wal");
        fs::copy(format!("{}-wal", store.path().display()), &log).expect("copied");
        if empty {
            fs::write(&path, "").expect("written");
        }
        let error = Ledger::open(&path).expect_err("refused");
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
        let (ledger, restored, aside) =
            Ledger::open_or_begin(&path, now, |_| Vec::new(), Vec::push).expect("a new one");
        assert_eq!(restored.plans, []);
        let kept = aside.expect("put aside").kept;
        assert!(
            kept.ends_with("ledger.db.damaged-20260301T000000Z"),
            "{}",
            kept.display()
        );
        assert!(fs::metadata(format!("{}-wal", kept.display())).is_ok_and(|log| log.len() > 0));
        drop(ledger);
        Ledger::open(&path).expect("a sound one");
    }
}

/// Whoever renamed the file died before the log's turn: they end up side by side.
#[test]
fn putting_aside_goes_on_where_it_was_cut_short() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let kept = folder.path().join("ledger.db.damaged-20260301T000000Z");
    fs::copy(store.path(), &kept).expect("copied");
    let log = format!("{}-wal", store.path().display());
    fs::copy(log, folder.path().join("ledger.db-wal")).expect("copied");
    let later = "2026-03-02T00:00:00Z".parse().expect("a time");
    let (_, _, aside) = Ledger::open_or_begin(&path, later, |_| Vec::new(), Vec::push).expect("a new one");
    assert_eq!(aside.expect("put aside").kept, kept);
    assert!(fs::metadata(folder.path().join("ledger.db.damaged-20260301T000000Z-wal")).is_ok());
}

/// Changes the file as somebody else would, and says how it is then refused: to the daemon and to a reader.
fn refused(change: impl Fn(&Path)) -> (LedgerError, LedgerError) {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0)]);
    store.ledger = None;
    change(&store.path());
    let before = fs::read(store.path()).expect("a file");
    let daemon = Ledger::open(&store.path()).expect_err("refused");
    let reader = Ledger::open_reader(&store.path()).expect_err("refused");
    assert_eq!(
        fs::read(store.path()).expect("a file"),
        before,
        "a file that is refused is left as it is"
    );
    (daemon, reader)
}

fn sql(path: &Path, text: &str) {
    Connection::open(path)
        .expect("a database")
        .execute_batch(text)
        .expect("changed");
}

#[test]
fn a_ledger_of_a_later_version() {
    let (daemon, reader) = refused(|path| sql(path, "PRAGMA user_version = 99"));
    for error in [daemon, reader] {
        assert!(
            error.to_string().ends_with(&format!(
                ": this ledger is of version 99, and this freezerd knows version {VERSION}; run a newer one"
            )),
            "{error}"
        );
    }
}

#[test]
fn somebody_elses_database() {
    let (daemon, reader) = refused(|path| sql(path, "PRAGMA application_id = 7"));
    assert!(
        matches!(
            (&daemon, &reader),
            (LedgerError::Foreign { .. }, LedgerError::Foreign { .. })
        ),
        "{daemon}"
    );
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("other.db");
    sql(&path, "CREATE TABLE things (x)");
    let error = Ledger::open(&path).expect_err("not ours");
    assert!(matches!(error, LedgerError::Foreign { .. }), "{error}");
}

#[test]
fn a_ledger_of_version_0_is_brought_up_by_the_daemon_alone() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    sql(&path, "PRAGMA application_id = 0x66727a64");
    let error = Ledger::open_reader(&path).expect_err("too old");
    assert!(
        matches!(
            error,
            LedgerError::Older {
                found: 0,
                known: VERSION,
                ..
            }
        ),
        "{error}"
    );
    Ledger::open(&path)
        .expect("a ledger")
        .commit(&[plan("a", 0, 0)])
        .expect("committed");
    Ledger::open_reader(&path).expect("a reader");
}

#[test]
fn a_file_that_is_no_database() {
    let (daemon, reader) = refused(|path| fs::write(path, "x".repeat(10_000)).expect("written"));
    for error in [daemon, reader] {
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
        assert!(
            error.to_string().contains("ledger.db: this ledger is damaged: "),
            "{error}"
        );
    }
}

#[test]
fn a_database_that_was_damaged() {
    let mut store = Store::new();
    let records: Vec<Record> = (0..20_000)
        .map(|first| Record::Verdict(verdict("a", first, Verdict::Skipped(Reason::Overlap))))
        .collect();
    store.commit(&[plan("a", 0, 0)]);
    store.commit(&records);
    store.ledger = None;
    let mut bytes = fs::read(store.path()).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    fs::write(store.path(), bytes).expect("written");
    let error = Ledger::open(&store.path()).expect_err("damaged");
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
    // A file cut short, as by a crash of a disk.
    let bytes = fs::read(store.path()).expect("a file");
    fs::write(store.path(), &bytes[..bytes.len() / 3]).expect("written");
    let error = Ledger::open(&store.path()).expect_err("damaged");
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be() {
    let folder = tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "").expect("written");
    let error = Ledger::open(&folder.path().join("file/ledger.db")).expect_err("no folder");
    assert!(
        matches!(
            error,
            LedgerError::File {
                what: "create this folder",
                ..
            }
        ),
        "{error}"
    );
    symlink("nowhere/at/all", folder.path().join("ledger.db")).expect("a link");
    let error = Ledger::open(&folder.path().join("ledger.db")).expect_err("a link to nothing");
    assert!(matches!(error, LedgerError::File { .. }), "{error}");
    let error = Ledger::open_reader(folder.path()).expect_err("a folder is no ledger");
    assert!(
        error.to_string().contains(&folder.path().display().to_string()),
        "{error}"
    );
}

/// What is on the disk when the daemon is killed, at any moment after a commit.
#[test]
fn a_daemon_that_is_killed() {
    let mut store = Store::new();
    let crash = tempdir().expect("a folder");
    for when in 0..20 {
        store.commit(&[
            plan("a", 0, when),
            Record::Verdict(verdict("a", when, Verdict::Skipped(Reason::Overlap))),
        ]);
        let copy = crash.path().join(format!("{when}.db"));
        for suffix in ["", "-wal"] {
            let from = format!("{}{suffix}", store.path().display());
            fs::copy(from, format!("{}{suffix}", copy.display())).expect("copied");
        }
        let left = Ledger::open(&copy)
            .expect("a ledger")
            .reader()
            .restore()
            .expect("restored");
        assert_eq!(left, store.ledger().reader().restore().expect("restored"));
        assert_eq!(left.tally.due(), when.unsigned_abs() + 1);
    }
}
