//! What the ledger means, in memory and as simple as can be: the oracle of `random.rs`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use freezerd::ledger::{Restored, RestoredPlan, Tally, Upkeep};
use freezerd::plan::{JobId, ProjectId};
use freezerd::planner::{
    Outcome, Record, Report, RunId, RunRecord, RunState, SessionEnd, Verdict, VerdictRecord,
};
use freezerd::schedule::DueTime;

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub name: String,
    project: Option<ProjectId>,
    pub document: Option<Arc<str>>,
    pub first_seen: DueTime,
    pub since: Option<DueTime>,
    pub covered: DueTime,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub number: usize,
    pub job: JobId,
    pub run: Option<RunId>,
    pub report: Report,
    /// Number of the report that first answered the event.
    pub event_number: usize,
    pub attempts: u32,
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    /// In the order they were first recorded.
    pub plans: Vec<(JobId, Plan)>,
    pub verdicts: BTreeMap<(JobId, DueTime), VerdictRecord>,
    /// In the order they were first recorded.
    pub runs: Vec<RunRecord>,
    /// The due times of runs that wait together with others.
    waiting: BTreeMap<JobId, DueTime>,
    pub reports: Vec<Waiting>,
    pub next_report: usize,
    /// In the order they wait; plan and session are there once.
    pub ends: Vec<(JobId, RunId, SessionEnd)>,
    polled: Option<DateTime<Utc>>,
    tally: Tally,
}

impl Model {
    /// Whether the records can be committed; if not, nothing changes.
    pub fn commit(&mut self, records: &[Record]) -> bool {
        let mut next = self.clone();
        let fine = records.iter().all(|record| next.apply(record).is_some());
        if fine {
            *self = next;
        }
        fine
    }

    pub fn plan(&mut self, job: &JobId) -> Option<&mut Plan> {
        self.plans
            .iter_mut()
            .find(|(id, _)| id == job)
            .map(|(_, plan)| plan)
    }

    fn apply(&mut self, record: &Record) -> Option<()> {
        match record.clone() {
            Record::Plan {
                job,
                name,
                project,
                document,
                first_seen,
                covered,
                ..
            } => {
                let known = self.plan(&job).map(|plan| (plan.document.clone(), plan.covered));
                let known_since = self.plan(&job).and_then(|plan| plan.since);
                if let (None, Some((Some(_), before))) = (&document, &known)
                    && covered < *before
                {
                    self.open_again(&job, covered);
                }
                let document = Some(document.or(known.and_then(|(document, _)| document))?);
                let plan = Plan {
                    name,
                    project,
                    document,
                    first_seen,
                    since: known_since,
                    covered,
                };
                match self.plan(&job) {
                    Some(old) => *old = plan,
                    None => self.plans.push((job, plan)),
                }
            }
            Record::Covered { job, covered } => self.plan(&job)?.covered = covered,
            Record::Since { job, since } => self.plan(&job)?.since = Some(since),
            Record::Forget { job } => {
                let plan = self.plan(&job)?;
                (plan.document, plan.since) = (None, None);
            }
            Record::Skipped(skipped) => {
                for verdict in skipped.verdicts() {
                    self.apply(&Record::Verdict(verdict))?;
                }
            }
            Record::Queued(queued) => {
                for verdict in queued.verdicts() {
                    self.waiting.insert(verdict.job.clone(), queued.due);
                    self.apply(&Record::Verdict(verdict))?;
                }
            }
            Record::Verdict(verdict) => {
                let plan = self.plan(&verdict.job)?;
                plan.covered = plan.covered.max(verdict.last);
                *self.total(&verdict.verdict) += verdict.count;
                let key = (verdict.job.clone(), verdict.first);
                if let Some(old) = self.verdicts.insert(key, verdict) {
                    *self.total(&old.verdict) -= old.count;
                    self.tally.skipped.retain(|_, total| *total > 0);
                }
            }
            Record::Run(run) => {
                self.plan(&run.job)?;
                let old = self.runs.iter().position(|old| old.id == run.id);
                if let Some(RunState::Done(outcome)) = old.map(|old| self.runs[old].state) {
                    *self.outcomes(outcome) -= 1;
                }
                if let RunState::Done(outcome) = run.state {
                    *self.outcomes(outcome) += 1;
                }
                if self.waiting.get(&run.job) == Some(&run.due) {
                    self.waiting.remove(&run.job);
                }
                match old {
                    Some(old) => self.runs[old] = run,
                    None => self.runs.push(run),
                }
            }
            Record::SessionEnd { job, run, end } => {
                self.plan(&job)?;
                self.ends
                    .retain(|(of, _, old)| (of, &old.session) != (&job, &end.session));
                self.ends.push((job, run, end));
            }
            Record::Withdraw { run } => {
                let old = self.runs.iter().position(|old| {
                    old.id == run && matches!(old.state, RunState::Queued | RunState::Starting)
                });
                let run = match old {
                    Some(old) => self.runs.remove(old),
                    None => {
                        let waits = self.waits().into_iter().find(|waits| waits.id == run)?;
                        self.waiting.remove(&waits.job);
                        waits
                    }
                };
                let verdict = self.verdicts.entry((run.job, run.due));
                if let Entry::Occupied(verdict) = verdict
                    && matches!(verdict.get().verdict, Verdict::Run(_))
                {
                    let void = verdict.remove();
                    *self.total(&void.verdict) -= void.count;
                }
            }
            Record::Report { job, run, mut report } => {
                self.plan(&job)?;
                let number = self.next_report;
                self.next_report += 1;
                let mut event_number = number;
                if let Some(old) = self.reports.iter().position(|old| old.job == job) {
                    let old = self.reports.remove(old);
                    report.time_started = report.time_started.or(old.report.time_started);
                    report.time_ended = report.time_ended.or(old.report.time_ended);
                    report.current_pid = report.current_pid.or(old.report.current_pid);
                    report.session = report.session.or(old.report.session);
                    if report.answers_event.is_none() {
                        report.answers_event = old.report.answers_event;
                        event_number = old.event_number;
                    }
                }
                self.reports.push(Waiting {
                    number,
                    job,
                    run,
                    report,
                    event_number,
                    attempts: 0,
                });
            }
            // Shown by backups.rs and sightings.rs.
            Record::Backup { .. } | Record::Sighting(_) => {}
            Record::Polled { at } => self.polled = Some(at),
        }
        Some(())
    }

    /// The clock had been wrong: the verdicts beyond `covered` are void.
    fn open_again(&mut self, job: &JobId, covered: DueTime) {
        let beyond = |(of, first): &(JobId, DueTime)| of == job && *first > covered;
        let void: Vec<_> = self.verdicts.keys().filter(|key| beyond(key)).cloned().collect();
        for key in void {
            if let Some(old) = self.verdicts.remove(&key) {
                *self.total(&old.verdict) -= old.count;
            }
        }
        self.tally.skipped.retain(|_, total| *total > 0);
    }

    fn total(&mut self, verdict: &Verdict) -> &mut u64 {
        match verdict {
            Verdict::Run(_) => &mut self.tally.ran,
            Verdict::Coalesced(_) => &mut self.tally.coalesced,
            Verdict::Skipped(reason) => self.tally.skipped.entry(*reason).or_default(),
        }
    }

    fn outcomes(&mut self, outcome: Outcome) -> &mut u64 {
        &mut self
            .tally
            .outcomes
            .iter_mut()
            .find(|(other, _)| *other == outcome)
            .expect("all four")
            .1
    }

    pub fn delivered(&mut self, job: &JobId, number: usize) {
        self.reports.retain(|report| report.number != number);
        for report in self.reports.iter_mut().filter(|report| report.job == *job) {
            if report.event_number <= number {
                report.report.answers_event = None;
            }
        }
    }

    pub fn delivery_failed(&mut self, number: usize) {
        for report in self.reports.iter_mut().filter(|report| report.number == number) {
            report.attempts += 1;
        }
    }

    /// What waits, in the order it is to be delivered.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = self.reports.clone();
        waiting.sort_by_key(|report| (report.attempts, report.number));
        waiting
    }

    fn last(&self, job: &JobId, wanted: impl Fn(RunState) -> bool) -> Option<&RunRecord> {
        let runs = self
            .runs
            .iter()
            .filter(|run| run.job == *job && wanted(run.state));
        // Of two with one due time, the one recorded later.
        runs.max_by_key(|run| run.due)
    }

    fn last_done(&self, job: &JobId) -> Option<&RunRecord> {
        self.last(job, |state| matches!(state, RunState::Done(_)))
    }

    fn last_success(&self, job: &JobId) -> Option<&RunRecord> {
        self.last(job, |state| state == RunState::Done(Outcome::Success))
    }

    pub fn prune(&mut self, before: DueTime) {
        self.verdicts
            .retain(|(_, first), verdict| *first >= before || verdict.last >= before);
        let kept = |run: &RunRecord| {
            let living = self
                .plans
                .iter()
                .any(|(job, plan)| *job == run.job && plan.document.is_some());
            let last = [self.last_done(&run.job), self.last_success(&run.job)];
            let is_last = last.into_iter().flatten().any(|last| last.id == run.id);
            !matches!(run.state, RunState::Done(_)) || run.due >= before || (living && is_last)
        };
        self.runs = self.runs.iter().filter(|run| kept(run)).cloned().collect();
        let (runs, reports, ends) = (&self.runs, &self.reports, &self.ends);
        let waiting = &self.waiting;
        self.plans.retain(|(job, plan)| {
            plan.document.is_some()
                || plan.covered >= before
                || waiting.contains_key(job)
                || runs.iter().any(|run| run.job == *job)
                || reports.iter().any(|report| report.job == *job)
                || ends.iter().any(|(of, ..)| of == job)
        });
        let plans = &self.plans;
        self.verdicts
            .retain(|(job, _), _| plans.iter().any(|(id, _)| id == job));
    }

    pub fn restored(&self) -> Restored {
        let plans = self.plans.iter().filter_map(|(job, plan)| {
            Some(RestoredPlan {
                job: job.clone(),
                document: plan.document.clone()?,
                first_seen: plan.first_seen,
                since: plan.since,
                covered: plan.covered,
                last_run: self.last_done(job).cloned(),
                last_success: self.last_success(job).cloned(),
            })
        });
        let open = self
            .runs
            .iter()
            .filter(|run| !matches!(run.state, RunState::Done(_)));
        Restored {
            plans: plans.collect(),
            open_runs: open.cloned().chain(self.waits()).collect(),
            polled: self.polled,
            tally: self.tally.clone(),
            upkeep: Upkeep::default(),
        }
    }

    /// The runs that wait together with others, in the order of their plans.
    pub fn waits(&self) -> Vec<RunRecord> {
        let waits = self.plans.iter().filter_map(|(job, plan)| {
            let due = *self.waiting.get(job)?;
            let verdict = self.verdicts.get(&(job.clone(), due));
            let decided = verdict.map_or(due.instant(), |verdict| verdict.decided);
            Some(RunRecord {
                project: plan.project.clone(),
                ..RunRecord::new(job.clone(), due, decided)
            })
        });
        waits.collect()
    }

    /// The verdicts of a plan, the latest first.
    pub fn verdicts(&self, job: &JobId) -> Vec<VerdictRecord> {
        self.verdicts
            .values()
            .rev()
            .filter(|verdict| verdict.job == *job)
            .cloned()
            .collect()
    }
}
