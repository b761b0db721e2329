//! JSON: one object, a run a line.

use std::io::{self, Write};

use super::forecast::Forecast;
use super::json_line::Lines;
use super::runs::Runs;
use crate::cli::json::list;

/// Writes it; gives the number of runs.
pub(super) fn write(forecast: &Forecast, out: &mut dyn Write) -> io::Result<u64> {
    write!(out, "{{\"timezone\": ")?;
    serde_json::to_writer(&mut *out, forecast.zone.name())?;
    writeln!(
        out,
        ", \"from\": \"{}\", \"until\": \"{}\",",
        forecast.span.from, forecast.span.until
    )?;
    let mut runs = Runs::new(&forecast.scheduled, forecast.span);
    let count = Lines::new(&forecast.scheduled)?.write(&mut runs, out)?;
    writeln!(out, ",")?;
    list(out, "problems", forecast.problems.iter())?;
    writeln!(out, ",")?;
    list(out, "not_scheduled", forecast.not_scheduled.iter())?;
    writeln!(out, "}}")?;
    Ok(count)
}
