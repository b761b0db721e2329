//! A calendar (RFC 5545): an event a run.

use std::io::{self, Write};

use super::forecast::Forecast;
use super::run_line::RunLine;
use crate::planner::RunId;
use crate::schedule::DueTime;

/// Bytes of a line, without its end.
const LINE: usize = 75;

/// Writes it; gives the number of runs.
pub(super) fn write(forecast: &Forecast, out: &mut dyn Write) -> io::Result<u64> {
    line(out, "BEGIN:VCALENDAR")?;
    line(out, "VERSION:2.0")?;
    line(out, "PRODID:-//freezerd//dry-run//EN")?;
    line(out, "CALSCALE:GREGORIAN")?;
    let mut count = 0;
    for run in forecast.runs() {
        event(out, &run, forecast.span.from)?;
        count += 1;
    }
    line(out, "END:VCALENDAR")?;
    Ok(count)
}

fn event(out: &mut dyn Write, run: &RunLine<'_>, stamp: DueTime) -> io::Result<()> {
    let what = [run.action, run.mode].join(" ");
    let mut description = format!(
        "job_id: {}\naction: {}\nlocal time: {}",
        run.job_id,
        what.trim(),
        run.local.format("%Y-%m-%d %H:%M:%S %:z")
    );
    description.push_str(&format!(" {}", run.timezone));
    if let Some(project) = run.project_id {
        description.push_str(&format!("\nproject_id: {project}"));
    }
    if !run.note.is_empty() {
        description.push_str(&format!("\n{}", run.note));
    }
    line(out, "BEGIN:VEVENT")?;
    // The same run has the same name in every list, so a calendar that is read in again is brought up to date.
    line(out, &format!("UID:{}@freezerd", RunId::new(run.job_id, run.due)))?;
    line(out, &format!("DTSTAMP:{}", compact(stamp)))?;
    line(out, &format!("DTSTART:{}", compact(run.due)))?;
    line(out, "DURATION:PT1M")?;
    line(out, &format!("SUMMARY:{}", escaped(run.name)))?;
    line(out, &format!("DESCRIPTION:{}", escaped(&description)))?;
    line(out, "TRANSP:TRANSPARENT")?;
    line(out, "END:VEVENT")
}

fn compact(instant: DueTime) -> String {
    instant.instant().format("%Y%m%dT%H%M%SZ").to_string()
}

/// A TEXT value.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            // No other control character may stand in a TEXT.
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// Writes one line, folded so that none is longer than 75 bytes and no character is cut.
fn line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut rest = text;
    let mut room = LINE;
    while rest.len() > room {
        let cut = (1..=room)
            .rev()
            .find(|at| rest.is_char_boundary(*at))
            .unwrap_or(rest.len());
        let (head, tail) = rest.split_at(cut);
        write!(out, "{head}\r\n ")?;
        rest = tail;
        room = LINE - 1;
    }
    write!(out, "{rest}\r\n")
}
