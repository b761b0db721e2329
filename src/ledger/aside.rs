//! A damaged ledger is put aside, whole, and a new one is begun: backups go on, and the file is there for whoever
//! wants to look into it.
//!
//! What of it is still readable is not taken over: half a history cannot be told from a whole one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::failpoint::{self, Failpoint};

use super::open::{failed, suspect, with_suffix};
use super::{Known, Ledger, LedgerError, Restored, RestoredPlan};
use crate::plan::Digester;

/// Stands between a ledger's name and the moment at which it was put aside.
const DAMAGED: &str = ".damaged-";
/// As it is written into the name, in UTC.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A ledger that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutAside {
    /// Where it is now (with what SQLite keeps beside it).
    pub kept: PathBuf,
    /// What was wrong with it.
    pub detail: String,
}

impl Ledger {
    /// Opens the ledger at `path` as [`Ledger::open`] does, and reads what a daemon starts from. One that is damaged
    /// is renamed, with `now` in its name, and a new one is begun. `take` is given each plan, to make of it what is
    /// wanted, in what `begin` makes; should there be damage, in a new one.
    ///
    /// # Errors
    /// As [`Ledger::open`], but for damage; and when a damaged one cannot be renamed.
    pub fn open_or_begin<P>(
        path: &Path,
        now: DateTime<Utc>,
        begin: impl Fn(Digester) -> P,
        take: impl Fn(&mut P, RestoredPlan<Known>),
    ) -> Result<(Self, Restored<P>, Option<PutAside>), LedgerError> {
        let whole = |path: &Path| {
            let ledger = Self::open(path)?;
            let restored = ledger.reader().restore_into(&begin, &take)?;
            Ok((ledger, restored))
        };
        match whole(path) {
            Ok((ledger, restored)) => Ok((ledger, restored, None)),
            Err(LedgerError::Damaged { detail, .. }) => {
                let kept = put_aside(path, now)?;
                failpoint::reach(Failpoint::AsideWhole);
                let (ledger, restored) = whole(path)?;
                Ok((ledger, restored, Some(PutAside { kept, detail })))
            }
            Err(error) => Err(error),
        }
    }

    /// When the ledger of before was put aside, if one was; what was done before that is not known.
    #[must_use]
    pub fn put_aside_at(path: &Path) -> Option<DateTime<Utc>> {
        let stem = format!("{}{DAMAGED}", path.file_name()?.to_string_lossy());
        let names = fs::read_dir(path.parent()?).ok()?.filter_map(Result::ok);
        let stamps = names.filter_map(|entry| {
            let name = entry.file_name();
            let stamp = name.to_str()?.strip_prefix(&stem)?;
            NaiveDateTime::parse_from_str(stamp, STAMP).ok()
        });
        stamps.max().map(|stamp| stamp.and_utc())
    }
}

fn put_aside(path: &Path, now: DateTime<Utc>) -> Result<PathBuf, LedgerError> {
    failpoint::reach(Failpoint::Aside);
    // Where the file is gone and its log is not, this was begun before, and cut short.
    let begun = (!path.exists()).then(|| Ledger::put_aside_at(path)).flatten();
    let kept = with_suffix(path, &format!("{DAMAGED}{}", begun.unwrap_or(now).format(STAMP)));
    // The file first: without its log it might look whole, and older than it was; a log without its file tells whoever
    // starts after a crash in between.
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(&kept, suffix));
        match fs::rename(&from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&from, "put this damaged ledger aside", error));
            }
            _ => {}
        }
        if suffix.is_empty() {
            failpoint::reach(Failpoint::AsideFile);
        }
    }
    let _ = fs::remove_file(suspect(path));
    Ok(kept)
}
