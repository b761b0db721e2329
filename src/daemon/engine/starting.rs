//! From an order to launch a run to the launcher, and what is made of a launcher that does not take it.

use std::time::Duration;

use crate::launch::LaunchError;
use crate::plan::Plan;
use crate::planner::{Input, NotStarted, Outcome, RunId, RunRecord};
use crate::schedule::DueTime;

use super::{Drafts, Engine, Store, Witness, end_without_start};

impl<S: Store, W: Witness> Engine<S, W> {
    /// What the launcher is to get ready for before this due time comes, and how long before it wants to be told. (Not while
    /// the ledger takes nothing: nothing would be launched.)
    pub fn ahead_of(&self, due: DueTime) -> Option<(RunId, Duration)> {
        let lead = self.launcher.lead().filter(|_| self.not_before.is_none())?;
        Some((self.planner.about_to_start(due.instant())?, lead))
    }

    /// Has the launcher get ready for it.
    pub fn get_ready(&self, run: &RunId) {
        self.launcher.get_ready(run);
    }

    pub(super) fn launch(&mut self, run: RunRecord, plan: &Plan, drafts: &Drafts) -> Option<Input> {
        let recipe = match self.recipes.recipe(&run, plan, drafts) {
            Ok(recipe) => recipe,
            Err(error) => return Some(self.not_started(run.id, error.to_string())),
        };
        match self.launcher.start(&recipe) {
            Ok(()) => None,
            // Started before a crash that hid it from us: what became of it is what counts.
            Err(LaunchError::AlreadyStarted { .. }) => self.look_for(run),
            Err(error) if error.passes() => {
                tracing::warn!(run = %run.id, "not started yet: {error}");
                let detail = error.to_string();
                let (run, why) = (run.id, NotStarted::Away { detail });
                Some(Input::NotStarted { run, why })
            }
            Err(error) => Some(self.not_started(run.id, error.to_string())),
        }
    }

    pub(super) fn not_started(&self, run: RunId, detail: String) -> Input {
        tracing::error!(run = %run, "not started: {detail}");
        let end = end_without_start(self.clock.now(), Outcome::Fail, detail);
        Input::Ended { run, end }
    }
}
