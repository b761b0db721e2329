//! A continuous plan whose run could not be started (its agent is missing, say) is due again after a pause that doubles
//! with each further one: else it would be tried every second for ever, and each try is a run in the ledger and a report.
//!
//! A run that was started ends that, however it ends, and so does whoever may have mended the cause: a user who edits
//! the plan's schedule or starts it, an operator who has the configuration read again. It is kept in memory alone: a
//! daemon that starts afresh counts from the beginning.

use std::collections::BTreeMap;

use crate::plan::JobId;

use super::{Outcome, RunRecord};

/// The longest pause, in seconds.
const LONGEST: i64 = 300;

/// Of each continuous plan whose last run could not be started, the pause after it, in seconds.
#[derive(Debug, Default)]
pub(super) struct BackOff(BTreeMap<JobId, i64>);

impl BackOff {
    /// A run of a continuous plan is over: in how many seconds it is due again.
    pub(super) fn after(&mut self, run: &RunRecord, outcome: Outcome) -> i64 {
        let started = run.started.is_some() || matches!(outcome, Outcome::Success | Outcome::Aborted);
        if started {
            self.0.remove(&run.job);
            return 1;
        }
        let pause = self.0.entry(run.job.clone()).or_default();
        *pause = pause.saturating_mul(2).clamp(1, LONGEST);
        *pause
    }

    /// Whoever waits need not wait any longer; whether `job` does.
    pub(super) fn forget(&mut self, job: &JobId) -> bool {
        self.0.remove(job).is_some()
    }
}
