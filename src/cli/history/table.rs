//! The table: for people.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr;

use super::{RunLine, Runs};
use crate::cli::screen::{BOLD, DIM, GREEN, Paint, RED, YELLOW, fit};
use crate::cli::times::{beside, between, lateness, stamp};
use crate::planner::Outcome;

/// The widest a plan's name is shown, in columns.
const NAME: usize = 40;

pub(super) fn write(runs: &Runs, now: DateTime<Utc>, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { colour };
    let title = format!("Runs, newest first, {}", runs.zone.name());
    writeln!(out, "{}\n", paint.on(BOLD, &title))?;
    if runs.lines.is_empty() {
        return writeln!(out, "There are none.");
    }
    let rows: Vec<[String; 5]> = runs.lines.iter().map(|run| cells(run, runs, now)).collect();
    let head = ["due", "plan", "state", "took", "started"].map(str::to_owned);
    let mut widths = [0; 5];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    if let Some(name) = widths.get_mut(1) {
        *name = NAME.min(*name);
    }
    let line = |row: &[String; 5], colours: [&str; 5], rest: &str| {
        let mut line = String::new();
        for ((cell, width), colour) in row.iter().zip(widths).zip(colours) {
            line.push_str(&format!("  {}", paint.on(colour, &fit(cell, width))));
        }
        format!("{line}  {rest}")
    };
    writeln!(out, "{}", line(&head, [DIM; 5], "").trim_end())?;
    for (row, run) in rows.iter().zip(&runs.lines) {
        let colours = ["", "", colour_of(run), "", DIM];
        writeln!(out, "{}", line(row, colours, &rest(run, runs)).trim_end())?;
    }
    Ok(())
}

/// `due`, `plan`, `state`, `took`, `started`
fn cells(run: &RunLine, runs: &Runs, now: DateTime<Utc>) -> [String; 5] {
    let took = match (run.duration_seconds, run.started, run.ended) {
        (Some(_), Some(started), Some(ended)) => between(started, ended),
        (_, Some(started), None) => format!("{} so far", between(started, now)),
        _ => String::new(),
    };
    let started = run
        .started
        .map_or_else(String::new, |started| lateness(run.due, started));
    let state = run.outcome.map_or(run.state, |outcome| outcome.word());
    [
        stamp(run.due, &runs.zone),
        run.name.clone(),
        state.to_owned(),
        took,
        started,
    ]
}

/// What does not fit a column.
fn rest(run: &RunLine, runs: &Runs) -> String {
    let mut parts = Vec::new();
    if run.timezone.name() != runs.zone.name() {
        parts.push(format!(
            "{} {}",
            run.local.format("%a %H:%M"),
            run.timezone.name()
        ));
    }
    if let Some(opens) = run.not_before {
        let until = beside(opens, run.due, &runs.zone);
        parts.push(if run.detail.is_empty() {
            format!("waits for its window until {until}")
        } else {
            format!("tried again at {until}:")
        });
    }
    if !run.detail.is_empty() {
        parts.push(run.detail.clone());
    }
    parts.join("  ")
}

fn colour_of(run: &RunLine) -> &'static str {
    match run.outcome {
        Some(Outcome::Success) => GREEN,
        Some(Outcome::Fail | Outcome::Lost) => RED,
        Some(Outcome::Aborted) => YELLOW,
        None => "",
    }
}
