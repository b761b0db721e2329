//! CSV (RFC 4180): a header, then a line a run.

use std::borrow::Cow;
use std::io::{self, Write};

use super::forecast::Forecast;
use crate::cli::csv::{self, harmless, plain};

/// Writes it; gives the number of runs.
pub(super) fn write(forecast: &Forecast, out: &mut dyn Write) -> io::Result<u64> {
    let mut lines = csv::lines(out);
    let columns = [
        "due",
        "local",
        "timezone",
        "job_id",
        "name",
        "action",
        "mode",
        "project_id",
        "note",
    ];
    lines.write_record(columns).map_err(plain)?;
    let mut count = 0;
    for run in forecast.runs() {
        let (due, local) = (
            run.due.to_string(),
            run.local.format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        );
        let project = run.project_id.map_or("", |project| project.as_str());
        let texts = [
            run.timezone,
            run.job_id.as_str(),
            run.name,
            run.action,
            run.mode,
            project,
            &run.note,
        ];
        let cells = [Cow::Borrowed(due.as_str()), Cow::Borrowed(local.as_str())];
        let all = cells.into_iter().chain(texts.into_iter().map(harmless));
        lines
            .write_record(all.map(|cell| cell.into_owned()))
            .map_err(plain)?;
        count += 1;
    }
    lines.flush()?;
    Ok(count)
}
