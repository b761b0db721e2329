//! Asking the source about single plans, and sessions about single runs. What is asked when, [`questions`](super::questions)
//! says.

use std::sync::Arc;

use crate::failpoint::{self, Failpoint};
use crate::plan::JobId;
use crate::planner::{Input, SessionAnswer, SessionAsk};

use super::listing::Source;
use super::live::{Answer, Daemon};
use super::sessions;
use super::witness::Shelf;

impl Daemon {
    /// Asks whether this plan is gone.
    pub(super) fn confirm_gone(&mut self, job: JobId) {
        let due = self.engine.planner().needs(&job);
        self.questions.plans.add(job, due);
        self.confirm_on();
    }

    /// That is answered, or cannot be.
    pub(super) fn confirmed(&mut self, job: &JobId) {
        self.questions.plans.answered(job);
        self.confirm_on();
    }

    fn confirm_on(&mut self) {
        while let Some(job) = self.questions.plans.next() {
            let (source, ask) = (self.polling.borrow().source.clone(), self.ask.clone());
            let proves_absence = self.proves_absence;
            tokio::spawn(async move {
                let answer = source.confirm(&job, proves_absence).await;
                // The loop may be gone by now; then so is the question.
                let _ = ask.send(Answer::Confirmed(job, answer));
            });
        }
    }

    /// Asks a session whether a run may start with it; the answer is an input.
    pub(super) fn ask_session(&mut self, ask: Box<SessionAsk>) {
        self.questions.sessions.add(ask);
        self.ask_on();
    }

    /// A session has answered.
    pub(super) fn said(&mut self) {
        self.questions.sessions.answered();
        self.ask_on();
    }

    fn ask_on(&mut self) {
        while let Some(ask) = self.questions.sessions.next() {
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
                let _ = told.send(Answer::Said(Input::Session { ask, answer }));
            });
        }
    }
}
