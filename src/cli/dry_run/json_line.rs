//! The lines of runs in JSON, put together from what stays the same of them.
//!
//! What is written is what serde_json makes of a [`RunLine`](super::run_line::RunLine): the tests hold one against the
//! other. But of a plan's runs only the two times differ, and of runs in a row the times differ little.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use super::run_line::{Scheduled, notes};
use super::runs::Runs;
use crate::cli::times::local;
use crate::schedule::{DueTime, Shift, Zone};

/// Written out when so many bytes have come together.
const FULL: usize = 1 << 16;

/// The lines of these plans' runs.
pub(super) struct Lines<'a> {
    plans: &'a [Scheduled],
    /// What stands before the two times of a plan's runs and behind them, plan after plan.
    texts: String,
    /// Of each plan all that most of its runs need, side by side: the plans of a second lie anywhere in memory.
    around: Vec<Around>,
    /// Those of the plans; a node has few.
    zones: Vec<Arc<Zone>>,
}

/// What is the same of a plan's runs.
struct Around {
    /// Where its texts are: the beginning of the one, that of the other, and the end.
    before: usize,
    behind: usize,
    end: usize,
    /// The place of its zone.
    zone: usize,
    /// There may be something to say of each run.
    noted: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(plans: &'a [Scheduled]) -> io::Result<Self> {
        let (mut texts, mut zones) = (Vec::new(), Vec::new());
        let around: io::Result<_> = plans
            .iter()
            .map(|plan| put_around(plan, &mut texts, &mut zones))
            .collect();
        Ok(Self {
            plans,
            around: around?,
            texts: String::from_utf8(texts).map_err(io::Error::other)?,
            zones,
        })
    }

    fn around(&self, index: usize) -> Option<(&Around, &Arc<Zone>, &str, &str)> {
        let around = self.around.get(index)?;
        let before = self.texts.get(around.before..around.behind)?;
        let behind = self.texts.get(around.behind..around.end)?;
        Some((around, self.zones.get(around.zone)?, before, behind))
    }

    /// Writes ` "runs": [...]`; gives their number.
    pub(super) fn write(&self, runs: &mut Runs<'_>, out: &mut dyn Write) -> io::Result<u64> {
        let mut text = String::with_capacity(FULL + FULL / 8);
        let mut times = Times::default();
        let mut count: u64 = 0;
        text.push_str(" \"runs\": [");
        while let Some((index, occurrence)) = runs.next_indexed() {
            let Some((around, zone, before, behind)) = self.around(index) else {
                continue;
            };
            text.push_str(if count == 0 { "\n  " } else { ",\n  " });
            text.push_str(before);
            text.push_str(times.of(occurrence.due, zone));
            text.push_str(behind);
            if (occurrence.shift != Shift::None || around.noted)
                && let Some(plan) = self.plans.get(index)
            {
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

/// Puts down what is the same of a plan's runs.
fn put_around(plan: &Scheduled, texts: &mut Vec<u8>, zones: &mut Vec<Arc<Zone>>) -> io::Result<Around> {
    fn put(texts: &mut Vec<u8>, key: &str, value: impl serde::Serialize) -> serde_json::Result<()> {
        texts.extend_from_slice(key.as_bytes());
        serde_json::to_writer(texts, &value)
    }
    let zone = plan.timetable.zone();
    let known = zones.iter().position(|known| Arc::ptr_eq(known, zone));
    if known.is_none() {
        zones.push(Arc::clone(zone));
    }
    let before = texts.len();
    put(texts, "{\"job_id\":", &plan.id)?;
    put(texts, ",\"name\":", &plan.name)?;
    texts.extend_from_slice(b",\"due\":\"");
    let behind = texts.len();
    put(texts, "\",\"timezone\":", zone.name())?;
    put(texts, ",\"action\":", &plan.action)?;
    put(texts, ",\"mode\":", &plan.mode)?;
    put(texts, ",\"project_id\":", &plan.project)?;
    Ok(Around {
        before,
        behind,
        end: texts.len(),
        zone: known.unwrap_or(zones.len() - 1),
        noted: plan.window.is_some() || !plan.remarks.is_empty(),
    })
}

/// The text of the two times of a run, from the one's value to the other's; those due together have the same.
#[derive(Default)]
struct Times {
    last: Option<(DueTime, Arc<Zone>)>,
    due: Stamp,
    local: Stamp,
    offset: Offset,
    text: String,
}

impl Times {
    fn of(&mut self, due: DueTime, zone: &Arc<Zone>) -> &str {
        let known = self
            .last
            .as_ref()
            .is_some_and(|(last, of)| *last == due && Arc::ptr_eq(of, zone));
        if !known {
            let at = local(due, zone);
            let (epoch, east) = (due.epoch(), at.offset().local_minus_utc());
            self.text.clear();
            self.text.push_str(self.due.of(epoch));
            self.text.push_str("Z\",\"local\":\"");
            self.text.push_str(self.local.of(epoch + i64::from(east)));
            self.text.push_str(self.offset.of(&at));
            self.last = Some((due, Arc::clone(zone)));
        }
        &self.text
    }
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
