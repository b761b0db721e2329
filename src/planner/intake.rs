//! Listings come in: new plans, edits, plans that are gone, rules that changed.
//!
//! Editing, enabling or un-stopping a plan never fires the past. What waits in the queue under a schedule
//! that is no more is withdrawn (`superseded`); what runs goes on.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::plan::{Digests, JobId, Plan, Standing};
use crate::schedule::{DueTime, Kind};

use super::events::asks_to_start;
use super::front::Front;
use super::slot::{Seated, Slot, has_run};
use super::{
    Brief, Broken, Common, Decision, Order, Phase, Planner, Policy, Reason, Record, RunState, Verdict,
};

impl Planner {
    /// A complete listing, asked for at `began`.
    pub(super) fn listing(
        &mut self,
        now: DateTime<Utc>,
        began: DateTime<Utc>,
        plans: Vec<Plan>,
        broken: &[Broken],
        out: &mut Decision,
    ) {
        // All of it is here, so nothing of it has to wait.
        drop(self.newcomers.proven());
        let digest = |plan: &Plan| self.digester.digest(&plan.document);
        let digests = plans.iter().map(digest).collect();
        for plan in plans {
            self.take(now, plan, out);
        }
        self.listed(now, began, &digests, broken, out);
    }

    /// The plans of a listing, asked for at `began`, are taken in: what is not among them?
    pub(super) fn listed(
        &mut self,
        now: DateTime<Utc>,
        began: DateTime<Utc>,
        digests: &Digests,
        broken: &[Broken],
        out: &mut Decision,
    ) {
        for plan in self.newcomers.proven() {
            self.take(now, plan, out);
        }
        let mut listed: HashSet<&JobId> = HashSet::with_capacity(broken.len());
        for broken in broken {
            listed.insert(&broken.job);
            self.set_aside(now, broken, out);
        }
        // Also one whose document cannot be used: what is known of it is lost with it, above all that it has run.
        let aside = self.aside.keys().filter(|job| !listed.contains(*job));
        let (mut unlisted, mut recognised): (Vec<JobId>, _) = (aside.cloned().collect(), 0);
        for slot in self.slots.values() {
            if digests.contains(&slot.plan.digest) {
                recognised += 1;
            } else if !listed.contains(&slot.plan.id) {
                unlisted.push(slot.plan.id.clone());
            }
        }
        if recognised < digests.len() {
            // As when a plan was gone by the time it was asked for by itself, and is back with the old document.
            out.orders.push(Order::ReadWhole);
        }
        unlisted.sort();
        for job in &unlisted {
            self.doubt(DueTime::floor(now), job);
        }
        out.orders.extend(unlisted.into_iter().map(Order::ConfirmGone));
        self.shared.tidy();
        if self.newcomers.over() {
            // Else it is not in yet, and what came due since the one before is still nobody's past.
            self.polled = Some(began);
            out.records.push(Record::Polled { at: began });
        }
        if self.phase == Phase::Waiting {
            self.phase = Phase::Live;
        }
    }

    /// A plan as it is now.
    pub(super) fn take(&mut self, now: DateTime<Utc>, plan: Plan, out: &mut Decision) {
        self.settle(&plan.id);
        if self.slots.contains(&plan.id) {
            self.change(now, plan, out);
        } else if let Some(plan) = self.admit(plan) {
            self.welcome(now, &plan, out);
        }
    }

    /// From when on the due times of a plan that was made or edited at `changed` are ours. One that was
    /// changed since the last listing is younger than that listing: what fell due between the change and
    /// the poll that saw it was never the past, so it runs. Of any other (on an empty ledger, or moved here
    /// from another node) only what is still to come.
    fn since(&self, changed: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DueTime {
        let second = DueTime::floor(now);
        match (changed, self.polled) {
            // The API keeps whole seconds.
            (Some(changed), Some(polled)) if DueTime::floor(changed) >= DueTime::floor(polled) => {
                DueTime::floor(changed).min(second)
            }
            _ => second,
        }
    }

    /// Whether a plan that runs once may have had its run by a ledger that was lost. To run it again unasked would be
    /// worse than to wait for its users, who see that it has no result.
    fn may_have_run(&self, plan: &Plan) -> bool {
        let Some(lost) = self.lost.filter(|_| self.polled.is_none()) else {
            return false;
        };
        // The API keeps whole seconds.
        let made = plan.updated.or(plan.created).map(DueTime::floor);
        let older = made.is_none_or(|made| made <= DueTime::floor(lost));
        let under_way = self.open.of(&plan.id).next().is_some();
        under_way || (older && plan.reported.event != "start")
    }

    fn welcome(&mut self, now: DateTime<Utc>, plan: &Plan, out: &mut Decision) {
        let second = DueTime::floor(now);
        let over = plan.schedule.kind() == Kind::Once && (has_run(plan) || self.may_have_run(plan));
        let covered = match plan.schedule.kind() {
            Kind::Once if over => second,
            Kind::Once | Kind::Continuous => second.plus(-1),
            _ => self.since(plan.updated.or(plan.created), now),
        };
        let job = plan.id.clone();
        let brief = Brief::of(plan, &self.digester);
        let (policy, shared) = (&self.policy, &mut self.shared);
        let known = self.aside.remove(&job);
        let mended = known.is_some();
        let (front, mut slot) = match known {
            // Its document could not be used when the ledger was read; it can again.
            Some(mut known) => {
                // Until now it had no due times: what it would have had by what it says now is the past.
                known.covered = known.covered.max(covered);
                if plan.schedule.kind() == Kind::Once && known.last.is_none() && !over {
                    (known.first_seen, known.covered) = (second, covered);
                }
                Slot::mended(second, brief, policy, shared, known)
            }
            None => (Front::new(covered), Slot::new(brief, policy, shared, second)),
        };
        if over {
            slot.ran.get_or_insert(second.plus(-1));
        }
        // It went and came back while its run went on.
        slot.open = self.open.of(&job).next().map(|run| run.id.clone());
        let seated = Seated {
            front: &front,
            slot: &slot,
        };
        out.records.push(seated.record(Some(Arc::clone(&plan.document))));
        if mended {
            out.records.push(slot.record_since());
        }
        let seat = self.slots.insert(front, slot);
        self.sight(now, None, plan, out);
        self.arm_seat(seat);
        self.answer(&job, out);
    }

    fn change(&mut self, now: DateTime<Utc>, plan: Plan, out: &mut Decision) {
        let job = plan.id.clone();
        let Some(slot) = self.slots.get(&job) else { return };
        let brief = Brief::of(&plan, &self.digester);
        if slot.plan.digest == brief.digest && !slot.broken {
            return;
        }
        self.part_job(&job);
        let Some(slot) = self.slots.get(&job) else { return };
        let seen = self.sight(now, Some(&slot.plan), &plan, out);
        self.foreign.extend(seen.map(|started| (job.clone(), started)));
        let Some(slot) = self.slots.get(&job) else { return };
        let second = DueTime::floor(now);
        let rezoned = self.policy.zone_of(&plan) != *slot.timetable.zone();
        let rescheduled = slot.broken || rezoned || slot.plan.common.schedule != plan.schedule;
        let hindered = slot.hindrance;
        let again = slot.kind() == Kind::Continuous;
        let started = asks_to_start(&slot, &plan);
        if rescheduled {
            self.supersede(now, &job, out);
        } else if hindered.is_some() {
            // What fell due while it was stopped gets that verdict, before it is un-stopped.
            if let Some(seat) = self.slots.seat(&job) {
                self.decide(now, seat, out);
            }
        }
        let since = self.since(plan.updated, now);
        let Some(mut slot) = self.slots.get_mut(&job) else {
            return;
        };
        let former = slot.since;
        let moved = slot.plan.project != brief.project;
        slot.plan = self.shared.brief(brief);
        slot.broken = false;
        slot.rebind(&self.policy, &mut self.shared);
        if rescheduled && again && slot.front.covered > second {
            // It was not due again before its window opens, or a pause is over; by its new schedule it is.
            let ran = slot.ran.filter(|ran| *ran <= second);
            slot.front.covered = ran.map_or(since, |ran| ran.max(since));
        } else if rescheduled {
            slot.front.covered = slot.front.covered.max(since);
        }
        let freed = hindered.is_some() && slot.hindrance.is_none();
        if rescheduled || freed {
            slot.since = second;
        }
        let afresh = rescheduled || freed || started;
        let tried = afresh && self.back_off.forget(&job);
        match slot.kind() {
            // "Now" means when it was last set to run.
            Kind::Once
                if slot.open.is_none()
                    && (started || (afresh && slot.last.is_none() && !slot.plan.has_run())) =>
            {
                slot.first_seen = second;
                slot.since = second.plus(-1);
                slot.front.covered = second.plus(-1);
                slot.rebind(&self.policy, &mut self.shared);
            }
            Kind::Continuous if tried => slot.front.covered = slot.front.covered.min(second.plus(-1)),
            Kind::Continuous if afresh => slot.front.covered = slot.front.covered.max(second.plus(-1)),
            _ => {}
        }
        out.records.push(slot.seen().record(Some(plan.document)));
        if slot.since != former {
            out.records.push(slot.record_since());
        }
        if let (None, Some(reason)) = (hindered, slot.hindrance) {
            self.withdraw_queued(now, &job, reason, out);
        }
        if moved && let Some(seat) = self.slots.seat(&job) {
            self.slots.look_again_at_owner(seat);
        }
        self.arm(&job);
        self.answer(&job, out);
    }

    /// A plan whose document was edited into something that cannot be used. Its old schedule is not what
    /// its user wants any more, so it has none until it is mended.
    fn set_aside(&mut self, now: DateTime<Utc>, broken: &Broken, out: &mut Decision) {
        self.settle(&broken.job);
        self.part_job(&broken.job);
        let Some(slot) = self.slots.get(&broken.job) else {
            // It could not be used when the daemon started. Its run is from before that.
            let runs = self.open.of(&broken.job);
            let runs = runs.filter(|_| broken.event == "abort" && !self.policy.shadow);
            let aborted = runs.filter(|run| run.state != RunState::Queued);
            out.orders.extend(aborted.map(|run| Order::Abort(run.id.clone())));
            return;
        };
        let event = *slot.plan.common.event != *broken.event;
        if slot.broken && !event {
            return;
        }
        if !slot.broken {
            self.supersede(now, &broken.job, out);
        }
        if let Some(mut slot) = self.slots.get_mut(&broken.job) {
            slot.broken = true;
            // What its user asks for is heard all the same: an abort of its run, above all.
            let mut common = Common {
                event: broken.event.as_str().into(),
                ..Common::clone(&slot.plan.common)
            };
            if matches!(broken.event.as_str(), "stop" | "abort" | "remove") {
                common.standing = Standing::Stopped;
            }
            slot.plan.common = self.shared.common(Arc::new(common));
            out.records
                .push(slot.seen().record(Some(Arc::clone(&broken.document))));
        }
        self.arm(&broken.job);
        if event {
            self.answer(&broken.job, out);
        }
    }

    /// A plan that is not there any more, or not ours.
    pub(super) fn gone(&mut self, now: DateTime<Utc>, job: &JobId, out: &mut Decision) {
        self.settle(job);
        let aside = self.aside.remove(job).is_some();
        if !aside && !self.slots.contains(job) {
            return;
        }
        self.part_job(job);
        self.supersede(now, job, out);
        self.done.remove(job);
        self.back_off.forget(job);
        self.foreign.remove(job);
        if let Some((seat, front)) = self.slots.remove(job)
            && let Some(due) = front.armed
        {
            self.timers.take_back(due, seat);
        }
        out.records.push(Record::Forget { job: job.clone() });
    }

    /// The schedule by which `job` was planned is no more: what is undecided or waits is superseded.
    fn supersede(&mut self, now: DateTime<Utc>, job: &JobId, out: &mut Decision) {
        self.withdraw_queued(now, job, Reason::Superseded, out);
        let slot = self.slots.get(job);
        let undecided = slot.map(|slot| slot.undecided(DueTime::floor(now)));
        for missed in undecided.into_iter().flatten() {
            self.verdict(now, job, missed, Verdict::Skipped(Reason::Superseded), out);
        }
    }

    pub(super) fn withdraw_queued(
        &mut self,
        now: DateTime<Utc>,
        job: &JobId,
        reason: Reason,
        out: &mut Decision,
    ) {
        let open = self.slots.get(job).and_then(|slot| slot.slot.open.as_ref());
        let queued = open
            .and_then(|run| self.open.get(run))
            .filter(|run| run.state == RunState::Queued);
        if let Some(run) = queued.cloned() {
            self.withdraw(now, &run, reason, out);
        }
    }

    /// Other rules. What has come due is decided by the old ones first.
    pub(super) fn new_policy(&mut self, now: DateTime<Utc>, policy: Policy, out: &mut Decision) {
        if self.phase == Phase::Live {
            self.decide_each_due(now, out);
        }
        self.part_all();
        let second = DueTime::floor(now);
        self.policy = policy;
        for seat in self.slots.seats() {
            let Some(mut slot) = self.slots.at_mut(seat) else {
                continue;
            };
            let job = slot.plan.id.clone();
            let (zone, hindered) = (Arc::clone(slot.timetable.zone()), slot.hindrance);
            let window = slot.window.clone();
            slot.rebind(&self.policy, &mut self.shared);
            let hindrance = slot.hindrance;
            let freed = hindered.is_some() && hindrance.is_none();
            let unrun = slot.open.is_none() && slot.last.is_none() && !slot.plan.has_run();
            let rezoned = zone != *slot.timetable.zone();
            let tried = self.back_off.forget(&job);
            if freed || rezoned {
                slot.since = second;
            }
            if freed && slot.kind() == Kind::Once && unrun {
                slot.first_seen = second;
                slot.since = second.plus(-1);
                slot.front.covered = second.plus(-1);
                slot.rebind(&self.policy, &mut self.shared);
                out.records.push(slot.seen().record(None));
            } else if slot.kind() == Kind::Continuous
                && slot.front.covered > second
                && (rezoned || window != slot.window || tried)
            {
                // It was not due again before its window opens, or a pause is over. That may be now.
                slot.front.covered = second.plus(-1);
                out.records.push(slot.seen().record(None));
            } else if (rezoned || freed) && self.phase == Phase::Live {
                // Before that nothing was decided by the old rules: what was missed is still to be.
                self.cover(&job, second, out);
            }
            if let Some(slot) = self.slots.at(seat).filter(|_| rezoned || freed) {
                out.records.push(slot.record_since());
            }
            if let (None, Some(reason)) = (hindered, hindrance) {
                self.withdraw_queued(now, &job, reason, out);
            }
            self.arm_seat(seat);
        }
        // A window may have been changed or taken away: those that wait for one look again.
        self.look_again(|_| true);
    }
}
