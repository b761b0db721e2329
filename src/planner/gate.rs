//! Whether a plan may start now: by its backup windows, and of a run also by the clock, and by whether its plan is there.

use chrono::{DateTime, Utc};

use crate::schedule::DueTime;

use super::slot::Slot;
use super::{Outside, Planner, RunId, RunRecord, RunState, Window};

pub(super) enum Gate {
    Open,
    /// Shut until then.
    Until(DueTime),
    /// Shut, and the plan does not wait for it to open (or it never opens). `next`: when it opens.
    Skip {
        next: Option<DueTime>,
    },
}

impl Gate {
    /// By the plan's window.
    pub(super) fn of_plan(slot: &Slot, now: DueTime) -> Self {
        let Some(Window { windows, outside }) = slot.window.as_deref() else {
            return Self::Open;
        };
        match (windows.opens(now, slot.timetable.zone()), outside) {
            (Some(opens), _) if opens <= now => Self::Open,
            (Some(opens), Outside::Wait) => Self::Until(opens),
            (next, _) => Self::Skip { next },
        }
    }

    /// The same, and by the clock.
    fn of_run(run: &RunRecord, slot: &Slot, now: DueTime) -> Self {
        if run.due > now {
            // The wall clock was set back while it waited: its due time is still to come.
            Self::Until(run.due)
        } else {
            Self::of_plan(slot, now)
        }
    }
}

impl Planner {
    /// Whether this run of the plan may start now.
    pub(super) fn gate(&self, run: &RunRecord, slot: &Slot, now: DueTime) -> Gate {
        match self.doubts.until(&run.job, now) {
            Some(until) if run.due <= now => Gate::Until(until),
            _ => Gate::of_run(run, slot, now),
        }
    }

    /// Whether a run that is starting still may: to prepare it took its time, in which its window may have shut, the wall
    /// clock have been set back to before its due time, or its plan be gone. (That a listing does not show the plan does not
    /// count: that was asked before, and its answer may be long in coming.) If not, it is
    /// [`NotStarted::Shut`](super::NotStarted).
    #[must_use]
    pub fn may_start(&self, run: &RunId, now: DateTime<Utc>) -> bool {
        let Some(run) = self.open.get(run).filter(|run| run.state == RunState::Starting) else {
            return false;
        };
        self.slots.get(&run.job).is_some_and(|slot| {
            !slot.broken && matches!(Gate::of_run(run, &slot, DueTime::floor(now)), Gate::Open)
        })
    }
}
