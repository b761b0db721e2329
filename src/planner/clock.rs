//! The wall clock is set back: what was decided by one that was wrong is decided afresh, and what was lived through is not.

use chrono::{DateTime, Utc};

use crate::plan::JobId;
use crate::schedule::{DueTime, Kind};

use super::slot::{Slot, is_far_ahead};
use super::{Decision, Planner, Reason, RunRecord, RunState};

/// A step back of the wall clock by so many seconds was lived through.
const LIVED_THROUGH: i64 = 600;

impl Planner {
    /// Whether the wall clock was set back (also while the daemon was away) comes before what is decided by it.
    pub(super) fn look_at_clock(&mut self, now: DateTime<Utc>, out: &mut Decision) {
        let second = DueTime::floor(now);
        if self.clock.is_none_or(|before| second < before) {
            self.clock_stepped(second, out);
        }
        self.clock = Some(second);
    }

    /// After a step back of the wall clock, due times that lie far ahead may have been decided while the clock was wrong: still
    /// to come, they are opened again. A step of minutes opens nothing: those seconds were lived through, their runs have run.
    /// What waits for a time that is still to come is decided afresh in any case, with all that it was to serve.
    pub(super) fn clock_stepped(&mut self, now: DueTime, out: &mut Decision) {
        self.part_all();
        // Nobody waits until it comes round again.
        self.doubts.clock_stepped(now);
        self.look_again(|_| true);
        let ahead: Vec<JobId> = self
            .slots
            .values()
            .filter(|slot| {
                let ahead = slot.front.covered.since(now) > LIVED_THROUGH || slot.slot.ran_far_ahead(now);
                ahead || self.waits_ahead(slot.slot, now).is_some()
            })
            .map(|slot| slot.plan.id.clone())
            .collect();
        for job in ahead {
            let slot = self.slots.get(&job);
            let waits = slot.and_then(|slot| self.waits_ahead(slot.slot, now)).cloned();
            if let Some(run) = &waits {
                // What is due whenever it may run has no due times of before: those were of another schedule.
                if run.count > 1 && slot.is_some_and(|slot| slot.is_now()) {
                    self.withdraw(now.instant(), run, Reason::Superseded, out);
                } else {
                    self.take_back(run, out);
                }
            }
            if let Some(mut slot) = self.slots.get_mut(&job) {
                let far = slot.front.covered.since(now) > LIVED_THROUGH;
                if far || slot.is_now() {
                    // Nothing of a time that has not been may count: no anchor, no success.
                    slot.first_seen = slot.first_seen.min(now);
                    slot.since = slot.since.min(now);
                }
                let once = slot.kind() == Kind::Once && !slot.has_had_run();
                slot.forget_far_ahead(now);
                if !far && waits.is_none() {
                    // It was set right before the daemon died, which is all that its ledger does not know.
                    slot.since = slot.since.max(now.plus(-1));
                    continue;
                }
                slot.front.covered = match waits {
                    Some(_) if slot.is_now() => now.plus(-1),
                    // What it was told instead of its run is void.
                    None if once => now.plus(-1),
                    Some(run) if run.first <= now || !far => run.first.plus(-1),
                    // What ran never runs again, nor does what had its verdict before that.
                    _ => {
                        let last = slot.ran.filter(|_| !slot.is_now());
                        last.map_or(now, |ran| ran.max(now))
                    }
                };
                slot.rebind(&self.policy, &mut self.shared);
                out.records
                    .extend([slot.seen().record(None), slot.record_since()]);
            }
            self.arm(&job);
        }
    }

    /// The plan's run that waits in the queue for a time that is still to come, and can be decided on afresh: by the zone's
    /// data of today it would not be due, where that is not what it was queued by; then it waits on.
    fn waits_ahead(&self, slot: &Slot, now: DueTime) -> Option<&RunRecord> {
        let run = self.open.get(slot.open.as_ref()?)?;
        let due_again = || {
            let next = slot.timetable.next(run.first.plus(-1));
            next.is_some_and(|next| next.due == run.first)
        };
        let decided_anew = is_far_ahead(run.due, now) || due_again();
        (run.state == RunState::Queued && run.due > now && decided_anew).then_some(run)
    }
}
