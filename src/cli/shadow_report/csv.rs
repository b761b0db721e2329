//! CSV (RFC 4180): a header, then a line a due time.

use std::io::{self, Write};

use super::report::Report;
use crate::cli::csv::{self, harmless, plain};
use crate::cli::times::rfc3339;
use crate::schedule::DueTime;

const COLUMNS: [&str; 17] = [
    "job_id",
    "name",
    "project_id",
    "due",
    "last_due",
    "count",
    "local",
    "timezone",
    "freezerd",
    "reason",
    "scheduler",
    "runs",
    "started",
    "ended",
    "result",
    "late_seconds",
    "same",
];

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = csv::lines(out);
    lines.write_record(COLUMNS).map_err(plain)?;
    let text = |due: Option<DueTime>| due.map_or_else(String::new, |due| due.to_string());
    for line in &report.lines {
        let project = line.project_id.as_ref().map_or("", |project| project.as_str());
        let cells: [String; COLUMNS.len()] = [
            harmless(line.job_id.as_str()).into_owned(),
            harmless(&line.name).into_owned(),
            harmless(project).into_owned(),
            text(line.due),
            text(line.last_due),
            line.count.to_string(),
            line.local.format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            line.timezone.name().to_owned(),
            line.freezerd.to_owned(),
            line.reason.unwrap_or_default().to_owned(),
            line.scheduler.word().to_owned(),
            line.runs.to_string(),
            text(line.started),
            line.ended.map_or_else(String::new, rfc3339),
            line.result
                .as_deref()
                .map_or_else(String::new, |result| harmless(result).into_owned()),
            line.late_seconds
                .map_or_else(String::new, |late| late.to_string()),
            line.same.map_or_else(String::new, |same| same.to_string()),
        ];
        lines.write_record(cells).map_err(plain)?;
    }
    lines.flush()
}
