//! CSV (RFC 4180): a header, then a line a run.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};

use super::Runs;
use crate::cli::csv::{self, harmless, plain};

const COLUMNS: [&str; 16] = [
    "run_id",
    "job_id",
    "name",
    "project_id",
    "due",
    "local",
    "timezone",
    "state",
    "outcome",
    "queued",
    "started",
    "ended",
    "lateness_seconds",
    "duration_seconds",
    "pid",
    "detail",
];

pub(super) fn write(runs: &Runs, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = csv::lines(out);
    lines.write_record(COLUMNS).map_err(plain)?;
    let instant = |at: Option<DateTime<Utc>>| {
        at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
    };
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for run in &runs.lines {
        let project = run.project_id.as_ref().map_or("", |project| project.as_str());
        let cells: [String; COLUMNS.len()] = [
            harmless(run.run_id.as_str()).into_owned(),
            harmless(run.job_id.as_str()).into_owned(),
            harmless(&run.name).into_owned(),
            harmless(project).into_owned(),
            run.due.to_string(),
            run.local.format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            run.timezone.name().to_owned(),
            run.state.to_owned(),
            run.outcome.map_or("", |outcome| outcome.word()).to_owned(),
            instant(run.queued),
            instant(run.started),
            instant(run.ended),
            number(run.lateness_seconds),
            number(run.duration_seconds),
            run.pid.map_or_else(String::new, |pid| pid.to_string()),
            harmless(&run.detail).into_owned(),
        ];
        lines.write_record(cells).map_err(plain)?;
    }
    lines.flush()
}
