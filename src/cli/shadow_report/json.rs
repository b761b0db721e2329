//! One object.

use std::io::{self, Write};

use super::report::{Report, Summary};
use crate::cli::json::list;
use crate::cli::times::rfc3339;

pub(super) fn write(report: &Report, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"timezone\": ")?;
    serde_json::to_writer(&mut *out, report.zone.name())?;
    write!(out, ", \"listed\": ")?;
    serde_json::to_writer(&mut *out, &report.listed.map(rfc3339))?;
    writeln!(out, ",")?;
    list(out, "due_times", report.lines.iter())?;
    writeln!(out, ",")?;
    list(out, "not_compared", report.not_compared.iter())?;
    write!(out, ",\n \"summary\": ")?;
    serde_json::to_writer(&mut *out, summary)?;
    writeln!(out, "}}")
}
