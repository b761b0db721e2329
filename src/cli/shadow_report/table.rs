//! The table: for people.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::line::{Line, Scheduler};
use super::report::Report;
use crate::cli::screen::{BOLD, DIM, GREEN, Paint, RED, YELLOW, fit};
use crate::cli::times::{length, stamp};

/// The widest a plan's name is shown, in columns.
const NAME: usize = 40;

pub(super) fn write(report: &Report, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { colour };
    let title = format!(
        "What freezerd would have done, and what freezer-scheduler did, {}",
        report.zone.name()
    );
    writeln!(out, "{}\n", paint.on(BOLD, &title))?;
    if report.lines.is_empty() {
        writeln!(out, "There is nothing to compare.")?;
    } else {
        rows(report, paint, out)?;
    }
    if !report.not_compared.is_empty() {
        writeln!(out, "\n{}", paint.on(BOLD, "Not compared"))?;
        for plan in &report.not_compared {
            writeln!(out, "  {}  {}", plan.name, plan.reason)?;
        }
    }
    Ok(())
}

fn rows(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let head = ["due", "plan", "freezerd", "freezer-scheduler"].map(str::to_owned);
    let rows: Vec<[String; 4]> = report.lines.iter().map(|line| cells(line, report)).collect();
    let mut widths = [0; 4];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    if let Some(name) = widths.get_mut(1) {
        *name = NAME.min(*name);
    }
    let line = |row: &[String; 4], colours: [&str; 4]| {
        let mut line = String::new();
        for ((cell, width), colour) in row.iter().zip(widths).zip(colours) {
            line.push_str(&format!("  {}", paint.on(colour, &fit(cell, width))));
        }
        line.trim_end().to_owned()
    };
    writeln!(out, "{}", line(&head, [DIM; 4]))?;
    for (row, of) in rows.iter().zip(&report.lines) {
        let colour = match of.same {
            Some(true) => GREEN,
            Some(false) => RED,
            None => YELLOW,
        };
        writeln!(out, "{}", line(row, ["", "", "", colour]))?;
    }
    Ok(())
}

/// `due`, `plan`, `freezerd`, `freezer-scheduler`
fn cells(line: &Line, report: &Report) -> [String; 4] {
    let freezerd = match (line.freezerd, line.reason) {
        ("nothing-due", _) => "nothing was due".to_owned(),
        (word, None) => word.to_owned(),
        (word, Some(reason)) => format!("{word}: {reason}"),
    };
    let times = if line.count > 1 {
        format!(" (of {})", line.count)
    } else {
        String::new()
    };
    [
        stamp(line.at(), &report.zone),
        line.name.clone(),
        format!("{freezerd}{times}"),
        did(line),
    ]
}

fn did(line: &Line) -> String {
    match line.scheduler {
        Scheduler::Missing if line.freezerd == "skip" => "did not run".to_owned(),
        Scheduler::Missing => "missing".to_owned(),
        Scheduler::Unknown => "not to be known: a later run had taken its place".to_owned(),
        Scheduler::Pending => "too early to say".to_owned(),
        Scheduler::Ran if line.count > 1 && line.runs == 1 => "ran once".to_owned(),
        Scheduler::Ran if line.count > 1 => format!("ran {} times", line.runs),
        Scheduler::Ran => {
            let late = line.late_seconds.map_or_else(String::new, |late| {
                let word = if late < 0 { "early" } else { "late" };
                format!(" {} {word}", whole(late.unsigned_abs()))
            });
            let result = match line.result.as_deref() {
                Some("") | None => "not over when it was last seen",
                Some(result) => result,
            };
            format!("ran{late}: {result}")
        }
    }
}

/// `0 s`, `12 s`, `5m 3s`: the API keeps whole seconds.
fn whole(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => length(seconds.saturating_mul(1000)),
    }
}
