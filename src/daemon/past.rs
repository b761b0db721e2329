//! What the ledger knows, as the planner takes it: plan by plan, so that never more than one document is held.

use crate::ledger::{Known, Restored, RestoredPlan};
use crate::plan::{self, Digester};
use crate::planner::{Aside, Brief, LastRun, LedgerPlan, Past};

/// The plans of a ledger, gathered for the planner.
#[derive(Debug)]
pub(super) struct Plans(Past);

impl Plans {
    /// None yet. Digests are made by this.
    pub(super) fn by(digester: Digester) -> Self {
        Self(Past {
            digester,
            ..Past::default()
        })
    }

    /// What is gathered.
    pub(super) fn briefs(&self) -> impl Iterator<Item = &Brief> {
        self.0.plans.iter().map(|known| &known.plan)
    }

    /// Takes in one of them.
    pub(super) fn take(&mut self, known: RestoredPlan<Known>) {
        let RestoredPlan {
            job,
            document,
            first_seen,
            since,
            covered,
            last_run,
            last_success,
        } = known;
        let last = last_run.as_ref().map(LastRun::from);
        let success = last_success.as_ref().map(LastRun::from);
        let Self(past) = self;
        let brief = match document {
            Known::Brief(brief) => Some(brief),
            Known::Document(text) => plan::parse(&text, job.as_str())
                .ok()
                .map(|parsed| Brief::of(&parsed.plan, &past.digester)),
        };
        match brief {
            Some(brief) => past.plans.push(LedgerPlan {
                plan: past.shared.brief(brief),
                first_seen,
                since,
                covered,
                last,
                success,
            }),
            None => past.aside.push(Aside {
                job,
                first_seen,
                covered,
                last,
                success,
            }),
        }
    }
}

/// All of it.
pub(super) fn whole(restored: Restored<Plans>) -> Past {
    Past {
        open: restored.open_runs,
        polled: restored.polled,
        ..restored.plans.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::JobId;
    use crate::schedule::DueTime;

    #[test]
    fn what_plans_have_in_common_is_shared_as_they_come_and_what_cannot_be_used_is_set_aside() {
        let mut plans = Plans::by(Digester::default());
        for (job, schedule) in [("a", "{}"), ("b", "{}"), ("c", "7")] {
            let actions = r#"[{"freezer_action": {"action": "backup"}}]"#;
            let text =
                format!(r#"{{"job_id": "{job}", "job_schedule": {schedule}, "job_actions": {actions}}}"#);
            plans.take(RestoredPlan {
                job: JobId::new(job),
                document: Known::Document(text.into()),
                first_seen: DueTime::from_epoch(1),
                since: None,
                covered: DueTime::from_epoch(2),
                last_run: None,
                last_success: None,
            });
        }
        let Past { plans, aside, .. } = plans.0;
        let [a, b] = &plans[..] else { panic!("{plans:?}") };
        assert!(Arc::ptr_eq(&a.plan.common, &b.plan.common));
        assert_eq!((aside.len(), aside[0].job.as_str()), (1, "c"));
    }
}
