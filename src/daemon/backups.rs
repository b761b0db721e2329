//! The outbox's other sort: what agents said of their backups goes to the API's `backups`, one record each.

use crate::freezer::{Api, ApiError, Backup, Kept};
use crate::ledger::{LedgerError, PendingBackup};

use super::witness::Shelf;

/// Delivers one; the inner error is the API's.
pub(super) async fn keep(
    ledger: &Shelf,
    api: &Api,
    pending: &PendingBackup,
) -> Result<Result<(), ApiError>, LedgerError> {
    let (run, step) = (&pending.run, pending.metadata.step());
    // If we die between here and the answer, the next of us looks before it makes a second record.
    ledger.with(|ledger| ledger.backup_sending(pending.id))?;
    let backup = Backup {
        job: &pending.job,
        project: pending.project.as_ref(),
        run,
        metadata: &pending.metadata,
    };
    match api.keep_backup(backup, pending.in_doubt).await {
        Ok(kept) => {
            ledger.with(|ledger| ledger.backup_taken(pending.id))?;
            match kept {
                Kept::Made => tracing::debug!(%run, step, "the backup is recorded"),
                Kept::Found => {
                    tracing::info!(%run, step, "the backup was recorded, unheard, by an earlier try")
                }
                Kept::Updated => tracing::debug!(%run, step, "the record of the backup is filled in"),
                Kept::Deleted => tracing::debug!(%run, step, "the records of deleted backups are gone"),
            }
            Ok(Ok(()))
        }
        Err(failed) if failed.error.is_final() => {
            tracing::error!(%run, step, "a backup stays unrecorded, the API will never take it: {failed}");
            ledger.with(|ledger| ledger.backup_taken(pending.id))?;
            Ok(Ok(()))
        }
        Err(failed) => {
            let tries = pending.attempts.saturating_add(1);
            tracing::warn!(%run, step, tries, "the record of a backup waits in the ledger: {failed}");
            let why = failed.to_string();
            ledger.with(|ledger| ledger.backup_failed(pending.id, &why, failed.in_doubt))?;
            Ok(Err(failed.error))
        }
    }
}
