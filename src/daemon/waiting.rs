//! What waits until the API took it, and what is written down of how that went.

use crate::ledger::{
    LedgerError, PendingBackup, PendingDraft, PendingReport, PendingSessionEnd, ReportId, SessionEndId,
};
use crate::plan::{JobId, TrustId};

use super::account::Account;
use super::witness::Shelf;

/// Where it waits. As with [`Account`] the ledger is one, the simulator has its own, and what is noted is on the disk when
/// it returns. What was tried least often comes first, and of this the oldest; `limit`: at most so many.
pub trait Waiting: Account {
    /// What agents said of their backups.
    ///
    /// # Errors
    /// When it cannot be read.
    fn backups(&self, limit: usize) -> Result<Vec<PendingBackup>, Self::Error>;
    /// Records that were made before their backups and are to be told how their runs ended.
    ///
    /// # Errors
    /// When they cannot be read.
    fn drafts(&self, limit: usize) -> Result<Vec<PendingDraft>, Self::Error>;
    /// Ends for the sessions of their plans.
    ///
    /// # Errors
    /// When they cannot be read.
    fn session_ends(&self, limit: usize) -> Result<Vec<PendingSessionEnd>, Self::Error>;
    /// Reports.
    ///
    /// # Errors
    /// When they cannot be read.
    fn reports(&self, limit: usize) -> Result<Vec<PendingReport>, Self::Error>;
    /// The ends that one plan's session is to hear.
    ///
    /// # Errors
    /// When they cannot be read.
    fn session_ends_of(&self, job: &JobId) -> Result<Vec<PendingSessionEnd>, Self::Error>;
    /// Whether this end still waits.
    ///
    /// # Errors
    /// When that cannot be read.
    fn session_end_waits(&self, id: SessionEndId) -> Result<bool, Self::Error>;
    /// In whose name this plan runs, by its document as it was last seen.
    ///
    /// # Errors
    /// When that cannot be read.
    fn trust(&self, job: &JobId) -> Result<Option<TrustId>, Self::Error>;
    /// The API took this report, or never will.
    ///
    /// # Errors
    /// Then it is delivered once more, which does no harm.
    fn delivered(&self, id: ReportId) -> Result<(), Self::Error>;
    /// It was not taken, and waits on.
    ///
    /// # Errors
    /// Then it is tried again, as if it had not been.
    fn delivery_failed(&self, id: ReportId, why: &str) -> Result<(), Self::Error>;
    /// The session heard of this end, or does not want to.
    ///
    /// # Errors
    /// Then it is told once more, which does no harm.
    fn session_told(&self, id: SessionEndId) -> Result<(), Self::Error>;
    /// It did not, and the end waits on.
    ///
    /// # Errors
    /// Then it is told again, as if it had not been.
    fn session_untold(&self, id: SessionEndId, why: &str) -> Result<(), Self::Error>;
}

impl Waiting for Shelf {
    fn backups(&self, limit: usize) -> Result<Vec<PendingBackup>, LedgerError> {
        self.with(|ledger| ledger.reader().pending_backups(limit))
    }

    fn drafts(&self, limit: usize) -> Result<Vec<PendingDraft>, LedgerError> {
        self.with(|ledger| ledger.reader().pending_drafts(limit))
    }

    fn session_ends(&self, limit: usize) -> Result<Vec<PendingSessionEnd>, LedgerError> {
        self.with(|ledger| ledger.reader().pending_session_ends(limit))
    }

    fn reports(&self, limit: usize) -> Result<Vec<PendingReport>, LedgerError> {
        self.with(|ledger| ledger.reader().pending_reports(limit))
    }

    fn session_ends_of(&self, job: &JobId) -> Result<Vec<PendingSessionEnd>, LedgerError> {
        self.with(|ledger| ledger.reader().session_ends_of(job))
    }

    fn session_end_waits(&self, id: SessionEndId) -> Result<bool, LedgerError> {
        self.with(|ledger| ledger.reader().session_end_waits(id))
    }

    fn trust(&self, job: &JobId) -> Result<Option<TrustId>, LedgerError> {
        self.with(|ledger| ledger.reader().trust(job))
    }

    fn delivered(&self, id: ReportId) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.delivered(id))
    }

    fn delivery_failed(&self, id: ReportId, why: &str) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.delivery_failed(id, why))
    }

    fn session_told(&self, id: SessionEndId) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.session_told(id))
    }

    fn session_untold(&self, id: SessionEndId, why: &str) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.session_untold(id, why))
    }
}
