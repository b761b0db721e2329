//! What was decided, told to the metrics and the log once it is safe in the ledger.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ledger::{Ledger, LedgerError};
use crate::observe::metrics::Metrics;
use crate::plan::JobId;
use crate::planner::{
    Admission, Outcome, Queued, Record, RunId, RunRecord, RunState, Sighting, Verdict, VerdictRecord,
};

use super::engine::{Store, StoreError, Witness};

/// The ledger, shared with the outbox.
pub(super) struct Shelf(pub(super) Arc<Mutex<Ledger>>);

impl Shelf {
    /// Works with it, on a thread that may wait for the disk.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        tokio::task::block_in_place(|| work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Store for Shelf {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let committed = ledger.commit(records).map(|_| ());
        committed.map_err(|error| untaken(&ledger, &error))
    }

    fn document(&self, job: &JobId) -> Result<Option<Arc<str>>, StoreError> {
        let ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = ledger
            .reader()
            .plan(job)
            .map_err(|error| untaken(&ledger, &error))?;
        Ok(plan.and_then(|plan| plan.document))
    }
}

fn untaken(ledger: &Ledger, error: &LedgerError) -> StoreError {
    ledger.note_damage(error);
    match error {
        // A damaged one is put aside when the daemon starts afresh.
        LedgerError::UnknownPlan { .. } | LedgerError::Started { .. } | LedgerError::Damaged { .. } => {
            StoreError::Refused(error.to_string())
        }
        _ => StoreError::Away(error.to_string()),
    }
}

/// Tells metrics and the log.
pub(super) struct Teller {
    pub(super) metrics: Arc<Metrics>,
    /// Why the ledger did not take the last decision; `None`: it did.
    pub(super) stuck: Option<String>,
    /// Runs that were decided and have not started. A run may be withdrawn until it starts, and a counter does
    /// not count down: so the verdict `run` is counted at the start.
    pub(super) unstarted: BTreeSet<RunId>,
    /// Another scheduler runs the plans, as it should.
    pub(super) shadow: bool,
}

impl Witness for Teller {
    fn recorded(&mut self, records: &[Record]) {
        if self.stuck.take().is_some() {
            tracing::info!("the ledger takes records again");
        }
        let withdrawn: BTreeSet<&RunId> = records
            .iter()
            .filter_map(|record| match record {
                Record::Withdraw { run } => Some(run),
                _ => None,
            })
            .collect();
        for record in records {
            // The verdict of a withdrawn run takes the place of one that was counted.
            let again = |verdict: &VerdictRecord| {
                !withdrawn.is_empty() && withdrawn.contains(&RunId::new(&verdict.job, verdict.last))
            };
            match record {
                Record::Verdict(verdict) => self.verdict(verdict, again(verdict)),
                Record::Skipped(skipped) => {
                    for verdict in skipped.verdicts() {
                        self.verdict(&verdict, again(&verdict));
                    }
                }
                Record::Queued(queued) => self.queued(queued, &withdrawn),
                Record::Run(run) => self.run(run),
                Record::Forget { job } => tracing::info!(job_id = %job, "plan is gone"),
                Record::Sighting(_) if self.shadow => {}
                Record::Sighting(seen) => self.foreign(seen),
                Record::Withdraw { run } => {
                    self.unstarted.remove(run);
                }
                Record::Plan { .. }
                | Record::Covered { .. }
                | Record::Since { .. }
                | Record::Report { .. }
                | Record::Backup { .. }
                | Record::SessionEnd { .. }
                | Record::Polled { .. } => {}
            }
        }
    }

    fn unrecorded(&mut self, why: &str) {
        self.metrics.ledger_error();
        if self.stuck.replace(why.to_owned()).is_none() {
            tracing::error!("nothing is launched until the ledger can be written: {why}");
        }
    }
}

/// What the session of a run says, if that is no.
fn session(run: &RunRecord) {
    let Some(mine) = &run.session else { return };
    let Some(refused) = mine.refused else { return };
    let (job_id, session, refused) = (&run.job, mine.session.as_str(), refused.word());
    match (mine.admission, run.state) {
        (Admission::Waiting, RunState::Queued) => {
            let again = run.not_before.map(tracing::field::display);
            tracing::warn!(%job_id, run = %run.id, session, refused, again, "its session does not let it start");
        }
        (Admission::Alone, RunState::Starting) => {
            tracing::warn!(%job_id, run = %run.id, session, refused, "runs without its session");
        }
        _ => {}
    }
}

impl Teller {
    fn foreign(&self, seen: &Sighting) {
        self.metrics.foreign_run();
        tracing::warn!(
            job_id = %seen.job,
            started = %seen.started,
            "another scheduler runs this plan too: is there another freezerd or freezer-scheduler of this client_id?",
        );
    }

    fn verdict(&mut self, record: &VerdictRecord, again: bool) {
        let VerdictRecord {
            job,
            first,
            last,
            count,
            verdict,
            ..
        } = record;
        // What had been coalesced into it was counted as that.
        let count = if again { &1 } else { count };
        if !again {
            self.metrics.due(*count);
        }
        // A run is counted when it starts.
        if !matches!(verdict, Verdict::Run(_)) {
            self.metrics.verdict(verdict, *count);
        }
        match verdict {
            Verdict::Run(run) => tracing::debug!(job_id = %job, due = %first, %run, "due"),
            Verdict::Coalesced(run) => {
                tracing::info!(job_id = %job, %first, %last, count, %run, "coalesced");
            }
            Verdict::Skipped(reason) => {
                tracing::info!(job_id = %job, %first, %last, count, reason = %reason.word(), "skipped");
            }
        }
    }

    /// Runs that wait together: each gets a record by itself before it starts.
    fn queued(&self, queued: &Queued, withdrawn: &BTreeSet<&RunId>) {
        let again = if withdrawn.is_empty() {
            0
        } else {
            queued.runs().filter(|run| withdrawn.contains(&run.id)).count()
        };
        let due = queued.jobs.len().saturating_sub(again);
        self.metrics.due(due.try_into().unwrap_or(u64::MAX));
        if tracing::enabled!(tracing::Level::DEBUG) {
            for run in queued.runs() {
                tracing::debug!(job_id = %run.job, due = %run.due, run = %run.id, "due");
            }
        }
    }

    fn run(&mut self, run: &RunRecord) {
        if matches!(run.state, RunState::Queued | RunState::Starting) {
            self.unstarted.insert(run.id.clone());
        }
        let started = matches!(run.state, RunState::Running | RunState::Done(_));
        if started && self.unstarted.remove(&run.id) {
            self.metrics.verdict(&Verdict::Run(run.id.clone()), 1);
        }
        match run.state {
            RunState::Queued if run.not_before.is_some() && !run.detail.is_empty() => {
                let (job_id, run, detail) = (&run.job, &run.id, run.detail.as_str());
                tracing::warn!(%job_id, %run, "a launch waits: {detail}");
            }
            RunState::Queued | RunState::Starting => session(run),
            RunState::Running => {
                let Some(started) = run.started else { return };
                let (late, waited) = (started - run.due.instant(), started - run.queued);
                self.metrics.run_started(late, waited);
                let late = late.num_milliseconds();
                tracing::info!(job_id = %run.job, run = %run.id, pid = run.pid, late_ms = late, "run started");
            }
            RunState::Done(outcome) => {
                let length = run.started.zip(run.ended).map(|(started, ended)| ended - started);
                self.metrics.run_ended(outcome, length);
                let seconds = length.map(|length| length.num_seconds());
                let (job_id, detail) = (&run.job, run.detail.as_str());
                match outcome {
                    Outcome::Success => tracing::info!(%job_id, run = %run.id, seconds, "run succeeded"),
                    Outcome::Aborted => {
                        tracing::warn!(%job_id, run = %run.id, seconds, detail, "run aborted")
                    }
                    Outcome::Fail => tracing::error!(%job_id, run = %run.id, seconds, detail, "run failed"),
                    Outcome::Lost => tracing::error!(%job_id, run = %run.id, detail, "run lost"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::observe::metrics::MetricsSettings;
    use crate::plan::JobId;
    use crate::planner::Reason;
    use crate::schedule::DueTime;

    fn run(state: RunState) -> RunRecord {
        let (job, due) = (JobId::new("a"), DueTime::from_epoch(3_600));
        RunRecord {
            state,
            ..RunRecord::new(job, due, due.instant())
        }
    }

    fn verdict(verdict: Verdict) -> Record {
        let due = DueTime::from_epoch(3_600);
        Record::Verdict(VerdictRecord {
            job: JobId::new("a"),
            first: due,
            last: due,
            count: 1,
            verdict,
            decided: due.instant(),
        })
    }

    /// What is counted of `verdict`, and of due times, after `steps`.
    fn counted(steps: &[&[Record]], verdict: &str) -> (Option<String>, Option<String>) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let settings = MetricsSettings {
            plan_limit: 0,
            poll_every: None,
            shadow: false,
        };
        let metrics = Arc::new(Metrics::new(settings, clock));
        let mut teller = Teller {
            metrics: Arc::clone(&metrics),
            stuck: None,
            unstarted: BTreeSet::new(),
            shadow: false,
        };
        for records in steps {
            teller.recorded(records);
        }
        let text = metrics.encode().unwrap();
        let value = |series: String| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&series)?.strip_prefix(' '));
            line.map(str::to_owned)
        };
        (
            value(format!("freezerd_verdicts_total{{{verdict}}}")),
            value("freezerd_due_times_total".to_owned()),
        )
    }

    #[test]
    fn a_run_that_is_withdrawn_counts_as_its_reason_alone() {
        let queued = run(RunState::Queued);
        let due = [
            Record::Run(queued.clone()),
            verdict(Verdict::Run(queued.id.clone())),
        ];
        let withdrawn = [
            Record::Withdraw {
                run: queued.id.clone(),
            },
            verdict(Verdict::Skipped(Reason::SessionRefused)),
        ];
        let refused = r#"verdict="skipped",reason="session-refused""#;
        let ran = r#"verdict="run",reason="none""#;
        let one = Some("1".to_owned());
        assert_eq!(counted(&[&due, &withdrawn], refused), (one.clone(), one.clone()));
        assert_eq!(
            counted(&[&due, &withdrawn], ran),
            (Some("0".to_owned()), one.clone())
        );
        let over = [
            Record::Run(run(RunState::Running)),
            Record::Run(run(RunState::Done(Outcome::Success))),
        ];
        assert_eq!(counted(&[&due, &over], ran), (one.clone(), one));
    }

    #[test]
    fn a_due_time_that_went_with_a_run_that_is_withdrawn_was_counted_as_coalesced() {
        let queued = run(RunState::Queued);
        let over = |first: i64, last: i64, count, verdict| {
            Record::Verdict(VerdictRecord {
                job: queued.job.clone(),
                first: DueTime::from_epoch(first),
                last: DueTime::from_epoch(last),
                count,
                verdict,
                decided: queued.queued,
            })
        };
        let due = [
            over(0, 1_800, 2, Verdict::Coalesced(queued.id.clone())),
            over(3_600, 3_600, 1, Verdict::Run(queued.id.clone())),
        ];
        let run = queued.id.clone();
        let withdrawn = [
            Record::Withdraw { run },
            over(0, 3_600, 3, Verdict::Skipped(Reason::Superseded)),
        ];
        let [one, two, three] = ["1", "2", "3"].map(|count| Some(count.to_owned()));
        let superseded = r#"verdict="skipped",reason="superseded""#;
        let coalesced = r#"verdict="coalesced",reason="none""#;
        assert_eq!(counted(&[&due, &withdrawn], superseded), (one, three.clone()));
        assert_eq!(counted(&[&due, &withdrawn], coalesced), (two, three));
    }
}
