//! A run's life after its launch: it starts, it ends, or it is found again after a restart.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::plan::{Dialect, JobId};
use crate::schedule::{DueTime, Kind};

use super::{
    CatchUp, Decision, End, Found, LastRun, NotStarted, Order, Outcome, Planner, Reason, Record, Reports,
    RunId, RunRecord, RunState, report, session,
};

/// Seconds until a launch that could not be carried out is tried again: a quarter of the time that the run is
/// late by then, from two seconds to a minute.
const TRY_AGAIN: (i64, i64) = (2, 60);
/// Seconds until a continuous plan that somebody else runs, or nobody in shadow, is looked at again.
pub(super) const RUNS_LOOK_AGAIN: i64 = 60;

impl Planner {
    pub(super) fn started(&mut self, run: &RunId, pid: u32, at: DateTime<Utc>, out: &mut Decision) {
        let Some(record) = self.open.get_mut(run) else {
            return;
        };
        if record.state == RunState::Running && record.started == Some(at) {
            return;
        }
        record.state = RunState::Running;
        record.started = Some(at);
        // What runs elsewhere has no process here.
        record.pid = (pid != 0).then_some(pid);
        out.records.push(Record::Run(record.clone()));
        let record = record.clone();
        self.note_done(&record.job, at);
        if let Some(slot) = self.slots.get(&record.job)
            && self.policy.reports_runs(&slot.plan.common)
        {
            self.report(&record, report::running(&record), out);
        }
    }

    pub(super) fn ended(&mut self, run: &RunId, end: End, out: &mut Decision) {
        // Said again (its traces were not yet removed): it is recorded, only the traces are left to remove.
        out.orders.push(Order::ForgetRun(run.clone()));
        let Some(mut record) = self.open.remove(run) else {
            return;
        };
        if record.state == RunState::Queued {
            self.dequeue(&record);
        }
        record.state = RunState::Done(end.outcome);
        record.started = end.started.or(record.started);
        self.note_done(&record.job, end.ended);
        record.ended = Some(end.ended);
        record.detail = end.detail;
        out.records.push(Record::Run(record.clone()));
        let job = record.job.clone();
        if self.metadata_wanted(&job) {
            // Also of a plan that is gone meanwhile: the backup is there, and must be found.
            out.records
                .extend(end.metadata.into_iter().map(|metadata| Record::Backup {
                    run: run.clone(),
                    metadata,
                }));
        }
        session::told(&record, end.outcome, out);
        self.part_job(&job);
        let Some(mut slot) = self.slots.get_mut(&job) else {
            self.ended_aside(&record, end.outcome, out);
            return;
        };
        slot.close(run);
        let last = Arc::new(LastRun::from(&record));
        if end.outcome == Outcome::Success {
            slot.success = Some(Arc::clone(&last));
        }
        slot.last = Some(last);
        let kind = slot.kind();
        if self.policy.reports_ends(&slot.plan.common) {
            let next = slot
                .timetable
                .next(slot.front.covered)
                .map(|occurrence| occurrence.due);
            let text = report::ended(&record, end.outcome, &slot.plan.common, next);
            self.report(&record, text, out);
        }
        if kind == Kind::Continuous {
            let pause = self.back_off.after(&record, end.outcome);
            self.cover(&job, DueTime::floor(end.ended).plus(pause.saturating_sub(1)), out);
        }
        self.arm(&job);
    }

    /// The same, of a plan whose document cannot be used since before the daemon started.
    fn ended_aside(&mut self, run: &RunRecord, outcome: Outcome, out: &mut Decision) {
        // Nothing is known of its dialect: as of its metadata.
        let wanted = self.metadata_wanted(&run.job);
        let Some(known) = self.aside.get_mut(&run.job) else {
            return;
        };
        if outcome == Outcome::Success {
            known.success = Some(LastRun::from(run));
        }
        known.last = Some(LastRun::from(run));
        if wanted {
            self.report(run, report::ended_unreadable(run, outcome), out);
        }
    }

    /// What the launcher knows of a run that an earlier daemon launched.
    pub(super) fn found(&mut self, now: DateTime<Utc>, run: &RunId, found: Found, out: &mut Decision) {
        let Some(record) = self.open.get(run).cloned() else {
            return;
        };
        let lost = |detail: String| End {
            outcome: Outcome::Lost,
            started: record.started,
            ended: now,
            detail,
            metadata: Vec::new(),
        };
        match found {
            Found::Never if record.state == RunState::Starting => self.queue_again(&record, out),
            Found::Never => {
                let detail = "it was running, and every trace of it is gone from the state directory";
                self.ended(run, lost(detail.to_owned()), out);
            }
            Found::Alive { pid, started } => {
                match started {
                    Some(at) => self.started(run, pid, at, out),
                    None => {
                        if let Some(record) = self.open.get_mut(run) {
                            record.pid = Some(pid);
                        }
                    }
                }
                // An abort that was asked for may not have been carried out.
                let slot = self.slots.get(&record.job);
                let asked = slot.is_some_and(|slot| *slot.plan.common.event == *"abort");
                if asked && !self.policy.shadow {
                    out.orders.push(Order::Abort(run.clone()));
                }
            }
            Found::Ended(end) => self.ended(run, end, out),
            Found::Lost { detail } => self.ended(run, lost(detail), out),
        }
    }

    /// A launch came to nothing. One that could not be carried out waits in the queue, as for its window: what
    /// falls due meanwhile goes with it, and an edit withdraws it.
    pub(super) fn not_started(
        &mut self,
        now: DateTime<Utc>,
        run: &RunId,
        why: NotStarted,
        out: &mut Decision,
    ) {
        let Some(record) = self.open.get(run).cloned() else {
            return;
        };
        if record.state != RunState::Starting {
            return;
        }
        let late = DueTime::floor(now).since(record.due);
        let expired = matches!(self.policy.catch_up, CatchUp::Within(seconds) if late > seconds);
        let reason = match why {
            NotStarted::Away { detail } if !expired => {
                let pause = (late / 4).clamp(TRY_AGAIN.0, TRY_AGAIN.1);
                let put_off = RunRecord {
                    not_before: Some(DueTime::floor(now).plus(pause)),
                    detail,
                    ..record
                };
                self.wait_again(now, &put_off, out);
                return;
            }
            NotStarted::Away { .. } => Reason::Expired,
            NotStarted::Shut => return self.wait_again(now, &record, out),
            NotStarted::For(reason) => reason,
        };
        self.withdraw(now, &record, reason, out);
        let continuous = self
            .slots
            .get(&record.job)
            .is_some_and(|slot| slot.kind() == Kind::Continuous);
        if continuous {
            let look_again = DueTime::floor(now).plus(RUNS_LOOK_AGAIN);
            self.cover(&record.job, look_again, out);
        }
        self.arm(&record.job);
    }

    /// The ledger cannot be written. What was to be launched is in the queue again.
    pub(super) fn hold(&mut self, runs: &[RunId], out: &mut Decision) {
        self.holding = true;
        for run in runs {
            if let Some(record) = self.open.get(run).cloned() {
                self.queue_again(&record, out);
            }
        }
    }

    /// A launch came to nothing, some time after it was decided: the run waits again, for what it will be by then.
    fn wait_again(&mut self, now: DateTime<Utc>, record: &RunRecord, out: &mut Decision) {
        self.queue_again(record, out);
        let second = DueTime::floor(now);
        if record.due > second {
            // The clock was set back meanwhile: what waits for a time that is still to come is decided afresh.
            self.clock_stepped(second, out);
        }
        // Whoever stopped the plan meanwhile was to be answered when this run is over.
        let hindrance = self.slots.get(&record.job).and_then(|slot| slot.hindrance);
        if let Some(reason) = hindrance {
            self.withdraw_queued(now, &record.job, reason, out);
            self.answer(&record.job, out);
        }
    }

    /// A launch was decided and not carried out: the daemon died in between, or the ledger could not be
    /// written. It is looked at afresh: its plan may be edited, stopped or removed until it starts.
    fn queue_again(&mut self, record: &RunRecord, out: &mut Decision) {
        let mut record = record.clone();
        record.state = RunState::Queued;
        out.records.push(Record::Run(record.clone()));
        self.enqueue(&record);
        self.open.insert(record);
    }

    /// Whether the API keeps the metadata of this plan's backups. Of a plan that is gone nobody knows the
    /// dialect any more; but a source speaks one, so another of its plans tells.
    fn metadata_wanted(&self, job: &JobId) -> bool {
        let slot = self.slots.get(job).or_else(|| self.slots.values().next());
        match slot {
            Some(slot) => {
                let plan = &slot.plan.common;
                self.policy.reports_ends(plan) && plan.dialect == Dialect::Upstream
            }
            None => self.policy.reports != Reports::Never,
        }
    }

    fn report(&self, run: &RunRecord, report: report::Report, out: &mut Decision) {
        out.records.push(Record::Report {
            job: run.job.clone(),
            run: Some(run.id.clone()),
            report,
        });
    }
}
