//! What the engine wants of whoever keeps its decisions, and of whoever hears of them.

use std::sync::Arc;

use crate::plan::JobId;
use crate::planner::Record;

/// Where decisions are kept. The ledger is one; tests and the simulator have their own.
pub trait Store {
    /// Keeps all of `records`, or none.
    ///
    /// # Errors
    /// What kept it from it.
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// A plan's document, as it was last kept; `None`: there is no such plan.
    ///
    /// # Errors
    /// What kept it from being read.
    fn document(&self, job: &JobId) -> Result<Option<Arc<str>>, StoreError>;
}

/// Why records were not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, read-only, failing: trying again may help.
    #[error("{0}")]
    Away(String),
    /// The records contradict what is kept: trying again never helps, starting afresh from what is kept does.
    #[error("{0}")]
    Refused(String),
}

/// Hears of everything that was decided and is safe.
pub trait Witness {
    /// These records are in the ledger now.
    fn recorded(&mut self, records: &[Record]);
    /// The ledger did not take what was decided; it will be tried again.
    fn unrecorded(&mut self, why: &str);
}
