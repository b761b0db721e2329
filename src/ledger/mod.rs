//! The ledger: the durable store of plans last seen, verdicts, runs, and what the API was not yet told.
//!
//! A single SQLite file. Whatever the planner decided is committed here, whole and in one transaction, before
//! any of it is carried out; so a crash at any point is "restart and read the ledger". It decides nothing.
//! May use: `planner`, `plan`, `schedule` (their words), `clock`, `failpoint`. Must not use: any other room.
//!
//! Due times are stored as epoch seconds, other instants as epoch milliseconds. The file holds the plans'
//! documents and the agents' metadata, which may hold passwords: it is for its owner alone (0600).

mod aside;
mod backups;
mod briefs;
mod codes;
mod commit;
mod condense;
mod drafts;
mod error;
mod history;
mod open;
mod outbox;
mod prune;
mod restore;
mod schema;
mod session_ends;
mod sightings;
#[cfg(test)]
mod tests;
mod waiting;
mod walk;

use std::collections::HashMap;
use std::fs::File;

use crate::plan::JobId;

pub use aside::PutAside;
pub use backups::{BackupId, PendingBackup};
pub use briefs::Upkeep;
pub use commit::Committed;
pub use drafts::{DraftId, DraftSent, PendingDraft};
pub use error::LedgerError;
pub use history::{KnownPlan, Reader};
pub use outbox::{PendingReport, ReportId};
pub use prune::Pruned;
pub use restore::{Known, Restored, RestoredPlan, Tally};
pub use session_ends::{PendingSessionEnd, SessionEndId};

/// The daemon's own ledger: the only one that writes. There is one at a time for a file.
#[derive(Debug)]
pub struct Ledger {
    reader: Reader,
    /// The keys of plans met so far: a verdict is looked up by its job, and there are many.
    keys: PlanKeys,
    /// The keys of what plans have in common.
    commons: briefs::Keys,
    pruning: prune::Progress,
    condensing: condense::Progress,
    /// How many records were written since the log was last taken over.
    in_log: usize,
    /// Held as long as the ledger is open; the kernel lets go of it when the process ends, however it ends.
    _lock: File,
}

/// The keys of plans' rows.
type PlanKeys = HashMap<JobId, i64, foldhash::quality::RandomState>;

impl Ledger {
    /// What is in it, for those who only read.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}
