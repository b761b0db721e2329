//! The outbox's other sorts: what agents said of their backups goes to the API's `backups`, one record each; and
//! records that were made before their backups are told what became of those of which no agent said anything.

use crate::failpoint::{self, Failpoint};
use crate::freezer::{Api, ApiError, Backup, Draft, Drafted, Kept};
use crate::ledger::{PendingBackup, PendingDraft};

use super::account::Account;

/// Delivers one; the inner error is the API's.
///
/// # Errors
/// When it could not be written down how that went.
pub async fn keep<A: Account>(
    account: &A,
    api: &Api,
    pending: &PendingBackup,
) -> Result<Result<(), ApiError>, A::Error> {
    let (run, step) = (&pending.run, pending.metadata.step());
    // If we die between here and the answer, the next of us looks before it makes a second record.
    failpoint::reach(Failpoint::BackupNote);
    account.sending(pending.id)?;
    failpoint::reach(Failpoint::BackupNoted);
    let backup = Backup {
        job: &pending.job,
        project: pending.project.as_ref(),
        trust: pending.trust.as_ref(),
        run,
        metadata: &pending.metadata,
        draft: match &pending.draft {
            None => Drafted::No,
            Some(None) => Drafted::Unknown,
            Some(Some(id)) => Drafted::As(id),
        },
    };
    match api.keep_backup(backup, pending.in_doubt).await {
        Ok(kept) => {
            failpoint::reach(Failpoint::BackupSent);
            match kept {
                // No record has what it said: one that was made before its backup is yet to be told.
                Kept::Deleted => account.given_up(pending.id)?,
                Kept::Made | Kept::Found | Kept::Updated => account.taken(pending.id)?,
            }
            failpoint::reach(Failpoint::BackupRecorded);
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
            account.given_up(pending.id)?;
            Ok(Ok(()))
        }
        Err(failed) => {
            let tries = pending.attempts.saturating_add(1);
            tracing::warn!(%run, step, tries, "the record of a backup waits in the ledger: {failed}");
            let why = failed.to_string();
            failpoint::reach(Failpoint::BackupFailed);
            account.failed(pending.id, &why, failed.in_doubt)?;
            Ok(Err(failed.error))
        }
    }
}

/// How often a record that may or may not have been made is looked for: a request that was given up may still
/// be at work in the server.
const LOOKS: u32 = 4;

/// Tells one record how its run ended; the inner error is the API's.
///
/// # Errors
/// When it could not be written down how that went.
pub async fn close<A: Account>(
    account: &A,
    api: &Api,
    pending: &PendingDraft,
) -> Result<Result<(), ApiError>, A::Error> {
    let (run, step) = (&pending.run, pending.step);
    let draft = Draft {
        job: &pending.job,
        project: pending.project.as_ref(),
        trust: pending.trust.as_ref(),
        run,
        step,
    };
    // The agent's words are missing, but its exit status is not.
    let status = if pending.succeeded { "available" } else { "error" };
    let id = pending.backup_id.as_deref();
    let tries = pending.attempts.saturating_add(1);
    failpoint::reach(Failpoint::DraftEnd);
    match api.close_draft(draft, id, status).await {
        Ok(false) if id.is_none() && tries < LOOKS => {
            let error = ApiError::Protocol {
                at: "GET backups".to_owned(),
                message: "there is no such record, yet; it is looked for again".to_owned(),
            };
            failpoint::reach(Failpoint::DraftEndFailed);
            account.draft_failed(pending.id, &error.to_string())?;
            Ok(Err(error))
        }
        Ok(found) => {
            failpoint::reach(Failpoint::DraftEndSent);
            account.draft_closed(pending.id)?;
            failpoint::reach(Failpoint::DraftEndRecorded);
            tracing::info!(%run, step, status, found, "the record made before the backup is closed");
            Ok(Ok(()))
        }
        Err(error) if error.is_final() => {
            tracing::error!(%run, step, "a record stays `creating`, the API will never take its end: {error}");
            account.draft_closed(pending.id)?;
            Ok(Ok(()))
        }
        Err(error) => {
            tracing::warn!(%run, step, tries, "the end of a backup is yet to be told to its record: {error}");
            failpoint::reach(Failpoint::DraftEndFailed);
            account.draft_failed(pending.id, &error.to_string())?;
            Ok(Err(error))
        }
    }
}
