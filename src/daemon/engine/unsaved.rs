//! What was decided and is not in the ledger: mostly for a moment, and for as long as the disk is full.
//!
//! A disk may be full for days, and due times go on. So what is decided of a plan again and again while it waits is kept
//! once, as the ledger would show it after downtime: one verdict over several due times. What is kept then grows
//! with the plans, and with what users do to them, and not with time. Nothing is left out.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::plan::JobId;
use crate::planner::{Record, RunId, RunState, Verdict, VerdictRecord};

/// The shortest and the longest time until a ledger that could not be written is tried again.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// How long to wait after a try that took so long: ten times that, so that while the disk is full most time is left for
/// the rest.
pub(super) fn pause(took: Duration) -> Duration {
    took.saturating_mul(10).clamp(TRY_AGAIN.0, TRY_AGAIN.1)
}

/// Records that wait for the ledger, in order.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    pub(super) records: Vec<Record>,
    /// Once the ledger did not take them: what a further record may go with.
    places: Option<Places>,
}

/// Where the last records of their sort are that have nothing of their plan after them which they must not move beyond.
#[derive(Debug, Default)]
struct Places {
    verdicts: HashMap<JobId, usize>,
    queued: HashMap<JobId, usize>,
    polled: Option<usize>,
    /// What follows about these runs stands for itself.
    withdrawn: HashSet<RunId>,
}

impl Unsaved {
    /// Adds further ones. `adjoins`: whether, of a plan, the second of two due times comes right after the first.
    pub(super) fn add(
        &mut self,
        records: Vec<Record>,
        adjoins: impl Fn(&VerdictRecord, &VerdictRecord) -> bool,
    ) {
        let Some(places) = &mut self.places else {
            // Mostly there are none, and these may be a hundred thousand.
            if self.records.is_empty() {
                self.records = records;
            } else {
                self.records.extend(records);
            }
            return;
        };
        for record in one_by_one(records) {
            if let Some(record) = places.merge(&mut self.records, record, &adjoins) {
                self.records.push(record);
            }
        }
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> Vec<Record> {
        self.places = None;
        std::mem::take(&mut self.records)
    }

    /// The ledger did not take these, and there are no others.
    pub(super) fn put_back(&mut self, records: Vec<Record>) {
        let records = one_by_one(records);
        let mut places = Places::default();
        for (record, at) in records.iter().zip(0..) {
            places.note(record, at);
        }
        self.records = records;
        self.places = Some(places);
    }
}

/// What many plans have together, and may get more of, is taken apart: each goes on by itself.
fn one_by_one(records: Vec<Record>) -> Vec<Record> {
    let count = records.iter().map(Record::count).sum();
    if count == records.len() {
        return records;
    }
    let mut all = Vec::with_capacity(count);
    for record in records {
        match record {
            Record::Skipped(skipped) => all.extend(skipped.verdicts().map(Record::Verdict)),
            record => all.push(record),
        }
    }
    all
}

impl Places {
    /// Makes `record` part of one that is there; else it is given back, to be added at the end.
    fn merge(
        &mut self,
        records: &mut [Record],
        record: Record,
        adjoins: impl Fn(&VerdictRecord, &VerdictRecord) -> bool,
    ) -> Option<Record> {
        let place = match &record {
            Record::Verdict(new) if !self.stands_alone(new) => self.verdicts.get(&new.job),
            Record::Run(run) if !self.withdrawn.contains(&run.id) => self.queued.get(&run.job),
            Record::Polled { .. } => self.polled.as_ref(),
            _ => None,
        };
        let there = place.and_then(|place| records.get_mut(*place));
        match (there, record) {
            (Some(Record::Verdict(old)), Record::Verdict(new))
                if old.verdict == new.verdict && adjoins(old, &new) =>
            {
                old.last = new.last;
                old.count = old.count.saturating_add(new.count);
                old.decided = new.decided;
                None
            }
            (Some(Record::Run(old)), Record::Run(new))
                if old.id == new.id && new.state == RunState::Queued =>
            {
                *old = new;
                None
            }
            (Some(there @ Record::Polled { .. }), new @ Record::Polled { .. }) => {
                *there = new;
                None
            }
            (_, record) => {
                self.note(&record, records.len());
                Some(record)
            }
        }
    }

    /// This record is at this place.
    fn note(&mut self, record: &Record, at: usize) {
        match record {
            Record::Verdict(verdict) => {
                if self.stands_alone(verdict) || matches!(verdict.verdict, Verdict::Run(_)) {
                    self.verdicts.remove(&verdict.job);
                } else {
                    self.verdicts.insert(verdict.job.clone(), at);
                }
            }
            Record::Run(run) if run.state == RunState::Queued && !self.withdrawn.contains(&run.id) => {
                self.queued.insert(run.job.clone(), at);
            }
            Record::Run(run) => self.shut(&run.job),
            Record::Skipped(skipped) => skipped.jobs.iter().for_each(|job| self.shut(job)),
            Record::Queued(queued) => queued.jobs.iter().for_each(|job| self.shut(job)),
            Record::Withdraw { run } => {
                self.withdrawn.insert(run.clone());
            }
            Record::Polled { .. } => self.polled = Some(at),
            Record::Plan { job, .. } | Record::Covered { job, .. } | Record::Forget { job } => self.shut(job),
            Record::Report { .. }
            | Record::Backup { .. }
            | Record::SessionEnd { .. }
            // It is of no due time, and stays behind the plan's own record.
            | Record::Since { .. }
            | Record::Sighting(_) => {}
        }
    }

    /// Nothing that comes moves before what is there of this plan.
    fn shut(&mut self, job: &JobId) {
        self.verdicts.remove(job);
        self.queued.remove(job);
    }

    /// Whether it takes the place of what a withdrawn run had.
    fn stands_alone(&self, verdict: &VerdictRecord) -> bool {
        !self.withdrawn.is_empty() && self.withdrawn.contains(&RunId::new(&verdict.job, verdict.last))
    }
}
