//! A ledger in memory: what was committed survives the daemon.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use freezerd::daemon::engine::{Store, StoreError, Witness};
use freezerd::plan::{Digester, JobId};
use freezerd::planner::{
    Brief, LastRun, LedgerPlan, Outcome, Past, Record, Report, RunId, RunRecord, RunState, Verdict,
    VerdictRecord,
};
use freezerd::schedule::DueTime;

use super::account::Accounts;
use super::fate::{Disk, Fate};
use super::outbox::{Ended, Told};

#[derive(Debug, Default, Clone)]
pub struct Shelf {
    pub plans: BTreeMap<JobId, (Arc<str>, DueTime, DueTime)>,
    pub since: BTreeMap<JobId, DueTime>,
    pub verdicts: BTreeMap<(JobId, DueTime), VerdictRecord>,
    pub runs: BTreeMap<RunId, RunRecord>,
    /// The outbox: as in the ledger, the newest of each plan waits.
    pub outbox: BTreeMap<JobId, Told>,
    /// Of each plan the newest: all are of one session.
    pub session_ends: BTreeMap<JobId, Ended>,
    pub accounts: Accounts,
    numbers: i64,
    /// Runs for whose end the outbox was given a report.
    pub ended: Vec<RunId>,
    pub polled: Option<DateTime<Utc>>,
    /// So many runs were queued together with others.
    pub together: u64,
}

impl Shelf {
    fn keep(&mut self, record: &Record) {
        match record {
            Record::Plan {
                job,
                document,
                brief: stored,
                first_seen,
                covered,
                ..
            } => {
                // What is stored for the next start is what that would read in the document.
                if let Some(text) = document {
                    let digest = stored.as_ref().map(|stored| stored.digest);
                    let parsed = freezerd::plan::parse(text, "the shelf").ok();
                    let read = parsed.zip(digest).map(|(parsed, digest)| Brief {
                        digest,
                        ..Brief::of(&parsed.plan, &Digester::default())
                    });
                    assert_eq!(stored.as_deref(), read.as_ref(), "{text}");
                }
                let former = self.plans.get(job).map(|(text, ..)| Arc::clone(text));
                let text = document
                    .clone()
                    .or(former)
                    .expect("the first record of a plan has its document");
                let before = self.plans.insert(job.clone(), (text, *first_seen, *covered));
                if document.is_none() && before.is_some_and(|before| before.2 > *covered) {
                    // What was decided ahead of a clock that was wrong is void.
                    self.verdicts
                        .retain(|(of, first), _| of != job || first <= covered);
                }
            }
            Record::Since { job, since } => drop(self.since.insert(job.clone(), *since)),
            Record::Covered { job, covered } => {
                if let Some(plan) = self.plans.get_mut(job) {
                    plan.2 = *covered;
                }
            }
            Record::Forget { job } => {
                self.plans.remove(job);
                self.since.remove(job);
            }
            Record::Skipped(skipped) => {
                for verdict in skipped.verdicts() {
                    self.keep(&Record::Verdict(verdict));
                }
            }
            Record::Queued(queued) => {
                self.together += queued.jobs.len() as u64;
                for (run, verdict) in queued.runs().zip(queued.verdicts()) {
                    self.keep(&Record::Run(run));
                    self.keep(&Record::Verdict(verdict));
                }
            }
            Record::Verdict(verdict) => {
                if let Some(plan) = self.plans.get_mut(&verdict.job) {
                    plan.2 = plan.2.max(verdict.last);
                }
                let key = (verdict.job.clone(), verdict.first);
                self.verdicts.insert(key, verdict.clone());
            }
            Record::Run(run) => {
                let before = self.runs.insert(run.id.clone(), run.clone());
                let over = |run: &RunRecord| matches!(run.state, RunState::Done(_));
                if before.is_some_and(|before| over(&before)) && !over(run) {
                    self.accounts.run_again(&run.id);
                }
            }
            Record::Withdraw { run } => {
                self.accounts.withdrawn(run);
                let withdrawn = self.runs.remove(run).expect("as the ledger has it");
                assert!(matches!(withdrawn.state, RunState::Queued | RunState::Starting));
                let run = withdrawn;
                if let Entry::Occupied(verdict) = self.verdicts.entry((run.job, run.due))
                    && matches!(verdict.get().verdict, Verdict::Run(_))
                {
                    verdict.remove();
                }
            }
            Record::Report { job, run, report } => {
                if let (Some(run), false) = (run, report.result.as_deref().unwrap_or_default().is_empty()) {
                    self.ended.push(run.clone());
                }
                self.put(job, run.as_ref(), report);
            }
            Record::SessionEnd { job, run, end } => {
                // As in the ledger: one that is unsure takes no other's place.
                if !(end.unsure && self.session_ends.contains_key(job)) {
                    self.numbers += 1;
                    let ended = Ended {
                        number: self.numbers,
                        run: run.clone(),
                        end: end.clone(),
                        attempts: 0,
                    };
                    self.session_ends.insert(job.clone(), ended);
                }
            }
            Record::Backup { run, metadata } => {
                assert!(self.runs.contains_key(run), "the run's own record comes first");
                self.accounts.put(run, metadata);
            }
            Record::Sighting(_) => {}
            Record::Polled { at } => self.polled = Some(*at),
        }
    }

    /// What the older report would have told and the new one leaves out is kept.
    fn put(&mut self, job: &JobId, run: Option<&RunId>, report: &Report) {
        self.numbers += 1;
        let mut report = report.clone();
        if let Some(Told { report: old, .. }) = self.outbox.remove(job) {
            report.result = report.result.or(old.result);
            report.time_started = report.time_started.or(old.time_started);
            report.time_ended = report.time_ended.or(old.time_ended);
            report.answers_event = report.answers_event.or(old.answers_event);
            if report.time_ended.is_none_or(|ended| ended < 0) {
                report.current_pid = report.current_pid.or(old.current_pid);
            }
        }
        let told = Told {
            number: self.numbers,
            run: run.cloned(),
            report,
            attempts: 0,
        };
        self.outbox.insert(job.clone(), told);
    }

    pub fn past(&self) -> Past {
        let done = |job: &JobId, wanted: fn(RunState) -> bool| {
            let of = self
                .runs
                .values()
                .filter(|run| run.job == *job && wanted(run.state));
            of.max_by_key(|run| run.due).map(LastRun::from)
        };
        let plans = self
            .plans
            .iter()
            .map(|(job, (text, first_seen, covered))| LedgerPlan {
                plan: {
                    let parsed = freezerd::plan::parse(text, "the shelf").expect("it was parsed before");
                    Brief::of(&parsed.plan, &Digester::default())
                },
                first_seen: *first_seen,
                since: self.since.get(job).copied(),
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
            lost: None,
            ..Past::default()
        }
    }
}

/// The daemon's hand on the shelf.
pub struct Hand {
    pub shelf: Arc<Mutex<Shelf>>,
    pub fate: Arc<Fate>,
}

impl Hand {
    /// One change, on a disk that may fail, by a daemon that may be killed.
    pub(super) fn change<T>(&self, what: Disk, change: impl FnOnce(&mut Shelf) -> T) -> Result<T, String> {
        self.fate.strikes();
        if self.fate.disk_fails(what) {
            return Err("the disk is full".to_owned());
        }
        let changed = {
            let mut shelf = self.shelf.lock().expect("no thread panics with it");
            change(&mut shelf)
        };
        self.fate.strikes();
        Ok(changed)
    }
}

impl Store for Hand {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.fate.strikes();
        if self.fate.disk_fails(Disk::Commit) {
            return Err(StoreError::Away("the disk is full".to_owned()));
        }
        {
            let mut shelf = self.shelf.lock().expect("no thread panics with it");
            records.iter().for_each(|record| shelf.keep(record));
        }
        self.fate.strikes();
        Ok(())
    }

    fn document(&self, job: &JobId) -> Result<Option<Arc<str>>, StoreError> {
        if self.fate.disk_fails(Disk::Document) {
            return Err(StoreError::Away("the disk fails".to_owned()));
        }
        let shelf = self.shelf.lock().expect("no thread panics with it");
        Ok(shelf.plans.get(job).map(|(text, ..)| Arc::clone(text)))
    }
}

pub struct Nobody;

impl Witness for Nobody {
    fn recorded(&mut self, _: &[Record]) {}
    fn unrecorded(&mut self, _: &str) {}
}
