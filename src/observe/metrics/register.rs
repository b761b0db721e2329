//! Names, help texts and units.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::label::VersionLabel;

impl Metrics {
    /// Puts every metric under its name. (Help texts get their full stop from the library.)
    pub(super) fn register(&mut self, now: DateTime<Utc>) {
        let started: Gauge = Gauge::default();
        started.set(now.timestamp());
        let build = Info::new(VersionLabel {
            version: env!("CARGO_PKG_VERSION"),
        });
        let all = &mut self.registry;
        all.register("build", "Which freezerd this is", build);
        all.register_with_unit("start_timestamp", "When it was started", Unit::Seconds, started);
        all.register(
            "shadow",
            "1: it decides and records, and launches nothing",
            self.shadow.clone(),
        );
        all.register("plans", "Plans by state", self.plans.clone());
        all.register(
            "problems",
            "Documents, or parts of them, that cannot be used; `freezerd check` names them",
            self.problems.clone(),
        );
        all.register("due_times", "Due times that have come", self.due.clone());
        all.register(
            "verdicts",
            "Due times by what became of them (a run counts when it starts), and why not run",
            self.verdicts.clone(),
        );
        all.register("runs", "Runs that ended, by outcome", self.runs.clone());
        all.register("runs_running", "Runs being executed", self.running.clone());
        all.register_with_unit(
            "run_lateness",
            "From a run's due time to the start of its agent",
            Unit::Seconds,
            self.lateness.clone(),
        );
        all.register_with_unit(
            "queue_wait",
            "From the decision to run to the start of its agent: waiting for a free place or a window",
            Unit::Seconds,
            self.queue_wait.clone(),
        );
        all.register_with_unit(
            "run_duration",
            "From the start of a run's first agent to its end, retries included",
            Unit::Seconds,
            self.run_duration.clone(),
        );
        all.register(
            "queue_depth",
            "Runs waiting to be started",
            self.queue_depth.clone(),
        );
        all.register_with_unit(
            "poll_interval",
            "How often plans are listed",
            Unit::Seconds,
            self.poll_interval.clone(),
        );
        all.register_with_unit(
            "poll_duration",
            "How long complete listings took",
            Unit::Seconds,
            self.poll_duration.clone(),
        );
        all.register(
            "poll_errors",
            "Polls that brought no complete listing",
            self.poll_errors.clone(),
        );
        all.register(
            "config_last_reload_successful",
            "0: the configuration file is wrong, the old settings are in force",
            self.reload_ok.clone(),
        );
        all.register_with_unit(
            "config_last_reload_success_timestamp",
            "When the settings in force were loaded",
            Unit::Seconds,
            self.reload_at.clone(),
        );
        all.register(
            "ledger_errors",
            "Writes and reads of the ledger that failed",
            self.ledger_errors.clone(),
        );
        all.register(
            "copy_errors",
            "Listings whose copy in `source.copy` could not be kept",
            self.copy_errors.clone(),
        );
        all.register(
            "foreign_runs",
            "Runs of our plans that another scheduler started",
            self.foreign_runs.clone(),
        );
        all.register_collector(Box::new(Arc::clone(&self.snapshots)));
    }
}
