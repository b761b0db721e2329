//! One plan in the planner: its timetable, and up to where its due times are decided.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::plan::{JobId, Plan, Standing};
use crate::schedule::{DueTime, Kind, Missed, Timetable};

use super::brief::Common;
use super::front::{Front, Likeness};
use super::shared::Shared;
use super::{Aside, Brief, LastRun, LedgerPlan, Policy, Reason, Record, RunId, Window};

/// What lies further ahead than this was never lived through, however long the clock was wrong.
const LIVED_THROUGH_AT_MOST: i64 = 86_400;

/// What the planner knows of a plan, but for its [`Front`].
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) timetable: Arc<Timetable>,
    /// The latest due time that got a run: it gets no second one, whatever the wall clock does.
    pub(super) ran: Option<DueTime>,
    /// Its run that is not over.
    pub(super) open: Option<RunId>,
    /// When it may start; `None`: at any time.
    pub(super) window: Option<Arc<Window>>,
    /// Why it may not run at present, whatever its schedule says.
    pub(super) hindrance: Option<Reason>,
    /// Its document was edited into something that cannot be used: no due times until it is mended.
    pub(super) broken: bool,
    pub(super) plan: Brief,
    /// Anchors intervals of plans whose creation time is unknown, and is the due time of `Once`.
    pub(super) first_seen: DueTime,
    /// Since when it has this schedule and may run: what was due by another one, or while it was stopped, is
    /// no measure of lateness.
    pub(super) since: DueTime,
    /// Its last run that is over.
    pub(super) last: Option<Arc<LastRun>>,
    /// Its last run that succeeded.
    pub(super) success: Option<Arc<LastRun>>,
}

/// A million of them fit into a node: what is added here is added a million times. (The last is its entry in the directory.)
const _: () = assert!(size_of::<Option<Slot>>() + size_of::<Front>() + size_of::<Option<JobId>>() <= 192);

/// A plan at its seat: its slot, and the front of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seated<'a> {
    pub(super) front: &'a Front,
    pub(super) slot: &'a Slot,
}

/// The same, to be changed.
#[derive(Debug)]
pub(super) struct SeatedMut<'a> {
    pub(super) front: &'a mut Front,
    pub(super) slot: &'a mut Slot,
}

impl Deref for Seated<'_> {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        self.slot
    }
}

impl Deref for SeatedMut<'_> {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        self.slot
    }
}

impl DerefMut for SeatedMut<'_> {
    fn deref_mut(&mut self) -> &mut Slot {
        self.slot
    }
}

impl SeatedMut<'_> {
    /// To look at it.
    pub(super) fn seen(&self) -> Seated<'_> {
        Seated {
            front: self.front,
            slot: self.slot,
        }
    }
}

impl Slot {
    pub(super) fn new(plan: Brief, policy: &Policy, shared: &mut Shared, first_seen: DueTime) -> Self {
        let plan = shared.brief(plan);
        Self {
            timetable: shared.timetable(&plan, policy, first_seen),
            hindrance: hindrance_of(&plan.common, policy),
            window: shared.window(&plan, policy),
            plan,
            first_seen,
            since: first_seen.plus(-1),
            ran: None,
            open: None,
            last: None,
            success: None,
            broken: false,
        }
    }

    /// A plan of which all but a usable document was known.
    pub(super) fn mended(
        now: DueTime,
        plan: Brief,
        policy: &Policy,
        shared: &mut Shared,
        known: Aside,
    ) -> (Front, Self) {
        let Aside {
            first_seen,
            covered,
            last,
            success,
            ..
        } = known;
        Self::restore(
            LedgerPlan {
                plan,
                first_seen,
                // Whoever mended it gave it another schedule.
                since: Some(now),
                covered,
                last,
                success,
            },
            policy,
            shared,
        )
    }

    /// As the ledger knows it. A ledger that is ahead of the clock (it was set back while the daemon was
    /// away) is the planner's `clock_stepped` business, not ours.
    pub(super) fn restore(known: LedgerPlan, policy: &Policy, shared: &mut Shared) -> (Front, Self) {
        let mut slot = Self::new(known.plan, policy, shared, known.first_seen);
        slot.since = known.since.unwrap_or(slot.since);
        slot.ran = known.last.as_ref().map(|run| run.due);
        slot.last = known.last.map(Arc::new);
        // Mostly they are one run.
        slot.success = match known.success {
            Some(success) if slot.last.as_deref() == Some(&success) => slot.last.clone(),
            success => success.map(Arc::new),
        };
        (Front::new(known.covered), slot)
    }

    /// Binds the timetable again, after the plan or the policy changed.
    pub(super) fn rebind(&mut self, policy: &Policy, shared: &mut Shared) {
        self.timetable = shared.timetable(&self.plan, policy, self.first_seen);
        self.hindrance = hindrance_of(&self.plan.common, policy);
        self.window = shared.window(&self.plan, policy);
    }

    /// The durable record of what its lateness is measured from.
    pub(super) fn record_since(&self) -> Record {
        Record::Since {
            job: self.plan.id.clone(),
            since: self.since,
        }
    }

    /// This run is over, or withdrawn. (Another one of the plan may be open: it is not touched.)
    pub(super) fn close(&mut self, run: &RunId) {
        if self.open.as_ref() == Some(run) {
            self.open = None;
        }
    }

    /// Whether it ran by a clock that was set right since: its last run is for a time that nobody can have lived through.
    pub(super) fn ran_far_ahead(&self, now: DueTime) -> bool {
        self.ran.is_some_and(|ran| is_far_ahead(ran, now))
    }

    /// Nothing of that time counts.
    pub(super) fn forget_far_ahead(&mut self, now: DueTime) {
        self.last.take_if(|run| is_far_ahead(run.due, now));
        self.success.take_if(|run| is_far_ahead(run.due, now));
        self.ran.take_if(|ran| is_far_ahead(*ran, now));
    }

    pub(super) fn kind(&self) -> Kind {
        self.timetable.schedule().kind()
    }

    /// Whether it is due whenever nothing keeps it from running: its due times lie in no calendar.
    pub(super) fn is_now(&self) -> bool {
        matches!(self.kind(), Kind::Continuous | Kind::Once)
    }

    /// Seconds from `due` to the next due time, if it comes again and again.
    pub(super) fn cadence(&self, due: DueTime) -> Option<i64> {
        match self.kind() {
            Kind::Continuous | Kind::Once | Kind::Date => None,
            _ => self.timetable.next(due).map(|next| next.due.since(due)),
        }
    }

    /// Whether any run of it is known.
    pub(super) fn has_had_run(&self) -> bool {
        self.ran.is_some() || self.last.is_some() || self.open.is_some() || self.plan.has_run()
    }

    /// From this moment on the plan is late by its own cadence: the first due time after what its last
    /// success covers, plus `late_after` seconds. `None` while nothing can be late.
    pub(super) fn deadline(&self, late_after: i64) -> Option<DueTime> {
        // What its user stopped is not late. What this node cannot do is.
        if self.broken || matches!(self.hindrance, Some(Reason::Stopped | Reason::Disabled)) {
            return None;
        }
        let from = match (&self.success, self.kind()) {
            (Some(_), Kind::Once | Kind::Date) => return None,
            (Some(success), Kind::Continuous) => success
                .ended
                .map_or(success.covers, |ended| DueTime::floor(ended).max(success.covers)),
            (Some(success), _) => success.covers,
            (None, Kind::Once) if self.plan.has_run() => return None,
            (None, _) => self.since,
        };
        self.timetable
            .next(from.max(self.since))
            .map(|occurrence| occurrence.due.plus(late_after))
    }
}

impl Seated<'_> {
    /// The durable record of it. `document`: its text, if it is another one.
    pub(super) fn record(&self, document: Option<Arc<str>>) -> Record {
        Record::Plan {
            job: self.plan.id.clone(),
            name: self.plan.name.to_string(),
            project: self.plan.project.clone(),
            // Of a document that cannot be used there is none: what is here is of the one before.
            brief: (document.is_some() && !self.broken).then(|| Box::new(self.plan.clone())),
            document,
            first_seen: self.first_seen,
            covered: self.front.covered,
        }
    }

    /// Whether a run of it is not over.
    pub(super) fn has_open_run(&self) -> bool {
        self.open.is_some() || self.front.waits()
    }

    /// What a verdict on it looks at.
    pub(super) fn likeness(&self) -> Likeness {
        if self.front.waits() {
            return Likeness::WAITS;
        }
        let own = self.broken
            || self.open.is_some()
            || self.window.is_some()
            || self.ran.is_some_and(|ran| ran > self.front.covered);
        if own {
            Likeness::NONE
        } else {
            Likeness::new(&self.timetable, self.hindrance)
        }
    }

    /// The next due time without a verdict.
    ///
    /// A continuous plan has one only while no run of it is open and nothing hinders it, and so has a plan
    /// that runs once: both mean "now", and a "now" that passed while the plan was stopped is no due time.
    pub(super) fn next_due(&self) -> Option<DueTime> {
        if self.broken {
            return None;
        }
        if self.is_now() && (self.open.is_some() || self.hindrance.is_some()) {
            return None;
        }
        let due = |after| self.timetable.next(after).map(|occurrence| occurrence.due);
        due(self.front.covered).and_then(|next| {
            if self.ran == Some(next) {
                due(next)
            } else {
                Some(next)
            }
        })
    }

    /// The due times up to `now` that have no verdict yet: where what ran lies in between, in two parts.
    pub(super) fn undecided(&self, now: DueTime) -> impl Iterator<Item = Missed> + use<> {
        let parts = self.next_due().map(|first| self.parts_from(first, now));
        parts.into_iter().flatten().flatten()
    }

    /// The first part, for who knows the first due time without a verdict.
    pub(super) fn undecided_from(&self, first: DueTime, now: DueTime) -> Option<Missed> {
        self.parts_from(first, now).into_iter().flatten().next()
    }

    fn parts_from(&self, first: DueTime, now: DueTime) -> [Option<Missed>; 2] {
        if first > now {
            return [None, None];
        }
        if self.is_now() {
            return [Some(Missed::only(first)), None];
        }
        // What ran gets no second run. It may lie ahead of what is decided, when the clock was set back and the plan was
        // edited since, or the daemon died; then what comes before it is a case by itself.
        let ahead = self
            .ran
            .filter(|ran| self.front.covered < *ran && *ran <= now)
            .filter(|ran| {
                self.timetable
                    .next(ran.plus(-1))
                    .is_some_and(|next| next.due == *ran)
            });
        let Some(ran) = ahead else {
            return [self.timetable.missed_from(first, now), None];
        };
        let earlier = self.timetable.missed(self.front.covered, ran.plus(-1));
        [earlier, self.timetable.missed(ran, now)]
    }
}

/// Whether this lies so far ahead that nobody can have lived through it: the clock was wrong.
pub(super) const fn is_far_ahead(due: DueTime, now: DueTime) -> bool {
    due.since(now) > LIVED_THROUGH_AT_MOST
}

/// Why `plan` may not run at present, whatever its schedule says.
#[must_use]
pub fn hindrance(plan: &Plan, policy: &Policy) -> Option<Reason> {
    hindrance_of(&Common::of(plan), policy)
}

/// The same, of a plan that has this in common with others.
pub(super) fn hindrance_of(plan: &Common, policy: &Policy) -> Option<Reason> {
    match plan.standing {
        Standing::Disabled => Some(Reason::Disabled),
        Standing::Stopped => Some(Reason::Stopped),
        Standing::Active if plan.ended_by_its_user() => Some(Reason::Stopped),
        Standing::Active if policy.misses_trust(plan) => Some(Reason::NoTrust),
        Standing::Active if policy.capabilities.lacking(&plan.needs).is_some() => Some(Reason::Unsupported),
        Standing::Active if policy.denies_exec(plan) => Some(Reason::ExecDenied),
        Standing::Active => None,
    }
}

/// Whether the document of a one-shot says that it has had its run.
#[must_use]
pub fn has_run(plan: &Plan) -> bool {
    Common::of(plan).has_run(plan.reported.ended.is_some())
}
