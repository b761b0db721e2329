//! JSON: one object, a run a line.

use std::io::{self, Write};

use serde::Serialize;

use super::forecast::Forecast;

/// Writes it; gives the number of runs.
pub(super) fn write(forecast: &Forecast, out: &mut dyn Write) -> io::Result<u64> {
    write!(out, "{{\"timezone\": ")?;
    serde_json::to_writer(&mut *out, forecast.zone.name())?;
    writeln!(
        out,
        ", \"from\": \"{}\", \"until\": \"{}\",",
        forecast.span.from, forecast.span.until
    )?;
    let runs = list(out, "runs", forecast.runs())?;
    writeln!(out, ",")?;
    list(out, "problems", forecast.problems.iter())?;
    writeln!(out, ",")?;
    list(out, "not_scheduled", forecast.not_scheduled.iter())?;
    writeln!(out, "}}")?;
    Ok(runs)
}

fn list(out: &mut dyn Write, name: &str, items: impl Iterator<Item = impl Serialize>) -> io::Result<u64> {
    write!(out, " \"{name}\": [")?;
    let mut count = 0;
    for item in items {
        out.write_all(if count == 0 { b"\n  " } else { b",\n  " })?;
        serde_json::to_writer(&mut *out, &item)?;
        count += 1;
    }
    out.write_all(if count == 0 { b"]" } else { b"\n ]" })?;
    Ok(count)
}
