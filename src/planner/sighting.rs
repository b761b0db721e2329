//! What another scheduler did, as listings show it: the evidence that `run --shadow` gathers.
//!
//! A document holds its last run only, so a run is seen when a listing comes while it is the last; one that
//! began and ended between two listings, with another after it, leaves no trace here. Each sighting therefore
//! says in which stretch of time it may hide such runs.

use chrono::{DateTime, Utc};

use crate::plan::{JobId, Plan};
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
    /// Records what `plan` says of its last run, if freezerd only watches and `known` did not say it already.
    pub(super) fn sight(&self, now: DateTime<Utc>, known: Option<&Brief>, plan: &Plan, out: &mut Decision) {
        let Some(started) = plan.reported.started.filter(|_| self.policy.shadow) else {
            return;
        };
        let started = DueTime::floor(started);
        let ended = plan.reported.ended;
        let said = |known: &Brief| {
            known.started == Some(started)
                && known.ended == ended.map(DueTime::floor)
                && *known.common.result == *plan.reported.result
        };
        if known.is_some_and(said) {
            return;
        }
        out.records.push(Record::Sighting(Sighting {
            job: plan.id.clone(),
            started,
            ended,
            result: plan.reported.result.clone(),
            seen: now,
            unseen: self.polled,
        }));
    }
}
