//! What is worked out at the moment of a scrape: gauges per plan, and those that may have no value.
//!
//! The daemon hands over a snapshot; nothing is kept twice, and a plan that is gone leaves no series behind.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::label::{identity, shown};
use crate::clock::Clock;
use crate::plan::{JobId, ProjectId};
use crate::schedule::DueTime;

/// What is shown of one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanGauge {
    /// Which plan.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: Option<ProjectId>,
    /// Its next due time; `None`: there is none, or it does not run by itself.
    pub next_due: Option<DueTime>,
    /// When its last successful run ended.
    pub last_success: Option<DateTime<Utc>>,
    /// From when on it is late by its own cadence; `None`: it cannot be late (stopped, disabled, manual).
    pub rpo_deadline: Option<DueTime>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlanLabels {
    job_id: String,
    name: String,
    project_id: String,
}

/// One plan's series, ready to be written.
#[derive(Debug)]
struct Series {
    labels: PlanLabels,
    next_due: Option<i64>,
    last_success: Option<i64>,
    rpo_deadline: Option<i64>,
}

/// The plans a scrape shows.
#[derive(Debug, Default)]
struct Plans {
    series: Vec<Series>,
    omitted: u64,
}

/// Reports that the API has not taken yet.
#[derive(Debug, Clone, Copy, Default)]
struct Backlog {
    reports: u64,
    oldest: Option<DateTime<Utc>>,
}

/// The snapshots, and the collector that reads them.
pub(super) struct Snapshots {
    clock: Arc<dyn Clock>,
    plans: RwLock<Arc<Plans>>,
    backlog: RwLock<Backlog>,
    last_poll: RwLock<Option<DateTime<Utc>>>,
}

impl std::fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}

impl Snapshots {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            plans: RwLock::default(),
            backlog: RwLock::default(),
            last_poll: RwLock::default(),
        }
    }

    /// Shows the first `limit` of `gauges` by job id. `known`: how many plans there are in all.
    pub(super) fn set_plans(&self, mut gauges: Vec<PlanGauge>, known: usize, limit: usize) {
        gauges.sort_by(|a, b| a.job.cmp(&b.job));
        gauges.dedup_by(|a, b| a.job == b.job);
        let known = known.max(gauges.len());
        gauges.truncate(limit);
        let series: Vec<_> = gauges.iter().map(series).collect();
        let omitted = u64::try_from(known - series.len()).unwrap_or(u64::MAX);
        *self.plans.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Plans { series, omitted });
    }

    pub(super) fn set_backlog(&self, reports: u64, oldest: Option<DateTime<Utc>>) {
        *self.backlog.write().unwrap_or_else(PoisonError::into_inner) = Backlog { reports, oldest };
    }

    pub(super) fn set_last_poll(&self, at: Option<DateTime<Utc>>) {
        *self.last_poll.write().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

fn series(gauge: &PlanGauge) -> Series {
    Series {
        labels: PlanLabels {
            job_id: identity(gauge.job.as_str()),
            name: shown(&gauge.name),
            project_id: gauge
                .project
                .as_ref()
                .map_or_else(String::new, |project| identity(project.as_str())),
        },
        next_due: gauge.next_due.map(DueTime::epoch),
        last_success: gauge.last_success.map(|at| at.timestamp()),
        rpo_deadline: gauge.rpo_deadline.map(DueTime::epoch),
    }
}

impl Collector for Snapshots {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let encoder = &mut encoder;
        let plans = Arc::clone(&self.plans.read().unwrap_or_else(PoisonError::into_inner));
        plan_gauge(
            encoder,
            &plans,
            "plan_next_due_timestamp",
            "When the plan is due next; absent when never.",
            |series| series.next_due,
        )?;
        plan_gauge(
            encoder,
            &plans,
            "plan_last_success_timestamp",
            "When the plan's last successful run ended; absent when none is known.",
            |series| series.last_success,
        )?;
        plan_gauge(
            encoder,
            &plans,
            "plan_rpo_deadline_timestamp",
            "From when on the plan is late by its own cadence; absent when it cannot be late.",
            |series| series.rpo_deadline,
        )?;
        number(
            encoder,
            "plan_series_omitted",
            "Plans without series of their own, because of the configured limit.",
            plans.omitted,
        )?;

        let backlog = *self.backlog.read().unwrap_or_else(PoisonError::into_inner);
        number(
            encoder,
            "report_backlog",
            "Reports that the API has not taken yet.",
            backlog.reports,
        )?;
        if let Some(oldest) = backlog.oldest {
            seconds(
                encoder,
                "report_backlog_oldest_timestamp",
                "Since when the oldest of them waits; absent when none does.",
                oldest.timestamp(),
            )?;
        }

        let last_poll = *self.last_poll.read().unwrap_or_else(PoisonError::into_inner);
        seconds(
            encoder,
            "poll_last_success_timestamp",
            "When a complete listing was last taken in; 0 when never.",
            last_poll.map_or(0, |at| at.timestamp()),
        )?;
        if let Some(at) = last_poll {
            let age = (self.clock.now() - at).num_seconds().max(0);
            seconds(
                encoder,
                "poll_age",
                "Time since then, at this scrape; absent when never.",
                age,
            )?;
        }
        Ok(())
    }
}

fn plan_gauge(
    encoder: &mut DescriptorEncoder<'_>,
    plans: &Plans,
    name: &str,
    help: &str,
    value: impl Fn(&Series) -> Option<i64>,
) -> std::fmt::Result {
    let mut samples = plans
        .series
        .iter()
        .filter_map(|series| value(series).map(|value| (&series.labels, value)))
        .peekable();
    if samples.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
    for (labels, value) in samples {
        ConstGauge::new(value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn seconds(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> std::fmt::Result {
    let metric = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}

fn number(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> std::fmt::Result {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}
