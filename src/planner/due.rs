//! A due time comes: its verdict, its place in the queue, and its launch.

use chrono::{DateTime, Utc};

use crate::plan::JobId;
use crate::schedule::{DueTime, Kind, Missed};

use super::gate::Gate;
use super::life::RUNS_LOOK_AGAIN;
use super::queue::Turn;
use super::seat::Seat;
use super::slot::Slot;
use super::{
    CatchUp, Decision, Order, Planner, Reason, Record, RunId, RunRecord, RunState, Verdict, VerdictRecord,
    session,
};

/// Seconds after which a continuous plan whose windows never open is looked at again.
const NEVER_OPENS_LOOK_AGAIN: i64 = 86_400;

impl Planner {
    /// Gives every due time that has come its verdict.
    pub(super) fn decide_due(&mut self, now: DateTime<Utc>, out: &mut Decision) {
        while let Some((due, seats)) = self.timers.take_due(DueTime::floor(now)) {
            let others = self.decide_alike(now, due, seats, out);
            self.decide_each(now, due, others.seats(), out);
        }
    }

    /// The same, but each by itself: what is decided of it is not all that is decided of it now.
    pub(super) fn decide_each_due(&mut self, now: DateTime<Utc>, out: &mut Decision) {
        while let Some((due, seats)) = self.timers.take_due(DueTime::floor(now)) {
            self.decide_each(now, due, seats, out);
        }
    }

    /// Gives these plans, which are due at `due`, their verdict, and their next timer.
    pub(super) fn decide_each(
        &mut self,
        now: DateTime<Utc>,
        due: DueTime,
        seats: Vec<Seat>,
        out: &mut Decision,
    ) {
        // Mostly a run and its verdict.
        out.records.reserve(2 * seats.len());
        for seat in seats {
            // Deciding on one of them may have changed another.
            if self
                .slots
                .at(seat)
                .is_none_or(|slot| slot.front.armed != Some(due))
            {
                continue;
            }
            self.part(seat);
            let Some(slot) = self.slots.at_mut(seat) else {
                continue;
            };
            slot.front.armed = None;
            if let Some(missed) = slot.seen().undecided_from(due, DueTime::floor(now)) {
                self.decide_on(now, seat, missed, out);
            }
            self.arm_seat(seat);
        }
    }

    /// Gives the due times of one plan up to `now` their verdict. Several at once (after downtime): at
    /// most one run, for the latest; the earlier ones are coalesced into it.
    pub(super) fn decide(&mut self, now: DateTime<Utc>, seat: Seat, out: &mut Decision) {
        let slot = self.slots.at(seat);
        let undecided = slot.map(|slot| slot.undecided(DueTime::floor(now)));
        for missed in undecided.into_iter().flatten() {
            self.decide_on(now, seat, missed, out);
        }
    }

    /// Gives these due times of one plan, which have none, their verdict.
    fn decide_on(&mut self, now: DateTime<Utc>, seat: Seat, missed: Missed, out: &mut Decision) {
        let Some(slot) = self.slots.at(seat) else { return };
        let verdict = match self.judge(&slot, missed, DueTime::floor(now)) {
            Judgement::Skip { reason, covered } => {
                if let Some(covered) = covered {
                    let job = slot.plan.id.clone();
                    self.cover(&job, covered, out);
                }
                Verdict::Skipped(reason)
            }
            Judgement::Coalesce(run) => {
                if let Some(record) = self.open.get_mut(&run) {
                    record.covers = missed.last;
                    out.records.push(Record::Run(record.clone()));
                }
                Verdict::Coalesced(run)
            }
            Judgement::Run { not_before } => {
                self.new_run(now, seat, missed, not_before, out);
                return;
            }
        };
        self.seat_verdict(now, seat, missed, verdict, out);
    }

    pub(super) fn judge(&self, slot: &Slot, missed: Missed, now: DueTime) -> Judgement {
        let skip = |reason| Judgement::Skip {
            reason,
            covered: None,
        };
        if let Some(reason) = slot.hindrance {
            return skip(reason);
        }
        if let Some(run) = slot.open.as_ref().and_then(|id| self.open.get(id)) {
            return match run.state {
                RunState::Queued => Judgement::Coalesce(run.id.clone()),
                RunState::Starting | RunState::Running | RunState::Done(_) => skip(Reason::Overlap),
            };
        }
        if let CatchUp::Within(seconds) = self.policy.catch_up
            && now.since(missed.last) > seconds
        {
            // A continuous plan means "again": what is too late now is due afresh, from now on.
            let afresh = (slot.kind() == Kind::Continuous).then_some(now);
            return Judgement::Skip {
                reason: Reason::Expired,
                covered: afresh,
            };
        }
        match Gate::of_plan(slot, now) {
            _ if self.policy.shadow => {
                // Of a continuous plan nobody knows how long its runs would have taken.
                let again = now.plus(RUNS_LOOK_AGAIN - 1);
                let afresh = (slot.kind() == Kind::Continuous).then_some(again);
                Judgement::Skip {
                    reason: Reason::Shadow,
                    covered: afresh,
                }
            }
            Gate::Open => Judgement::Run { not_before: None },
            Gate::Until(opens) => Judgement::Run {
                not_before: Some(opens),
            },
            Gate::Skip { next } => {
                // A continuous plan that is shut out is due again when its window opens, not every second.
                let opening = next.unwrap_or(now.plus(NEVER_OPENS_LOOK_AGAIN)).plus(-1);
                let covered = (slot.kind() == Kind::Continuous).then_some(opening);
                Judgement::Skip {
                    reason: Reason::OutsideWindow,
                    covered,
                }
            }
        }
    }

    fn new_run(
        &mut self,
        now: DateTime<Utc>,
        seat: Seat,
        missed: Missed,
        not_before: Option<DueTime>,
        out: &mut Decision,
    ) {
        let Some(mut slot) = self.slots.at_mut(seat) else {
            return;
        };
        let job = slot.plan.id.clone();
        let due = missed.last;
        let run = RunRecord {
            project: slot.plan.project.clone(),
            first: missed.first,
            count: missed.count,
            cadence: slot.cadence(due),
            not_before,
            ..RunRecord::new(job, due, now)
        };
        slot.open = Some(run.id.clone());
        slot.ran = Some(due);
        out.records.push(Record::Run(run.clone()));
        if missed.count > 1
            && let Some(earlier) = slot.timetable.missed(slot.front.covered, due.plus(-1))
        {
            self.seat_verdict(now, seat, earlier, Verdict::Coalesced(run.id.clone()), out);
        }
        self.seat_verdict(now, seat, Missed::only(due), Verdict::Run(run.id.clone()), out);
        self.enqueue(&run);
        self.open.insert(run);
    }

    /// Records a verdict; what it covers is decided from now on.
    pub(super) fn verdict(
        &mut self,
        now: DateTime<Utc>,
        job: &JobId,
        missed: Missed,
        verdict: Verdict,
        out: &mut Decision,
    ) {
        match self.slots.seat(job) {
            Some(seat) => {
                self.part(seat);
                self.seat_verdict(now, seat, missed, verdict, out);
            }
            None => Self::record_verdict(now, job.clone(), missed, verdict, out),
        }
    }

    /// The same, for who knows where the plan sits.
    fn seat_verdict(
        &mut self,
        now: DateTime<Utc>,
        seat: Seat,
        missed: Missed,
        verdict: Verdict,
        out: &mut Decision,
    ) {
        if let Some(slot) = self.slots.at_mut(seat) {
            slot.front.covered = slot.front.covered.max(missed.last);
            Self::record_verdict(now, slot.plan.id.clone(), missed, verdict, out);
        }
    }

    fn record_verdict(now: DateTime<Utc>, job: JobId, missed: Missed, verdict: Verdict, out: &mut Decision) {
        out.records.push(Record::Verdict(VerdictRecord {
            job,
            first: missed.first,
            last: missed.last,
            count: missed.count,
            verdict,
            decided: now,
        }));
    }

    /// No due time up to `covered` is to come any more.
    pub(super) fn cover(&mut self, job: &JobId, covered: DueTime, out: &mut Decision) {
        self.part_job(job);
        if let Some(slot) = self.slots.get_mut(job)
            && slot.front.covered < covered
        {
            slot.front.covered = covered;
            out.records.push(Record::Covered {
                job: job.clone(),
                covered,
            });
        }
    }

    /// Lets a queued run wait for a place, or for its window or session.
    pub(super) fn enqueue(&mut self, run: &RunRecord) {
        match run.not_before {
            Some(opens) => {
                self.held.insert((opens, run.id.clone()));
            }
            None => self.queue.push(run),
        }
    }

    /// Takes a queued run out of wherever it waits.
    pub(super) fn dequeue(&mut self, run: &RunRecord) {
        match run.not_before {
            Some(opens) => {
                self.held.remove(&(opens, run.id.clone()));
            }
            None => self.queue.remove(run),
        }
        self.asking.remove(&run.id);
    }

    /// Gives the free places to those whose turn it is.
    pub(super) fn fill(&mut self, now: DateTime<Utc>, out: &mut Decision) {
        let second = DueTime::floor(now);
        while let Some((opens, run)) = self.held.first().cloned() {
            if opens > second {
                break;
            }
            self.held.remove(&(opens, run.clone()));
            if let Some(record) = self.open.get_mut(&run) {
                record.not_before = None;
                self.queue.push(record);
            }
        }
        while !self.holding && self.open.busy() < self.policy.max_concurrent {
            let barred = self.barred();
            let run = match self.queue.next(second, barred.as_ref()) {
                Some(Turn::Run(run)) => Some(run),
                Some(Turn::Left(leaver)) => self.parted(leaver),
                None => break,
            };
            if let Some(run) = run {
                self.start(now, &run, out);
            }
        }
    }

    /// Starts a queued run, unless its window has shut while it waited: then it waits for the next one. One
    /// of a session asks first.
    fn start(&mut self, now: DateTime<Utc>, run: &RunId, out: &mut Decision) {
        let Some(mut record) = self.open.get(run).cloned() else {
            return;
        };
        self.queue.remove(&record);
        let Some(slot) = self.slots.get(&record.job) else {
            self.withdraw(now, &record, Reason::Superseded, out);
            return;
        };
        // It may have been queued under other rules, by an earlier daemon; or put back into the queue after its
        // plan's document was edited into something that cannot be used.
        let hindrance = slot.hindrance.or(self.policy.shadow.then_some(Reason::Shadow));
        let hindrance = hindrance.or(slot.broken.then_some(Reason::Superseded));
        if let Some(reason) = hindrance {
            self.withdraw(now, &record, reason, out);
            self.arm(&record.job);
            return;
        }
        match self.gate(&record, &slot, DueTime::floor(now)) {
            Gate::Open => {
                if let Some(ask) = self.question(now, &mut record, &slot.plan) {
                    self.asking.insert(run.clone());
                    out.orders.push(Order::AskSession(Box::new(ask)));
                } else {
                    record.state = RunState::Starting;
                    record.detail.clear();
                    out.orders.push(Order::Launch { run: record.clone() });
                }
            }
            Gate::Until(opens) | Gate::Skip { next: Some(opens) } => {
                record.not_before = Some(opens);
                self.held.insert((opens, run.clone()));
                self.wait_without_session(&mut record, opens.since(DueTime::floor(now)), out);
            }
            Gate::Skip { next: None } => {
                self.withdraw(now, &record, Reason::OutsideWindow, out);
                let job = record.job;
                self.arm(&job);
                return;
            }
        }
        out.records.push(Record::Run(record.clone()));
        self.open.insert(record);
    }

    /// Takes back a queued run, and says nothing of its due time.
    pub(super) fn take_back(&mut self, run: &RunRecord, out: &mut Decision) {
        self.dequeue(run);
        self.open.remove(&run.id);
        self.part_job(&run.job);
        if let Some(mut slot) = self.slots.get_mut(&run.job) {
            slot.close(&run.id);
            slot.ran.take_if(|ran| *ran == run.due);
            slot.ran = slot.ran.max(slot.last.as_ref().map(|last| last.due));
        }
        out.records.push(Record::Withdraw { run: run.id.clone() });
        session::withdrawn(run, out);
    }

    /// Takes back a queued run: its due time gets `reason` as its verdict instead, and so do the earlier ones that
    /// were coalesced into it.
    pub(super) fn withdraw(
        &mut self,
        now: DateTime<Utc>,
        run: &RunRecord,
        reason: Reason,
        out: &mut Decision,
    ) {
        self.take_back(run, out);
        let all = Missed {
            first: run.first,
            last: run.due,
            count: run.count,
        };
        self.verdict(now, &run.job, all, Verdict::Skipped(reason), out);
    }
}

/// What the planner makes of due times that have come.
pub(super) enum Judgement {
    /// They do not run. `covered`: due times up to there do not arise at all.
    Skip {
        reason: Reason,
        covered: Option<DueTime>,
    },
    /// They go with a run that waits.
    Coalesce(RunId),
    /// The latest of them runs, not before its window opens.
    Run { not_before: Option<DueTime> },
}
