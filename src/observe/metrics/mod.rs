//! Metrics: what the daemon counts, in OpenMetrics text.
//!
//! All names begin with `freezerd_`; units are seconds; every label value that can occur exists from the
//! start at 0, so that a rate is right from the first event. The daemon calls one method an event; gauges
//! per plan are worked out at the scrape ([`scrape`]). Each method is cheap, and none can fail.

mod buckets;
mod label;
mod register;
mod scrape;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use label::{PollFailure, VerdictKind};
pub use scrape::PlanGauge;

use crate::clock::Clock;
use crate::planner::{Outcome, Verdict};
use buckets::{LATENESS, POLL, QUEUE_WAIT, RUN};
use label::{KindLabel, OutcomeLabel, StateLabel, VerdictLabels};
use scrape::Snapshots;

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is said at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsSettings {
    /// How many plans get series of their own, at most.
    pub plan_limit: usize,
    /// Seconds between polls of the source; `None`: it is watched, not polled.
    pub poll_every: Option<Duration>,
    /// Decides and records, launches nothing.
    pub shadow: bool,
}

/// How many plans there are, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanCounts {
    /// Will be due again.
    pub active: u64,
    /// Stopped by their users.
    pub stopped: u64,
    /// Disabled.
    pub disabled: u64,
    /// With actions that this node may not or cannot carry out.
    pub unsupported: u64,
    /// Without a schedule; they never run by themselves.
    pub manual: u64,
    /// With a schedule that will never be due again.
    pub finished: u64,
    /// Documents, or parts of them, that cannot be used. (Not plans, so in none of the above.)
    pub problems: u64,
}

/// What the ledger remembers, from which the counters go on after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Due times with a verdict.
    pub due: u64,
    /// Due times by verdict.
    pub verdicts: Vec<(VerdictKind, u64)>,
    /// Ended runs by outcome.
    pub runs: Vec<(Outcome, u64)>,
    /// When a complete listing was last taken in.
    pub last_poll: Option<DateTime<Utc>>,
}

/// All metrics of the daemon. Shared by `Arc`; every method takes `&self`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    plan_limit: AtomicUsize,
    plans: Family<StateLabel, Gauge>,
    problems: Gauge,
    due: Counter,
    verdicts: Family<VerdictLabels, Counter>,
    runs: Family<OutcomeLabel, Counter>,
    running: Gauge,
    lateness: Histogram,
    queue_wait: Histogram,
    run_duration: Histogram,
    queue_depth: Gauge,
    poll_interval: Gauge<f64, AtomicU64>,
    poll_duration: Histogram,
    poll_errors: Family<KindLabel, Counter>,
    reload_ok: Gauge,
    reload_at: Gauge,
    ledger_errors: Counter,
    copy_errors: Counter,
    foreign_runs: Counter,
    shadow: Gauge,
    snapshots: Arc<Snapshots>,
}

impl Metrics {
    /// Everything at 0. The configuration counts as loaded now.
    #[must_use]
    pub fn new(settings: MetricsSettings, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        let mut metrics = Self {
            registry: Registry::with_prefix("freezerd"),
            plan_limit: AtomicUsize::new(settings.plan_limit),
            plans: Family::default(),
            problems: Gauge::default(),
            due: Counter::default(),
            verdicts: Family::default(),
            runs: Family::default(),
            running: Gauge::default(),
            lateness: Histogram::new(LATENESS),
            queue_wait: Histogram::new(QUEUE_WAIT),
            run_duration: Histogram::new(RUN),
            queue_depth: Gauge::default(),
            poll_interval: Gauge::default(),
            poll_duration: Histogram::new(POLL),
            poll_errors: Family::default(),
            reload_ok: Gauge::default(),
            reload_at: Gauge::default(),
            ledger_errors: Counter::default(),
            copy_errors: Counter::default(),
            foreign_runs: Counter::default(),
            shadow: Gauge::default(),
            snapshots: Arc::new(Snapshots::new(clock)),
        };
        metrics.set_plans(PlanCounts::default());
        for kind in VerdictKind::all() {
            metrics.count_verdict(kind, 0);
        }
        for outcome in Outcome::ALL {
            metrics.count_run(outcome, 0);
        }
        for failure in PollFailure::ALL {
            metrics
                .poll_errors
                .get_or_create_owned(&KindLabel { kind: failure.word() });
        }
        metrics.set_poll_every(settings.poll_every);
        metrics.set_shadow(settings.shadow);
        metrics.reloaded(true, now);
        metrics.register(now);
        metrics
    }

    /// Beside all else tells how many lines of the log were lost.
    #[must_use]
    pub fn with_log(mut self, lost: Counter) -> Self {
        self.registry.register(
            "log_lines_lost",
            "Lines of the log that were lost, because nobody took them (the journal hung, or a pipe was not read)",
            lost,
        );
        self
    }

    /// All of it, as OpenMetrics text.
    ///
    /// # Errors
    /// None that is known: it writes to memory. (A number beyond the format's would be one.)
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Lets the counters go on where the ledger says they were. To be called once, before anything else.
    pub fn restore_totals(&self, totals: &Totals) {
        self.due.inc_by(totals.due);
        for (kind, count) in &totals.verdicts {
            self.count_verdict(*kind, *count);
        }
        for (outcome, count) in &totals.runs {
            self.count_run(*outcome, *count);
        }
        self.snapshots.set_last_poll(totals.last_poll);
    }

    /// `count` due times have come.
    pub fn due(&self, count: u64) {
        self.due.inc_by(count);
    }

    /// `count` due times got this verdict.
    pub fn verdict(&self, verdict: &Verdict, count: u64) {
        self.count_verdict(verdict.into(), count);
    }

    /// A run's first agent was started, so long after its due time, and so long after it was decided.
    pub fn run_started(&self, lateness: TimeDelta, waited: TimeDelta) {
        self.lateness.observe(length(lateness));
        self.queue_wait.observe(length(waited));
    }

    /// A run ended. `duration`: since its first agent was started; `None`: it was never, or nobody knows.
    pub fn run_ended(&self, outcome: Outcome, duration: Option<TimeDelta>) {
        self.count_run(outcome, 1);
        if let Some(duration) = duration {
            self.run_duration.observe(length(duration));
        }
    }

    /// A complete listing was taken in at `at`.
    pub fn poll_ok(&self, duration: Duration, at: DateTime<Utc>) {
        self.poll_duration.observe(duration.as_secs_f64());
        self.snapshots.set_last_poll(Some(at));
    }

    /// A poll brought no complete listing.
    pub fn poll_failed(&self, failure: PollFailure) {
        self.poll_errors
            .get_or_create_owned(&KindLabel { kind: failure.word() })
            .inc();
    }

    /// The ledger could not be written or read.
    pub fn ledger_error(&self) {
        self.ledger_errors.inc();
    }

    /// A run was seen that another scheduler started.
    pub fn foreign_run(&self) {
        self.foreign_runs.inc();
    }

    /// The folder copy of the listing is not what it should be.
    pub fn copy_failed(&self) {
        self.copy_errors.inc();
    }

    /// The configuration was read again at `at`, and is in force (`ok`) or not.
    pub fn reloaded(&self, ok: bool, at: DateTime<Utc>) {
        self.reload_ok.set(i64::from(ok));
        if ok {
            self.reload_at.set(at.timestamp());
        }
    }

    /// Whether it launches nothing.
    pub fn set_shadow(&self, shadow: bool) {
        self.shadow.set(i64::from(shadow));
    }

    /// How often the source is polled; `None`: it is watched.
    pub fn set_poll_every(&self, every: Option<Duration>) {
        self.poll_interval.set(every.unwrap_or_default().as_secs_f64());
    }

    /// How many plans there are.
    pub fn set_plans(&self, counts: PlanCounts) {
        let PlanCounts {
            active,
            stopped,
            disabled,
            unsupported,
            manual,
            finished,
            problems,
        } = counts;
        for (state, count) in [
            ("active", active),
            ("stopped", stopped),
            ("disabled", disabled),
            ("unsupported", unsupported),
            ("manual", manual),
            ("finished", finished),
        ] {
            self.plans
                .get_or_create_owned(&StateLabel { state })
                .set(gauge(count));
        }
        self.problems.set(gauge(problems));
    }

    /// How many runs wait.
    pub fn set_queue(&self, depth: usize) {
        self.queue_depth.set(gauge(depth));
    }

    /// How many runs are being executed.
    pub fn set_running(&self, runs: usize) {
        self.running.set(gauge(runs));
    }

    /// How many reports wait for the API, and since when the oldest does.
    pub fn set_backlog(&self, reports: u64, oldest: Option<DateTime<Utc>>) {
        self.snapshots.set_backlog(reports, oldest);
    }

    /// How many plans get series of their own: [`set_plan_gauges`](Self::set_plan_gauges) needs no more.
    #[must_use]
    pub fn plan_limit(&self) -> usize {
        self.plan_limit.load(Ordering::Relaxed)
    }

    /// Another such number, for the next [`set_plan_gauges`](Self::set_plan_gauges).
    pub fn set_plan_limit(&self, limit: usize) {
        self.plan_limit.store(limit, Ordering::Relaxed);
    }

    /// Replaces the series per plan: those of the first [`plan_limit`](Self::plan_limit) of `gauges` by
    /// `job_id`. `known`: how many plans there are in all, handed over or not.
    pub fn set_plan_gauges(&self, gauges: Vec<PlanGauge>, known: usize) {
        self.snapshots.set_plans(gauges, known, self.plan_limit());
    }

    fn count_verdict(&self, kind: VerdictKind, count: u64) {
        let (verdict, reason) = kind.words();
        self.verdicts
            .get_or_create_owned(&VerdictLabels { verdict, reason })
            .inc_by(count);
    }

    fn count_run(&self, outcome: Outcome, count: u64) {
        self.runs.get_or_create_owned(&outcome.into()).inc_by(count);
    }
}

/// Seconds; a clock that was set back in between makes none negative.
fn length(delta: TimeDelta) -> f64 {
    delta.to_std().unwrap_or_default().as_secs_f64()
}

fn gauge(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
