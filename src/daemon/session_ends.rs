//! Sessions: the API is told how a run ended that had started with its session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::failpoint::{self, Failpoint};
use crate::freezer::{Api, ApiError};
use crate::ledger::PendingSessionEnd;
use crate::plan::JobId;

use super::waiting::Waiting;

/// Plans whose session is being spoken to, each by one at a time: an end is told, or a start is asked for. Else an end that
/// looks first whether the session waits for its run would take the next run for that one.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<JobId, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for the turn of whoever speaks to this plan's session now.
    pub(super) async fn take(&self, job: &JobId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(job.clone()).or_default())
        };
        turn.lock_owned().await
    }
}

/// Delivers one end that was found waiting before, if it still does; the inner error is the API's.
///
/// # Errors
/// When it cannot be read whether it does, or not be noted how that went.
pub async fn tell_waiting<W: Waiting>(
    waiting: &W,
    api: &Api,
    turns: &Turns,
    pending: &PendingSessionEnd,
) -> Result<Result<(), ApiError>, W::Error> {
    let _turn = turns.take(&pending.job).await;
    // The plan's next run may have told it meanwhile, and be in the session by now.
    if waiting.session_end_waits(pending.id)? {
        tell(waiting, api, pending).await
    } else {
        Ok(Ok(()))
    }
}

/// Delivers one end, in its plan's turn; the inner error is the API's.
pub(super) async fn tell<W: Waiting>(
    waiting: &W,
    api: &Api,
    pending: &PendingSessionEnd,
) -> Result<Result<(), ApiError>, W::Error> {
    let (run, session) = (&pending.run, pending.end.session.as_str());
    let trust = waiting.trust(&pending.job)?;
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
            waiting.session_told(pending.id)?;
            failpoint::reach(Failpoint::SessionEndRecorded);
            tracing::debug!(%run, session, result = pending.end.result, "its session knows how it ended");
            Ok(Ok(()))
        }
        Err(error) if error.is_final() => {
            // The usual cause: the plan was taken out of the session, or the session is gone.
            tracing::warn!(%run, session, "its session does not want to know how it ended: {error}");
            waiting.session_told(pending.id)?;
            Ok(Ok(()))
        }
        Err(error) => {
            let tries = pending.attempts.saturating_add(1);
            tracing::warn!(%run, session, tries, "the end for its session waits in the ledger: {error}");
            failpoint::reach(Failpoint::SessionEndFailed);
            waiting.session_untold(pending.id, &error.to_string())?;
            Ok(Err(error))
        }
    }
}

#[cfg(test)]
mod tests;
