//! From an order to launch a run to the launcher, and what is made of a launcher that does not take it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::launch::LaunchError;
use crate::plan::Plan;
use crate::planner::{Input, NotStarted, Outcome, RunId, RunRecord};
use crate::schedule::DueTime;

use super::{Drafts, Engine, Store, Witness, end_without_start};

impl<S: Store, W: Witness> Engine<S, W> {
    /// Which run the launcher is to get ready for before `wake`, which is waited for, and when. For that the daemon wakes a
    /// second time: only where a run will start, and for a launcher that gains by it. It is a guess; nothing is decided by it.
    ///
    /// `None`: there is none, or it is too late (so it is told once, and again where the clock was set back since), or the
    /// ledger takes nothing: nothing would be launched.
    pub fn ahead_of(&self, wake: Option<DueTime>, now: DateTime<Utc>) -> Option<(RunId, DateTime<Utc>)> {
        let due = wake.filter(|_| self.not_before.is_none())?.instant();
        let at = due - TimeDelta::from_std(self.launcher.lead()?).ok()?;
        if now >= at {
            return None;
        }
        Some((self.planner.about_to_start(due)?, at))
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
