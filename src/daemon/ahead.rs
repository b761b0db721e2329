//! A moment before a due time the launcher is told which run is about to start, so that it can get ready.
//!
//! For that the daemon wakes a second time: only where a run will start, and only for a launcher that gains by it. What is
//! told is a guess; nothing is decided by it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::planner::RunId;
use crate::schedule::DueTime;

use super::engine::{Engine, Store, Witness};

/// Which due time the launcher was told of last.
#[derive(Default)]
pub(super) struct Ahead(Option<DueTime>);

/// What is to be told.
pub(super) struct Ready {
    due: DueTime,
    run: RunId,
    /// When.
    pub(super) at: DateTime<Utc>,
}

impl Ahead {
    /// What is to be told before `wake`, which is waited for; `None`: nothing, or it was, or it is too late.
    pub(super) fn of<S: Store, W: Witness>(
        &self,
        wake: Option<DueTime>,
        engine: &Engine<S, W>,
        now: DateTime<Utc>,
    ) -> Option<Ready> {
        let due = wake.filter(|due| self.0 != Some(*due))?;
        let (run, lead) = engine.ahead_of(due)?;
        let at = due.instant() - TimeDelta::from_std(lead).ok()?;
        (now < at).then_some(Ready { due, run, at })
    }

    /// Tells it.
    pub(super) fn tell<S: Store, W: Witness>(&mut self, ready: &Ready, engine: &Engine<S, W>) {
        self.0 = Some(ready.due);
        engine.get_ready(&ready.run);
    }
}
