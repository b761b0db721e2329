//! What `/metrics` shows of the planner, as of the moment somebody asks.

use crate::observe::metrics::{PlanCounts, PlanGauge};

use super::live::Daemon;

impl Daemon {
    /// Brings the gauges up to date: when somebody asks, not when nobody does.
    pub(super) fn refresh_gauges(&self) {
        let planner = self.main_loop.engine.planner();
        let counts = planner.counts();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.metrics.set_plans(PlanCounts {
            active: number(counts.scheduled),
            stopped: number(counts.stopped),
            disabled: number(counts.disabled),
            unsupported: number(counts.unsupported),
            manual: number(counts.manual),
            finished: number(counts.over),
            problems: number(self.trouble.count()),
        });
        self.metrics.set_queue(counts.queued + counts.held);
        self.metrics.set_running(counts.running);
        let plans = planner
            .plans(self.metrics.plan_limit())
            .into_iter()
            .map(|plan| PlanGauge {
                job: plan.job,
                name: plan.name,
                project: plan.project,
                next_due: plan.next.ok(),
                last_success: plan.last_success,
                rpo_deadline: plan.deadline,
            });
        self.metrics
            .set_plan_gauges(plans.collect(), planner.plan_count());
    }
}
