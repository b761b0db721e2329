//! Several launchers as one: what another one started before the setting was changed is not lost.

use std::sync::Arc;
use std::time::Duration;

use crate::planner::RunId;

use super::{Found, LaunchError, Launcher, Recipe};

/// Starts by the first, and finds, aborts and forgets what any of them started.
pub struct Several {
    /// By which runs are started now.
    pub first: Arc<dyn Launcher>,
    /// By which they may have been started before.
    pub others: Vec<Arc<dyn Launcher>>,
}

impl Several {
    fn all(&self) -> impl Iterator<Item = &Arc<dyn Launcher>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl Launcher for Several {
    fn lead(&self) -> Option<Duration> {
        self.first.lead()
    }

    fn get_ready(&self, run: &RunId) {
        self.first.get_ready(run);
    }

    fn start(&self, recipe: &Recipe) -> Result<(), LaunchError> {
        for other in &self.others {
            if other.find(&recipe.run)? != Found::Never {
                let run = recipe.run.clone();
                return Err(LaunchError::AlreadyStarted { run });
            }
        }
        self.first.start(recipe)
    }

    fn find(&self, run: &RunId) -> Result<Found, LaunchError> {
        for launcher in self.all() {
            let found = launcher.find(run)?;
            if found != Found::Never {
                return Ok(found);
            }
        }
        Ok(Found::Never)
    }

    fn abort(&self, run: &RunId) -> Result<(), LaunchError> {
        self.all().try_for_each(|launcher| launcher.abort(run))
    }

    fn forget(&self, run: &RunId) {
        self.all().for_each(|launcher| launcher.forget(run));
    }
}
