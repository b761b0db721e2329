//! CSV (RFC 4180): a header, then a line a run.

use std::borrow::Cow;
use std::io::{self, Write};

use super::forecast::Forecast;

/// Writes it; gives the number of runs.
pub(super) fn write(forecast: &Forecast, out: &mut dyn Write) -> io::Result<u64> {
    let mut lines = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(out);
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
            &run.action,
            &run.mode,
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

/// Plans are named by other people, and spreadsheets run what begins like a formula: a `'` keeps it a text.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The error of the stream itself, so that a reader that went away is known for what it is.
fn plain(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
