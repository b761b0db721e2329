//! Sessions: the API is asked whether a run may start with its session, and told how it ended.

use std::sync::Arc;

use crate::freezer::{Api, ApiError};
use crate::ledger::{LedgerError, PendingSessionEnd};
use crate::plan::{JobId, TrustId};
use crate::planner::{Input, SessionAnswer, SessionAsk};

use super::listing::Source;
use super::live::{Answer, Daemon};
use super::witness::Shelf;

impl Daemon {
    /// Asks beside the loop; the answer is an input.
    pub(super) fn ask_session(&self, ask: Box<SessionAsk>) {
        let source = self.polling.borrow().source.clone();
        let (told, questions) = (self.ask.clone(), Arc::clone(&self.questions));
        let ledger = Shelf(Arc::clone(&self.ledger));
        tokio::spawn(async move {
            let Ok(_turn) = questions.acquire().await else {
                return;
            };
            let answer = match &source {
                Source::Api(api) => self::ask(&ledger, api, &ask).await,
                Source::Path(_) => SessionAnswer::NoSession,
            };
            // The loop may be gone by now; its successor asks again.
            let _ = told.send(Answer::Said(Input::Session { ask, answer }));
        });
    }
}

/// Asks. An end of the plan's last run that still waits goes first: told after the new start, it would end that.
async fn ask(ledger: &Shelf, api: &Api, ask: &SessionAsk) -> SessionAnswer {
    let (run, session) = (&ask.run, ask.session.as_str());
    let answer = match before(ledger, api, ask).await {
        Ok(()) => match trust(ledger, &ask.job) {
            Ok(trust) => api
                .start_session(ask, trust.as_ref())
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => {
            tracing::debug!(%run, session, tag = ask.tag, ?answer, "its session was asked");
            answer
        }
        Err(error) => {
            tracing::warn!(%run, session, "its session could not be asked: {error}");
            SessionAnswer::Unreachable { error }
        }
    }
}

async fn before(ledger: &Shelf, api: &Api, ask: &SessionAsk) -> Result<(), String> {
    let pending = ledger.with(|ledger| ledger.reader().session_ends_of(&ask.job));
    for end in pending.map_err(|error| error.to_string())? {
        let told = tell(ledger, api, &end).await;
        told.map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// In whose name the plan's session is spoken to.
fn trust(ledger: &Shelf, job: &JobId) -> Result<Option<TrustId>, LedgerError> {
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
            ledger.with(|ledger| ledger.session_told(pending.id))?;
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
