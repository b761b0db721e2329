//! Sessions: the API is told how a run ended that had started with its session.

use crate::failpoint::{self, Failpoint};
use crate::freezer::{Api, ApiError};
use crate::ledger::{LedgerError, PendingSessionEnd};
use crate::plan::{JobId, TrustId};

use super::witness::Shelf;

/// In whose name the plan's session is spoken to.
pub(super) fn trust(ledger: &Shelf, job: &JobId) -> Result<Option<TrustId>, LedgerError> {
    ledger.with(|ledger| ledger.reader().trust(job))
}

/// Delivers one end; the inner error is the API's.
pub(super) async fn tell(
    ledger: &Shelf,
    api: &Api,
    pending: &PendingSessionEnd,
) -> Result<Result<(), ApiError>, LedgerError> {
    let (run, session) = (&pending.run, pending.end.session.as_str());
    let trust = trust(ledger, &pending.job)?;
    failpoint::reach(Failpoint::SessionEnd);
    match api
        .end_session(
            &pending.job,
            pending.project.as_ref(),
            trust.as_ref(),
            &pending.end,
        )
        .await
    {
        Ok(()) => {
            failpoint::reach(Failpoint::SessionEndSent);
            ledger.with(|ledger| ledger.session_told(pending.id))?;
            failpoint::reach(Failpoint::SessionEndRecorded);
            tracing::debug!(%run, session, result = pending.end.result, "its session knows how it ended");
            Ok(Ok(()))
        }
        Err(error) if error.is_final() => {
            // The usual cause: the plan was taken out of the session, or the session is gone.
            tracing::warn!(%run, session, "its session does not want to know how it ended: {error}");
            ledger.with(|ledger| ledger.session_told(pending.id))?;
            Ok(Ok(()))
        }
        Err(error) => {
            let tries = pending.attempts.saturating_add(1);
            tracing::warn!(%run, session, tries, "the end for its session waits in the ledger: {error}");
            ledger.with(|ledger| ledger.session_untold(pending.id, &error.to_string()))?;
            Ok(Err(error))
        }
    }
}
