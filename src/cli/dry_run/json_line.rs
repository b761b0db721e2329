//! The lines of runs in JSON, put together from what stays the same of them.
//!
//! What is written is what serde_json makes of a [`RunLine`](super::run_line::RunLine): the tests hold one against the
//! other. But of a plan's runs only the two times differ, and of runs in a row the times differ little.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::run_line::{Scheduled, notes};
use super::runs::Runs;
use crate::cli::times::local;
use crate::schedule::Shift;

/// Written out when so many bytes have come together.
const FULL: usize = 1 << 16;

/// The lines of these plans' runs.
pub(super) struct Lines<'a> {
    plans: &'a [Scheduled],
    /// For each plan, what stands before the two times and behind them, and where the one ends: side by side, for the
    /// plans of a second lie anywhere in memory.
    around: Vec<(Box<str>, usize)>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(plans: &'a [Scheduled]) -> io::Result<Self> {
        let around = plans.iter().map(around).collect::<serde_json::Result<_>>()?;
        Ok(Self { plans, around })
    }

    /// Writes ` "runs": [...]`; gives their number.
    pub(super) fn write(&self, runs: &mut Runs<'_>, out: &mut dyn Write) -> io::Result<u64> {
        let mut text = String::with_capacity(FULL + FULL / 8);
        let (mut due, mut shown, mut offset) = (Stamp::default(), Stamp::default(), Offset::default());
        let mut count: u64 = 0;
        text.push_str(" \"runs\": [");
        while let Some((index, occurrence)) = runs.next_indexed() {
            let around = self
                .around
                .get(index)
                .and_then(|(text, at)| text.split_at_checked(*at));
            let (Some(plan), Some((before, behind))) = (self.plans.get(index), around) else {
                continue;
            };
            let at = local(occurrence.due, plan.timetable.zone());
            let (epoch, east) = (occurrence.due.epoch(), at.offset().local_minus_utc());
            text.push_str(if count == 0 { "\n  " } else { ",\n  " });
            text.push_str(before);
            text.push_str(due.of(epoch));
            text.push_str("Z\",\"local\":\"");
            text.push_str(shown.of(epoch + i64::from(east)));
            text.push_str(offset.of(&at));
            text.push_str(behind);
            if occurrence.shift != Shift::None || plan.window.is_some() || !plan.remarks.is_empty() {
                let note = notes(plan, occurrence);
                if !note.is_empty() {
                    text.push_str(",\"note\":");
                    text.push_str(&serde_json::to_string(&note)?);
                }
            }
            text.push('}');
            count += 1;
            if text.len() >= FULL || count == 1 {
                out.write_all(text.as_bytes())?;
                if count == 1 {
                    out.flush()?;
                }
                text.clear();
            }
        }
        text.push_str(if count == 0 { "]" } else { "\n ]" });
        out.write_all(text.as_bytes())?;
        Ok(count)
    }
}

/// What stands before the two times of a plan's runs, and behind them; and where the one ends.
fn around(plan: &Scheduled) -> serde_json::Result<(Box<str>, usize)> {
    let text = |text: &str| serde_json::to_string(text);
    let before = format!(
        "{{\"job_id\":{},\"name\":{},\"due\":\"",
        text(plan.id.as_str())?,
        text(&plan.name)?
    );
    let at = before.len();
    let both = format!(
        "{before}\",\"timezone\":{},\"action\":{},\"mode\":{},\"project_id\":{}",
        text(plan.timetable.zone().name())?,
        text(&plan.action)?,
        text(&plan.mode)?,
        serde_json::to_string(&plan.project)?
    );
    Ok((both.into(), at))
}

/// The text of a civil second, as `2026-03-29T03:00:00`; most of it is that of the one before.
#[derive(Default)]
struct Stamp {
    day: Option<i64>,
    second: i64,
    text: String,
}

impl Stamp {
    fn of(&mut self, civil: i64) -> &str {
        let (day, second) = (civil.div_euclid(86_400), civil.rem_euclid(86_400));
        let same_day = self.day == Some(day);
        if same_day && self.second == second {
            return &self.text;
        }
        if same_day {
            // Without the time: HH:MM:SS.
            self.text.truncate(self.text.len() - 8);
        } else {
            self.text.clear();
            let date = crate::schedule::DueTime::from_epoch(civil).instant();
            // A String takes whatever is written.
            let _ = write!(self.text, "{}", date.format("%Y-%m-%dT"));
        }
        for (part, behind) in [(second / 3600, ":"), (second / 60 % 60, ":"), (second % 60, "")] {
            self.text.push(digit(part / 10));
            self.text.push(digit(part % 10));
            self.text.push_str(behind);
        }
        (self.day, self.second) = (Some(day), second);
        &self.text
    }
}

fn digit(value: i64) -> char {
    u32::try_from(value)
        .ok()
        .and_then(|value| char::from_digit(value, 10))
        .unwrap_or('0')
}

/// The text of an offset, as `+02:00`.
#[derive(Default)]
struct Offset {
    seconds: Option<i32>,
    text: String,
}

impl Offset {
    fn of(&mut self, local: &chrono::DateTime<chrono::FixedOffset>) -> &str {
        let seconds = local.offset().local_minus_utc();
        if self.seconds != Some(seconds) {
            self.text = local.format("%:z").to_string();
            self.seconds = Some(seconds);
        }
        &self.text
    }
}
