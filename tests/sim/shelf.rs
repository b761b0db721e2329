//! A ledger in memory: what was committed survives the daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use freezerd::daemon::engine::{Store, StoreError, Witness};
use freezerd::plan::JobId;
use freezerd::planner::{
    LedgerPlan, Outcome, Past, Record, Report, RunId, RunRecord, RunState, VerdictRecord,
};
use freezerd::schedule::DueTime;

use super::machine::Fate;

#[derive(Debug, Default, Clone)]
pub struct Shelf {
    pub plans: BTreeMap<JobId, (Arc<str>, DueTime, DueTime)>,
    pub verdicts: BTreeMap<(JobId, DueTime), VerdictRecord>,
    pub runs: BTreeMap<RunId, RunRecord>,
    pub reports: Vec<(JobId, Option<RunId>, Report)>,
    pub polled: Option<DateTime<Utc>>,
    /// Verdicts that replaced another one of the same due time, as `old -> new`.
    pub replaced: Vec<(VerdictRecord, VerdictRecord)>,
}

impl Shelf {
    fn keep(&mut self, record: &Record) {
        match record {
            Record::Plan {
                job,
                document,
                first_seen,
                covered,
                ..
            } => {
                let former = self.plans.get(job).map(|(text, ..)| Arc::clone(text));
                let text = document
                    .clone()
                    .or(former)
                    .expect("the first record of a plan has its document");
                self.plans.insert(job.clone(), (text, *first_seen, *covered));
            }
            Record::Covered { job, covered } => {
                if let Some(plan) = self.plans.get_mut(job) {
                    plan.2 = *covered;
                }
            }
            Record::Forget { job } => {
                self.plans.remove(job);
            }
            Record::Verdict(verdict) => {
                if let Some(plan) = self.plans.get_mut(&verdict.job) {
                    plan.2 = plan.2.max(verdict.last);
                }
                let key = (verdict.job.clone(), verdict.first);
                if let Some(old) = self.verdicts.insert(key, verdict.clone()) {
                    self.replaced.push((old, verdict.clone()));
                }
            }
            Record::Run(run) => {
                self.runs.insert(run.id.clone(), run.clone());
            }
            Record::Withdraw { run } => {
                self.runs.remove(run);
            }
            Record::Report { job, run, report } => {
                self.reports.push((job.clone(), run.clone(), report.clone()));
            }
            Record::Backup { .. } | Record::SessionEnd { .. } | Record::Sighting(_) => {}
            Record::Polled { at } => self.polled = Some(*at),
        }
    }

    pub fn past(&self) -> Past {
        let done = |job: &JobId, wanted: fn(RunState) -> bool| {
            let of = self
                .runs
                .values()
                .filter(|run| run.job == *job && wanted(run.state));
            of.max_by_key(|run| run.due).cloned()
        };
        let plans = self
            .plans
            .iter()
            .map(|(job, (text, first_seen, covered))| LedgerPlan {
                plan: freezerd::plan::parse(text, "the shelf")
                    .expect("it was parsed before")
                    .plan,
                first_seen: *first_seen,
                covered: *covered,
                last: done(job, |state| matches!(state, RunState::Done(_))),
                success: done(job, |state| state == RunState::Done(Outcome::Success)),
            });
        let open = self
            .runs
            .values()
            .filter(|run| !matches!(run.state, RunState::Done(_)));
        Past {
            plans: plans.collect(),
            open: open.cloned().collect(),
            aside: Vec::new(),
            polled: self.polled,
        }
    }
}

/// The daemon's hand on the shelf.
pub struct Hand {
    pub shelf: Arc<Mutex<Shelf>>,
    pub fate: Arc<Fate>,
}

impl Store for Hand {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.fate.strikes();
        if self.fate.disk_fails() {
            return Err(StoreError::Away("the disk is full".to_owned()));
        }
        {
            let mut shelf = self.shelf.lock().expect("no thread panics with it");
            records.iter().for_each(|record| shelf.keep(record));
        }
        self.fate.strikes();
        Ok(())
    }
}

pub struct Nobody;

impl Witness for Nobody {
    fn recorded(&mut self, _: &[Record]) {}
    fn unrecorded(&mut self, _: &str) {}
}
