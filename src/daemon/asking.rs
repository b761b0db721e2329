//! Asking the source about single plans, and sessions about single runs, beside the loop.

use std::sync::Arc;

use crate::failpoint::{self, Failpoint};
use crate::plan::JobId;
use crate::planner::{SessionAnswer, SessionAsk};

use super::listing::Source;
use super::live::{Answer, Daemon};
use super::main_loop::Event;
use super::sessions;
use super::witness::Shelf;

impl Daemon {
    /// Asks whether this plan is gone.
    pub(super) fn confirm_gone(&self, job: JobId) {
        let (source, told) = (self.polling.borrow().source.clone(), self.ask.clone());
        let proves_absence = self.proves_absence;
        tokio::spawn(async move {
            let answer = source.confirm(&job, proves_absence).await;
            // The loop may be gone by now; then so is the question.
            let _ = told.send(Answer::Asked(Event::Confirmed(job, answer)));
        });
    }

    /// Asks a session whether a run may start with it.
    pub(super) fn ask_session(&self, ask: Box<SessionAsk>) {
        let (source, told) = (self.polling.borrow().source.clone(), self.ask.clone());
        let (ledger, turns) = (Shelf(Arc::clone(&self.ledger)), Arc::clone(&self.turns));
        tokio::spawn(async move {
            failpoint::reach(Failpoint::SessionAsk);
            let answer = match &source {
                Source::Api(api) => sessions::ask(&ledger, api, &turns, &ask).await,
                Source::Path(_) => SessionAnswer::NoSession,
            };
            failpoint::reach(Failpoint::SessionAnswered);
            // The loop may be gone by now; its successor asks again.
            let _ = told.send(Answer::Asked(Event::Answered(ask, answer)));
        });
    }
}
