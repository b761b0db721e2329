//! The table: for people.

use std::io::{self, Write};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Utc};
use unicode_width::UnicodeWidthStr;

use super::forecast::Forecast;
use super::run_line::{RunLine, Scheduled};
use crate::cli::screen::{BOLD, DIM, Paint, YELLOW, fit};
use crate::cli::times::{clock, local, relative};
use crate::schedule::{DueTime, Zone};

/// The widest a plan's name is shown, in columns.
const NAME: usize = 40;
/// `in 23h 59m`, `1d 12h ago`
const WHEN: usize = 11;
/// `13:00:30`
const TIME: usize = 8;

/// Writes it; gives the number of runs.
pub(super) fn write(
    forecast: &Forecast,
    now: DateTime<Utc>,
    colour: bool,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let table = Table::new(forecast, now, colour);
    let (from, until) = (
        local(forecast.span.from, table.zone),
        local(forecast.span.until, table.zone),
    );
    let title = format!(
        "Runs after {} up to {}, {}",
        stamp(from),
        stamp(until),
        table.zone.name()
    );
    writeln!(out, "{}", table.paint.on(BOLD, &title))?;
    let mut day = None;
    let mut count = 0;
    for run in forecast.runs() {
        let civil = table.zone.civil(run.due);
        if day != Some(civil.date()) {
            day = Some(civil.date());
            writeln!(out, "\n{}", table.heading(civil.date()))?;
        }
        writeln!(out, "{}", table.row(&run))?;
        count += 1;
    }
    if count == 0 {
        writeln!(out, "\nNothing is due.")?;
    }
    if !forecast.not_scheduled.is_empty() {
        writeln!(out, "\n{}", table.paint.on(BOLD, "Not scheduled"))?;
        for plan in &forecast.not_scheduled {
            writeln!(out, "  {}  {}", fit(&plan.name, table.idle_name), plan.reason)?;
        }
    }
    Ok(count)
}

struct Table<'a> {
    zone: &'a Zone,
    now: DueTime,
    paint: Paint,
    /// Columns of the names of scheduled plans, of what they do, and of the others' names.
    name: usize,
    action: usize,
    idle_name: usize,
}

impl<'a> Table<'a> {
    /// The widths are known before the first run: they are the plans', not the runs'.
    fn new(forecast: &'a Forecast, now: DateTime<Utc>, colour: bool) -> Self {
        let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0).min(NAME);
        let scheduled = &forecast.scheduled;
        let does = |plan: &Scheduled| what(&plan.action, &plan.mode).width();
        Self {
            zone: &forecast.zone,
            now: DueTime::floor(now),
            paint: Paint { colour },
            name: widest(&mut scheduled.iter().map(|plan| plan.name.width())),
            action: widest(&mut scheduled.iter().map(does)),
            idle_name: widest(&mut forecast.not_scheduled.iter().map(|plan| plan.name.width())),
        }
    }

    /// `Sunday 29 March 2026 (clocks change: +01:00 to +02:00)`
    fn heading(&self, date: NaiveDate) -> String {
        let mut text = date.format("%A %-d %B %Y").to_string();
        let noon = DueTime::floor(date.and_time(NaiveTime::MIN).and_utc()).plus(43_200);
        let (before, after) = (
            local(noon.plus(-86_400), self.zone),
            local(noon.plus(86_400), self.zone),
        );
        let start = self.offset_at_edge(date);
        let end = date.succ_opt().map_or(start, |next| self.offset_at_edge(next));
        if before.offset() != after.offset() && start != end {
            text.push_str(&format!(" (clocks change: {start} to {end})"));
        }
        self.paint.on(BOLD, &text)
    }

    /// The offset at the start of a civil date.
    fn offset_at_edge(&self, date: NaiveDate) -> FixedOffset {
        let midnight = DueTime::floor(date.and_time(NaiveTime::MIN).and_utc());
        let guess = midnight.plus(-i64::from(self.zone.offset_at(midnight.plus(-43_200))));
        *local(guess, self.zone).offset()
    }

    fn row(&self, run: &RunLine<'_>) -> String {
        let when = fit(&relative(run.due.since(self.now)), WHEN);
        let time = fit(&clock(self.zone.civil(run.due)), TIME);
        let mut line = format!(
            "  {}  {time}  {}  {}",
            self.paint.on(DIM, &when),
            fit(run.name, self.name),
            fit(&what(run.action, run.mode), self.action),
        );
        if run.timezone != self.zone.name() {
            line.push_str(&format!("  {} {}", run.local.format("%a %H:%M"), run.timezone));
        }
        if !run.note.is_empty() {
            line.push_str(&format!("  {}", self.paint.on(YELLOW, &run.note)));
        }
        line.trim_end().to_owned()
    }
}

fn what(action: &str, mode: &str) -> String {
    [action, mode].join(" ").trim().to_owned()
}

fn stamp(time: DateTime<FixedOffset>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}
