//! What is written down of records of backups on their way to the API, so that whoever comes after us knows of them.

use std::fmt::Display;

use crate::ledger::{BackupId, DraftId, DraftSent, LedgerError};
use crate::planner::{RunId, RunRecord};

use super::witness::Shelf;

/// Where that is written down. The ledger is one; the simulator has its own. Each of these is on the disk when it
/// returns, and an error says that it could not be written.
pub trait Account {
    /// What kept it from being written.
    type Error: Display;

    /// This metadata is about to be sent.
    ///
    /// # Errors
    /// Then it must not be sent.
    fn sending(&self, id: BackupId) -> Result<(), Self::Error>;
    /// The API has it.
    ///
    /// # Errors
    /// Then it is found at the API the next time.
    fn taken(&self, id: BackupId) -> Result<(), Self::Error>;
    /// The API will never take it, or there is nothing to make a record of. One that was made before the backup is yet to
    /// be told.
    ///
    /// # Errors
    /// Then it is tried again.
    fn given_up(&self, id: BackupId) -> Result<(), Self::Error>;
    /// It was not taken, and waits on.
    ///
    /// # Errors
    /// Then it is tried again, as if it had not been.
    fn failed(&self, id: BackupId, why: &str, in_doubt: bool) -> Result<(), Self::Error>;
    /// The record of this step's backup is about to be made.
    ///
    /// # Errors
    /// Then none must be made.
    fn draft_sending(&self, run: &RunRecord, step: u32) -> Result<DraftSent, Self::Error>;
    /// It was made, and has this id.
    ///
    /// # Errors
    /// Then it is looked for at the API the next time.
    fn draft_made(&self, run: &RunId, step: u32, id: &str) -> Result<(), Self::Error>;
    /// It was surely not made.
    ///
    /// # Errors
    /// Then it is looked for in vain.
    fn draft_not_made(&self, run: &RunId, step: u32) -> Result<(), Self::Error>;
    /// It says what became of its backup, or there is none.
    ///
    /// # Errors
    /// Then it is told once more, which does no harm.
    fn draft_closed(&self, id: DraftId) -> Result<(), Self::Error>;
    /// It could not be told, and waits on.
    ///
    /// # Errors
    /// Then it is tried again, as if it had not been.
    fn draft_failed(&self, id: DraftId, why: &str) -> Result<(), Self::Error>;
}

impl Account for Shelf {
    type Error = LedgerError;

    fn sending(&self, id: BackupId) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.backup_sending(id))
    }

    fn taken(&self, id: BackupId) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.backup_taken(id))
    }

    fn given_up(&self, id: BackupId) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.backup_given_up(id))
    }

    fn failed(&self, id: BackupId, why: &str, in_doubt: bool) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.backup_failed(id, why, in_doubt))
    }

    fn draft_sending(&self, run: &RunRecord, step: u32) -> Result<DraftSent, LedgerError> {
        self.with(|ledger| ledger.draft_sending(run, step))
    }

    fn draft_made(&self, run: &RunId, step: u32, id: &str) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.draft_made(run, step, id))
    }

    fn draft_not_made(&self, run: &RunId, step: u32) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.draft_not_made(run, step))
    }

    fn draft_closed(&self, id: DraftId) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.draft_closed(id))
    }

    fn draft_failed(&self, id: DraftId, why: &str) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.draft_failed(id, why))
    }
}
