//! Plans that a complete listing does not show. Whether they are gone is asked of each by itself (offset paging over a
//! list that changes skips rows), and until the answer is there no run of theirs starts: above all not the one that
//! is overdue at a start of the daemon, of a plan that was deleted while it was away. An API that does not
//! answer is waited for a little, and then the plan is believed to be there.

use std::collections::BTreeMap;

use crate::plan::JobId;
use crate::schedule::DueTime;

use super::Planner;

/// How long an answer is waited for, in seconds.
const PATIENCE: i64 = 15;

/// Plans that may be gone, and until when their runs wait. There are few of them.
#[derive(Debug, Default)]
pub(super) struct Doubts(BTreeMap<JobId, DueTime>);

impl Doubts {
    /// Until when no run of `job` starts.
    pub(super) fn until(&self, job: &JobId, now: DueTime) -> Option<DueTime> {
        self.0.get(job).copied().filter(|until| *until > now)
    }

    /// The clock was set: nobody waits until it comes round again.
    pub(super) fn clock_stepped(&mut self, now: DueTime) {
        for until in self.0.values_mut() {
            *until = (*until).min(now.plus(PATIENCE));
        }
    }
}

impl Planner {
    /// A complete listing does not show `job`. One that it did not show before either, and of which nothing was heard,
    /// does not wait again at once: however often there are listings, half of the time is its own.
    pub(super) fn doubt(&mut self, now: DueTime, job: &JobId) {
        let until = self.doubts.0.entry(job.clone()).or_insert(now.plus(PATIENCE));
        if now.since(*until) >= PATIENCE {
            *until = now.plus(PATIENCE);
        }
    }

    /// Whether a run of `job` waits for the answer, or will before that is waited for no longer.
    #[must_use]
    pub fn presses(&self, job: &JobId) -> bool {
        let soon = |due: DueTime| self.clock.is_some_and(|now| due.since(now) <= PATIENCE);
        self.slots
            .get(job)
            .is_some_and(|slot| slot.has_open_run() || slot.front.armed.is_some_and(soon))
    }

    /// It is known again whether `job` is there.
    pub(super) fn settle(&mut self, job: &JobId) {
        if self.doubts.0.remove(job).is_some() {
            let open = self.slots.get(job).and_then(|slot| slot.open.clone());
            self.look_again(|run| Some(run) == open.as_ref());
        }
    }
}
