//! What others may see of the planner: counts for metrics, and each plan in short.

use chrono::{DateTime, Utc};

use crate::plan::{Digests, JobId, ProjectId};
use crate::schedule::{DueTime, Kind};

use super::slot::Seated;
use super::{Phase, Planner, Reason, RunId, RunRecord, RunState};

/// Why a plan will not run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Hindered, as its next verdict would say.
    Hindered(Reason),
    /// Its document cannot be used at present.
    Broken,
    /// It has no schedule, and its dialect says that it then waits for its user.
    Manual,
    /// It has no further due time.
    Over,
}

/// One plan in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanView {
    /// Its id.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: Option<ProjectId>,
    /// When it is due next; `Err`: why it is not.
    pub next: Result<DueTime, Quiet>,
    /// When its last success ended.
    pub last_success: Option<DateTime<Utc>>,
    /// From when on it is late by its own cadence.
    pub deadline: Option<DueTime>,
}

/// How many plans and runs there are, by what they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Plans with a due time to come.
    pub scheduled: usize,
    /// Plans whose user stopped them.
    pub stopped: usize,
    /// Plans that are disabled.
    pub disabled: usize,
    /// Plans this node may not or cannot run.
    pub unsupported: usize,
    /// Plans that only their user starts.
    pub manual: usize,
    /// Plans with no further due time.
    pub over: usize,
    /// Plans whose document cannot be used at present.
    pub broken: usize,
    /// Runs that wait for a place.
    pub queued: usize,
    /// Runs that wait for their window or their session.
    pub held: usize,
    /// Runs that are starting or running.
    pub running: usize,
}

impl Planner {
    /// Whether it decides nothing any more.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.phase == Phase::Halted
    }

    /// When the last complete listing was taken in.
    #[must_use]
    pub fn polled(&self) -> Option<DateTime<Utc>> {
        self.polled
    }

    /// Whether a session is to be asked, or is being asked, if this run may start.
    #[must_use]
    pub fn asks_for(&self, run: &RunId) -> bool {
        self.asking.contains(run)
    }

    /// How many plans and runs there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            queued: self.queue.len() + self.asking.len(),
            held: self.held.len(),
            running: self.open.busy(),
            ..Counts::default()
        };
        for slot in self.slots.values() {
            let place = match next(slot) {
                Ok(_) => &mut counts.scheduled,
                Err(Quiet::Hindered(Reason::Stopped)) => &mut counts.stopped,
                Err(Quiet::Hindered(Reason::Disabled)) => &mut counts.disabled,
                Err(Quiet::Hindered(_)) => &mut counts.unsupported,
                Err(Quiet::Broken) => &mut counts.broken,
                Err(Quiet::Manual) => &mut counts.manual,
                // A continuous plan whose run is open is due again as soon as that ends.
                Err(Quiet::Over) if slot.has_open_run() => &mut counts.scheduled,
                Err(Quiet::Over) => &mut counts.over,
            };
            *place += 1;
        }
        counts
    }

    /// The first `most` plans by id, in short.
    #[must_use]
    pub fn plans(&self, most: usize) -> Vec<PlanView> {
        if most == 0 {
            return Vec::new();
        }
        let mut slots: Vec<Seated<'_>> = self.slots.values().collect();
        let by_id = |a: &Seated<'_>, b: &Seated<'_>| a.plan.id.cmp(&b.plan.id);
        // Whoever asks for a thousand of a million need not have the million in order.
        if most < slots.len() {
            slots.select_nth_unstable_by(most, by_id);
            slots.truncate(most);
        }
        slots.sort_unstable_by(by_id);
        slots.into_iter().map(|slot| self.view(slot)).collect()
    }

    fn view(&self, slot: Seated<'_>) -> PlanView {
        PlanView {
            job: slot.plan.id.clone(),
            name: slot.plan.name.to_string(),
            project: slot.plan.project.clone(),
            next: next(slot),
            last_success: slot.success.as_ref().and_then(|run| run.ended),
            deadline: slot.deadline(self.policy.late_after),
        }
    }

    /// The digests of the documents that are known.
    #[must_use]
    pub fn digests(&self) -> Digests {
        let used = self.slots.values().filter(|slot| !slot.broken);
        used.map(|slot| slot.plan.digest).collect()
    }

    /// How many plans there are.
    #[must_use]
    pub fn plan_count(&self) -> usize {
        self.slots.len()
    }

    /// Whether `second` is the plan's next due time after `first`, and both lie in a calendar.
    #[must_use]
    pub fn adjoins(&self, job: &JobId, first: DueTime, second: DueTime) -> bool {
        self.slots.get(job).is_some_and(|slot| {
            let next = slot.timetable.next(first);
            !slot.is_now() && next.is_some_and(|next| next.due == second)
        })
    }

    /// By when it must be known whether the plan is there: its run waits since then, or it is due then; `None`: it is never due.
    #[must_use]
    pub fn needs(&self, job: &JobId) -> Option<DueTime> {
        let slot = self.slots.get(job)?;
        let open = slot.open.as_ref().and_then(|run| self.open.get(run));
        let waits = slot.front.waits().then_some(slot.front.covered);
        open.map(|run| run.due).or(waits).or(slot.front.armed)
    }

    /// Runs that were handed to the launcher and are not over: to be looked for after a restart.
    #[must_use]
    pub fn launched(&self) -> Vec<RunRecord> {
        self.open
            .values()
            .filter(|run| run.state != RunState::Queued)
            .cloned()
            .collect()
    }
}

fn next(slot: Seated<'_>) -> Result<DueTime, Quiet> {
    if slot.broken {
        return Err(Quiet::Broken);
    }
    if let Some(reason) = slot.hindrance {
        return Err(Quiet::Hindered(reason));
    }
    if slot.kind() == Kind::Manual {
        return Err(Quiet::Manual);
    }
    slot.front.armed.ok_or(Quiet::Over)
}
