//! What another scheduler did, as listings show it: the evidence that `run --shadow` gathers. Without shadow there
//! must be no other, and what a listing shows of one is told: two of one `client_id` run everything twice.
//!
//! A document holds its last run only, so a run is seen when a listing comes while it is the last; one that
//! began and ended between two listings, with another after it, leaves no trace here. Each sighting therefore
//! says in which stretch of time it may hide such runs.

use chrono::{DateTime, Utc};

use crate::plan::{Dialect, JobId, Plan};
use crate::schedule::DueTime;

use super::{Brief, Decision, Planner, Record};

/// A run of another scheduler, as its plan's document tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Of which plan.
    pub job: JobId,
    /// When it started, by the scheduler's clock; the API keeps whole seconds.
    pub started: DueTime,
    /// When it ended; `None`: it was not over when it was last seen.
    pub ended: Option<DateTime<Utc>>,
    /// `success`, `fail`, `aborted`; empty when it was not over.
    pub result: String,
    /// When it was first seen.
    pub seen: DateTime<Utc>,
    /// When the last complete listing before that was asked for: runs that started between then and `started`
    /// cannot have been seen. `None`: there was none before.
    pub unseen: Option<DateTime<Utc>>,
}

impl Planner {
    /// Records what `plan` says of its last run, if freezerd only watches and `known` did not say it already; else
    /// that it is another scheduler's. Gives when the run started, if it was recorded.
    pub(super) fn sight(
        &self,
        now: DateTime<Utc>,
        known: Option<&Brief>,
        plan: &Plan,
        out: &mut Decision,
    ) -> Option<DueTime> {
        let started = DueTime::floor(plan.reported.started?);
        let ended = plan.reported.ended;
        if !self.policy.shadow && (known.is_none() || !self.is_foreign(started, plan)) {
            return None;
        }
        let said = |known: &Brief| {
            known.started == Some(started)
                && known.ended == ended.map(DueTime::floor)
                && *known.common.result == *plan.reported.result
        };
        if known.is_some_and(said) {
            return None;
        }
        out.records.push(Record::Sighting(Sighting {
            job: plan.id.clone(),
            started,
            ended,
            result: plan.reported.result.clone(),
            seen: now,
            unseen: self.polled,
        }));
        Some(started)
    }

    /// Whether a run of `plan` that started then is certainly not ours, and was not told yet: it started or ended in this
    /// life of the daemon, and after all that runs of ours have done. (An edit writes back what its user has read,
    /// which may be old. What two start in one second, seldom ends in one.)
    fn is_foreign(&self, started: DueTime, plan: &Plan) -> bool {
        let latest = plan.reported.ended.map(DueTime::floor).max(Some(started));
        // The platform starts and stamps runs itself.
        plan.dialect == Dialect::Upstream
            && self.begun.is_some_and(|begun| latest > Some(begun))
            && latest > self.done.get(&plan.id).copied()
            && self.foreign.get(&plan.id) != Some(&started)
    }

    /// Notes that a run of ours started or ended.
    pub(super) fn note_done(&mut self, job: &JobId, at: DateTime<Utc>) {
        let at = DueTime::floor(at);
        let latest = self.done.entry(job.clone()).or_insert(at);
        *latest = (*latest).max(at);
    }
}
