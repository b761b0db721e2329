//! Sessions: the API is asked whether a run may start with its session. (`session_ends` tells it how it ended.)

use std::sync::Arc;

use crate::failpoint::{self, Failpoint};
use crate::freezer::Api;
use crate::planner::{Input, SessionAnswer, SessionAsk};

use super::listing::Source;
use super::live::{Answer, Daemon};
use super::session_ends::{tell, trust};
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
            failpoint::reach(Failpoint::SessionAsk);
            let answer = match &source {
                Source::Api(api) => self::ask(&ledger, api, &ask).await,
                Source::Path(_) => SessionAnswer::NoSession,
            };
            failpoint::reach(Failpoint::SessionAnswered);
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
