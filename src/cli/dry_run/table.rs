//! The table: for people.

use std::io::{self, Write};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Utc};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::forecast::Forecast;
use super::run_line::{RunLine, clock, local};
use crate::schedule::{DueTime, Zone};

/// The widest a plan's name is shown, in columns.
const NAME: usize = 40;
/// `in 23h 59m`, `1d 12h ago`
const WHEN: usize = 11;
/// `13:00:30`
const TIME: usize = 8;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const YELLOW: &str = "\x1b[33m";
const RESET: &str = "\x1b[0m";

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
    writeln!(out, "{}", table.paint(BOLD, &title))?;
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
        writeln!(out, "\n{}", table.paint(BOLD, "Not scheduled"))?;
        for plan in &forecast.not_scheduled {
            writeln!(out, "  {}  {}", fit(&plan.name, table.idle_name), plan.reason)?;
        }
    }
    Ok(count)
}

struct Table<'a> {
    zone: &'a Zone,
    now: DueTime,
    colour: bool,
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
        let does = |plan: &crate::plan::Plan| {
            let part =
                |key: &str| super::run_line::each_once(plan.actions.iter().map(|action| action.text(key)));
            what(&part("action"), &part("mode")).width()
        };
        Self {
            zone: &forecast.zone,
            now: DueTime::floor(now),
            colour,
            name: widest(&mut scheduled.iter().map(|plan| plan.plan.name.width())),
            action: widest(&mut scheduled.iter().map(|plan| does(&plan.plan))),
            idle_name: widest(&mut forecast.not_scheduled.iter().map(|plan| plan.name.width())),
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("{colour}{text}{RESET}")
        } else {
            text.to_owned()
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
        self.paint(BOLD, &text)
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
            self.paint(DIM, &when),
            fit(run.name, self.name),
            fit(&what(&run.action, &run.mode), self.action),
        );
        if run.timezone != self.zone.name() {
            line.push_str(&format!("  {} {}", run.local.format("%a %H:%M"), run.timezone));
        }
        if !run.note.is_empty() {
            line.push_str(&format!("  {}", self.paint(YELLOW, &run.note)));
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

/// `in 2h 15m`, `3d 4h ago`: the two largest units.
fn relative(seconds: i64) -> String {
    let length = seconds.unsigned_abs();
    let (days, hours, minutes) = (length / 86_400, length / 3600 % 24, length / 60 % 60);
    let text = match (days, hours, minutes) {
        (0, 0, 0) => format!("{length}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", length % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days @ 1..100, hours, _) => format!("{days}d {hours}h"),
        (days, _, _) => format!("{days}d"),
    };
    if seconds < 0 {
        format!("{text} ago")
    } else {
        format!("in {text}")
    }
}

/// `text` in exactly `width` columns of a terminal.
fn fit(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut taken = 0;
    let whole = text.width() <= width;
    let room = if whole { width } else { width.saturating_sub(1) };
    for character in text.chars() {
        let columns = character.width().unwrap_or(0);
        if taken + columns > room {
            break;
        }
        taken += columns;
        out.push(character);
    }
    if !whole && width > 0 {
        out.push('…');
        taken += 1;
    }
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(taken)));
    out
}
