//! A moment before a due time the launcher is told which run is about to start, so that it can get ready.
//!
//! For that the daemon wakes a second time: only where a run will start, and only for a launcher that gains by it. What is
//! told is a guess; nothing is decided by it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::planner::RunId;
use crate::schedule::DueTime;

use super::engine::{Engine, Store, Witness};

/// What is to be told before `wake`, which is waited for, and when; `None`: nothing, or it is too late. (So it is told once,
/// and again where the clock was set back since.)
pub(super) fn ahead_of<S: Store, W: Witness>(
    wake: Option<DueTime>,
    engine: &Engine<S, W>,
    now: DateTime<Utc>,
) -> Option<(RunId, DateTime<Utc>)> {
    let due = wake?;
    let (run, lead) = engine.ahead_of(due)?;
    let at = due.instant() - TimeDelta::from_std(lead).ok()?;
    (now < at).then_some((run, at))
}
