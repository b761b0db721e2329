//! The planner: (state, now, input) -> effects. All decisions are made here; nothing else decides.
//!
//! The daemon takes an input, calls [`Planner::handle`], commits the decision's records to the ledger in ONE
//! transaction, and only then carries out its orders. So a crash at any point is "restart and read the
//! ledger", and a simulator can drive this very code through years of virtual time.
//!
//! The life of one due time: its second comes ([`due`]; of many plans at once: [`alike`], [`first`], [`together`]); the planner gives its
//! verdict; a run waits in the [`queue`] for a free one of the [`places`], for its window, or for its [`session`]; it is
//! launched, starts, ends ([`life`]); its outcome is reported. Listings ([`intake`]) change which due times there will be, and
//! withdraw what waits; what users ask for in them is answered ([`events`]).
//!
//! PURE: no I/O, reads no clock. May use: `plan`, `schedule`. Must not use: any other room.

mod alike;
mod back_off;
mod brief;
mod capabilities;
mod clock;
mod directory;
mod doubt;
mod due;
mod events;
mod first;
mod front;
mod gate;
mod input;
mod intake;
mod life;
mod lines;
mod metadata;
mod newcomers;
mod owners;
mod places;
mod policy;
mod queue;
mod report;
mod roster;
mod run;
mod run_id;
mod seat;
mod session;
mod shared;
mod sighting;
mod slot;
mod timers;
mod timetables;
mod together;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::plan::{Digester, JobId};
use crate::schedule::DueTime;

pub use alike::{Jobs, Skipped};
pub use brief::{Brief, Common};
pub use capabilities::{Capabilities, Needs, Unsupported};
pub use input::{Aside, Broken, Decision, End, Found, Input, LedgerPlan, NotStarted, Order, Past};
pub use metadata::{Metadata, NoMetadata};
pub use newcomers::MOST_PLANS;
pub use policy::{CatchUp, Outside, Policy, Reports, Scope, Window, WindowRule, ZoneRule};
pub use report::{Report, SessionTag};
pub use run::{LastRun, Outcome, Reason, Record, RunRecord, RunState, Verdict, VerdictRecord};
pub use run_id::RunId;
pub use session::{
    Admission, Membership, Refusal, SessionAnswer, SessionAsk, SessionEnd, SessionRefused, SessionState,
};
pub use shared::Shared;
pub use sighting::Sighting;
pub use slot::{has_run, hindrance};
pub use timetables::Timetables;
pub use together::Queued;
pub use view::{Counts, PlanView, Quiet};

use back_off::BackOff;
use doubt::Doubts;
use newcomers::Newcomers;
use places::Open;
use queue::Queue;
use roster::Roster;
use seat::Seat;
use slot::Slot;
use timers::Timers;

/// All that is known of the plans and their runs, and the rules by which it is decided on.
#[derive(Debug)]
pub struct Planner {
    policy: Policy,
    slots: Roster,
    /// What many of them have in common.
    shared: Shared,
    /// Tells a document that is as it was.
    digester: Digester,
    /// When each plan is due next: what the daemon sleeps on.
    timers: Timers,
    /// Every run that is not over.
    open: Open,
    /// Runs that may start as soon as there is a place.
    queue: Queue,
    /// Runs that wait for their window (until it opens) or for their session (until it is asked again).
    held: BTreeSet<(DueTime, RunId)>,
    /// Runs whose session is being asked.
    asking: BTreeSet<RunId>,
    /// Plans that may be gone.
    doubts: Doubts,
    /// Plans that are not known yet.
    newcomers: Newcomers,
    /// Continuous plans that cannot be started.
    back_off: BackOff,
    /// When the last complete listing was taken in.
    polled: Option<DateTime<Utc>>,
    /// When the ledger of before was lost: what the first listing holds may have run.
    lost: Option<DateTime<Utc>>,
    /// Plans of the ledger whose document could not be used when it was read back.
    aside: BTreeMap<JobId, Aside>,
    /// When it began to decide.
    begun: Option<DueTime>,
    /// When a run of each plan last started or ended, of those that did since then.
    done: BTreeMap<JobId, DueTime>,
    /// When the last run of another scheduler started that was told, of each plan that has one.
    foreign: BTreeMap<JobId, DueTime>,
    phase: Phase,
    /// The second of which some were decided before the others ([`first`]).
    gone_first: Option<DueTime>,
    /// What the wall clock showed when it was last looked at.
    clock: Option<DueTime>,
    /// The ledger cannot be written: what is due is decided, and waits.
    holding: bool,
}

/// What may be decided at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Just started: the first listing is on its way, and what it says comes before what is overdue.
    Waiting,
    /// As usual.
    Live,
    /// The daemon stops: nothing is decided or launched any more.
    Halted,
}

/// After so many plans of the ledger their room is given back.
const PLANS_AT_ONCE: usize = 4096;
impl Planner {
    /// A planner that knows what the ledger knows. Decides nothing yet: the daemon may first look at the API.
    #[must_use]
    pub fn restore(policy: Policy, past: Past) -> Self {
        let mut planner = Self {
            policy,
            slots: Roster::with_capacity(past.plans.len()),
            shared: past.shared,
            digester: past.digester,
            timers: Timers::default(),
            open: Open::default(),
            queue: Queue::default(),
            held: BTreeSet::new(),
            asking: BTreeSet::new(),
            doubts: Doubts::default(),
            newcomers: Newcomers::default(),
            back_off: BackOff::default(),
            polled: past.polled,
            lost: past.lost,
            aside: past
                .aside
                .into_iter()
                .map(|aside| (aside.job.clone(), aside))
                .collect(),
            begun: None,
            done: BTreeMap::new(),
            foreign: BTreeMap::new(),
            phase: Phase::Waiting,
            gone_first: None,
            clock: None,
            holding: false,
        };
        // They take as much room as their slots: it is given back while these come.
        let mut plans = past.plans;
        plans.reverse();
        while let Some(known) = plans.pop() {
            let (front, slot) = Slot::restore(known, &planner.policy, &mut planner.shared);
            planner.slots.insert(front, slot);
            if plans.len().is_multiple_of(PLANS_AT_ONCE) {
                plans.shrink_to_fit();
            }
        }
        for mut record in past.open {
            if let Some(mut slot) = planner.slots.get_mut(&record.job) {
                slot.open = Some(record.id.clone());
                slot.ran = slot.ran.max(Some(record.due));
                if record.state == RunState::Queued {
                    // Of one that waited together with others it is for its plan to say.
                    record.cadence = record.cadence.or_else(|| slot.cadence(record.due));
                    record.project = record.project.or_else(|| slot.plan.project.clone());
                }
            }
            let queued = record.state == RunState::Queued;
            planner.open.insert(record.clone());
            if queued {
                planner.enqueue(&record);
            }
        }
        for seat in planner.slots.seats() {
            planner.arm_seat(seat);
        }
        planner
    }

    /// Decides what follows from `inputs` at `now`.
    ///
    /// All of them are taken in before anything is decided: whoever wakes late (a suspended machine, a
    /// stalled disk) must not say `overlap` of a run whose end is the next thing it is told.
    pub fn handle(&mut self, now: DateTime<Utc>, inputs: impl IntoIterator<Item = Input>) -> Decision {
        let mut out = Decision::default();
        let waited = self.phase == Phase::Waiting;
        if !waited {
            self.look_at_clock(now, &mut out);
        }
        for input in inputs {
            self.take_in(now, input, &mut out);
        }
        if self.phase == Phase::Live {
            if waited {
                self.begun = Some(DueTime::floor(now));
                // Also what was launched, and was found not to have started, waits again.
                self.clock_stepped(DueTime::floor(now), &mut out);
                self.clock = Some(DueTime::floor(now));
            }
            self.decide_first(now, &mut out);
            self.fill(now, &mut out);
        }
        out.wake = self.wake();
        out
    }

    fn take_in(&mut self, now: DateTime<Utc>, input: Input, out: &mut Decision) {
        match input {
            Input::Tick => {}
            Input::Page(_) | Input::Listing { .. } | Input::Seen(_) | Input::Gone(_) | Input::Policy(_)
                if self.clock.is_none() =>
            {
                self.look_at_clock(now, out);
                self.take_in(now, input, out);
            }
            Input::ClockStepped => self.clock_stepped(DueTime::floor(now), out),
            Input::Page(plans) => plans.into_iter().for_each(|plan| self.take(now, plan, out)),
            Input::BrokenOff => self.newcomers.broken_off(),
            Input::Listed {
                began,
                digests,
                broken,
            } => self.listed(now, began, &digests, &broken, out),
            Input::Listing { began, plans, broken } => self.listing(now, began, plans, &broken, out),
            Input::Seen(plan) => self.take(now, *plan, out),
            Input::Gone(job) => self.gone(now, &job, out),
            Input::Started { run, pid, at } => self.started(&run, pid, at, out),
            Input::Ended { run, end } => self.ended(&run, end, out),
            Input::Session { ask, answer } => self.answered(now, &ask, &answer, out),
            Input::NotStarted { run, why } => self.not_started(now, &run, why, out),
            Input::Found { run, found } => self.found(now, &run, found, out),
            Input::Policy(policy) => self.new_policy(now, *policy, out),
            Input::Begin if self.phase == Phase::Waiting => self.phase = Phase::Live,
            Input::Begin => {}
            Input::Hold(runs) => self.hold(&runs, out),
            Input::Release => self.holding = false,
            Input::Halt => self.phase = Phase::Halted,
        }
    }

    /// When the planner wants to be called again, if nothing else happens.
    fn wake(&self) -> Option<DueTime> {
        if self.phase != Phase::Live {
            return None;
        }
        let due = self.timers.first();
        let held = self.held.first().map(|(opens, _)| *opens);
        match (due, held) {
            (Some(due), Some(held)) => Some(due.min(held)),
            (due, held) => due.or(held),
        }
    }

    /// Puts `job`'s next due time on the clock (and takes its former one off).
    fn arm(&mut self, job: &JobId) {
        if let Some(seat) = self.slots.seat(job) {
            self.arm_seat(seat);
        }
    }

    /// The same, for who knows where the plan sits.
    fn arm_seat(&mut self, seat: Seat) {
        let Some((former, next)) = self.slots.arm(seat).filter(|(former, next)| former != next) else {
            return;
        };
        if let Some(former) = former {
            self.timers.take_back(former, seat);
        }
        if let Some(due) = next {
            self.timers.set(due, seat);
        }
    }

    /// Those of the runs that wait for a time look whether they still have to.
    fn look_again(&mut self, which: impl Fn(&RunId) -> bool) {
        let (again, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(_, run)| which(run));
        self.held = held;
        for (_, run) in again {
            if let Some(record) = self.open.get_mut(&run) {
                record.not_before = None;
                self.queue.push(record);
            }
        }
    }
}
