//! Supervisors that have executed a run, or were started ahead ([`super::ahead`]), and may take one.
//!
//! When many runs wait for their turn, one begins as another ends. A process for each costs more than all else that is
//! done for it; so a supervisor whose run is over says so, and waits a moment for the next. It is told the run's id on
//! its standard input, and goes when that ends: with the moment, or with the daemon.
//!
//! What it executes it executes as ever: it takes the run's lock, claims it, outlives us. Only an abort needs care: a
//! SIGTERM must not be meant for one run and meet the next. So nothing is sent to a supervisor before it has said that it
//! took the run; what came before that it forgets.

use std::io::{PipeWriter, Write};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::launch::Recipe;
use crate::planner::RunId;

use super::Inner;

/// So long a supervisor waits for another run. In a burst the next one comes within milliseconds.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

/// What a supervisor was given.
pub(super) struct Next {
    pub(super) run: RunId,
    /// The run's niceness.
    pub(super) nice: Option<i32>,
    /// By what it is told further ones.
    pub(super) tells: PipeWriter,
}

/// A supervisor that waits.
pub(super) struct Spare {
    pub(super) pid: u32,
    /// The niceness it was given, which cannot be taken back. `None`: none yet.
    pub(super) nice: Option<i32>,
    /// The run it was started for: `ps` shows it as that one's.
    pub(super) expects: Option<RunId>,
    /// Its standard input.
    pub(super) tells: PipeWriter,
    /// To whom watches it.
    pub(super) gives: oneshot::Sender<Next>,
}

impl Inner {
    /// Has a spare supervisor take this run, whose directories are there. `false`: there is none.
    pub(super) fn give_to_spare(&self, recipe: &Recipe) -> bool {
        let run = &recipe.run;
        let nice = recipe.limits.nice;
        while let Some(spare) = self.take_spare(run, nice) {
            let mut tells = spare.tells;
            // Before it can say anything of it.
            self.expect_taken(run, spare.pid, true);
            if tells.write_all(format!("{run}\n").as_bytes()).is_ok() {
                // Nobody to see it through: we are shutting down.
                let run = run.clone();
                let _ = spare.gives.send(Next { run, nice, tells });
                return true;
            }
            // It was killed while it waited.
            self.expect_taken(run, 0, false);
        }
        false
    }

    fn expect_taken(&self, run: &RunId, pid: u32, coming: bool) {
        if let Some(watched) = self.watched().get_mut(run) {
            (watched.pid, watched.coming) = (pid, coming);
        }
    }

    fn take_spare(&self, run: &RunId, nice: Option<i32>) -> Option<Spare> {
        let mut spares = self.spares();
        let expected = spares
            .iter()
            .position(|spare| spare.expects.as_ref() == Some(run));
        let fits = |spare: &Spare| spare.nice.is_none() || spare.nice == nice;
        let place = expected.or_else(|| spares.iter().rposition(fits))?;
        Some(spares.remove(place))
    }

    pub(super) fn add_spare(&self, spare: Spare) {
        self.spares().push(spare);
    }

    /// Whether there is one for a run as most are. (It may go any moment; then the run's own comes up a little later.)
    pub(super) fn has_spare(&self) -> bool {
        self.spares().iter().any(|spare| spare.nice.is_none())
    }

    fn spares(&self) -> MutexGuard<'_, Vec<Spare>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one go; `false`: it was just given a run.
    pub(super) fn drop_spare(self: &Arc<Self>, pid: u32) -> bool {
        let mut spares = self.spares();
        let place = spares.iter().position(|spare| spare.pid == pid);
        place.map(|place| spares.remove(place)).is_some()
    }
}
