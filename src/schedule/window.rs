//! Backup windows: crontab expressions that say when a run may start.

use std::str::FromStr;
use std::sync::Arc;

use cron::TimeUnitSpec;

use super::calendar::Calendar;
use super::clock_change::shown_from;
use super::dates::DateFields;
use super::grammar::shown;
use super::times::Times;
use super::values::Values;
use super::{DueTime, Zone};

/// The fields of a crontab expression and what each may hold, in order.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of month", "1-31"),
    ("month", "1-12 or names as \"jan\""),
    ("weekday", "names as \"mon\", from \"sun\" to \"sat\""),
];

/// How far ahead an opening is looked for, in seconds.
const HORIZON: i64 = 400 * 86_400;

/// A crontab expression of five fields (minute hour day month weekday), weekdays by name. All fields must
/// match, as the `cron` crate has it: day and weekday, not one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crontab {
    /// Its seconds are 0: it matches where a minute begins.
    calendar: Calendar,
}

/// Why a crontab expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {message}")]
pub struct CrontabError {
    /// The expression.
    pub text: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl Crontab {
    /// Parses five fields; a weekday given as a number is an error with a hint.
    ///
    /// # Errors
    /// What is wrong with the text and what is allowed.
    pub fn compile(text: &str) -> Result<Self, CrontabError> {
        let error = |message: String| CrontabError {
            text: shown(text),
            message,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(error(format!(
                "{} fields; write five: minute hour day month weekday, as \"* 20-23,0-5 * * mon-fri\"",
                fields.len()
            )));
        }
        if let Some(hint) = fields.last().and_then(|weekday| weekday_number(weekday)) {
            return Err(error(hint));
        }
        let parsed = parse(&fields).ok_or_else(|| error(blame(&fields)))?;
        let times = Times::new(
            ordinals(parsed.hours()),
            ordinals(parsed.minutes()),
            Values::one(0),
        );
        let dates = DateFields {
            months: ordinals(parsed.months()),
            days: ordinals(parsed.days_of_month()),
            // The crate counts weekdays from Sunday = 1, a calendar from Monday = 0.
            weekdays: parsed
                .days_of_week()
                .iter()
                .map(|weekday| (weekday + 5) % 7)
                .collect(),
            ..DateFields::all()
        };
        let calendar = Calendar::new(times, dates);
        if !calendar.dates().ever() {
            return Err(error(
                "it never matches: there is no such date in any year".to_owned(),
            ));
        }
        Ok(Self { calendar })
    }

    /// Whether it matches the civil minute that begins at `minute`.
    fn matches(&self, minute: i64) -> bool {
        self.calendar.contains(minute)
    }

    /// Given that it matches the civil minute that begins at `minute`: from which civil second on it may
    /// no longer. Whole hours and days that it matches are passed in one stride.
    fn matches_until(&self, minute: i64) -> i64 {
        let times = self.calendar.times();
        let stride = match (times.every_minute(), times.every_hour()) {
            (true, true) => 86_400,
            (true, false) => 3600,
            (false, _) => 60,
        };
        minute - minute.rem_euclid(stride) + stride
    }
}

/// With seconds and a year put around it, so that the crate can take a field for no other.
fn parse(fields: &[&str]) -> Option<cron::Schedule> {
    cron::Schedule::from_str(&format!("0 {} *", fields.join(" "))).ok()
}

fn ordinals(unit: &impl TimeUnitSpec) -> Values {
    unit.iter().collect()
}

/// A hint, if a weekday is given as a number (the number of a step behind a range of names is none).
fn weekday_number(text: &str) -> Option<String> {
    let given = text.split(',').find(|item| {
        let (days, step) = item
            .split_once('/')
            .map_or((*item, None), |(days, step)| (days, Some(step)));
        days.contains(|letter: char| letter.is_ascii_digit()) || (step.is_some() && !days.contains('-'))
    })?;
    Some(format!(
        "weekday {:?}: cron dialects disagree on which number is which day; write names, as \"mon-fri\" or \
         \"sat,sun\"",
        shown(given)
    ))
}

/// Names the field that the crate refuses.
fn blame(fields: &[&str]) -> String {
    for (at, (name, values)) in FIELDS.iter().enumerate() {
        let alone: Vec<&str> = fields
            .iter()
            .enumerate()
            .map(|(other, field)| if other == at { *field } else { "*" })
            .collect();
        if parse(&alone).is_none() {
            let text = shown(fields.get(at).copied().unwrap_or_default());
            return format!(
                "{name} {text:?}; allowed are *, */n, a, a-b (from low to high), a-b/n, a/n and lists of them \
                 with commas; values are {values}"
            );
        }
    }
    "not understood; write five fields: minute hour day month weekday".to_owned()
}

/// When runs may start: open if some `allow` matches the civil minute (or there is none) and no `deny` does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    allow: Vec<Crontab>,
    deny: Vec<Crontab>,
}

impl Windows {
    /// From its expressions.
    #[must_use]
    pub fn new(allow: Vec<Crontab>, deny: Vec<Crontab>) -> Self {
        Self { allow, deny }
    }

    /// Whether a run may start at `instant`, by the civil minute it lies in.
    #[must_use]
    pub fn open_at(&self, instant: DueTime, zone: &Arc<Zone>) -> bool {
        let minute = civil_minute(zone, instant.epoch());
        self.allowed(minute) && self.denied_by(minute).is_none()
    }

    /// The first instant at or after `instant` at which a run may start; `None`: not within 400 days.
    #[must_use]
    pub fn opens(&self, instant: DueTime, zone: &Arc<Zone>) -> Option<DueTime> {
        let horizon = instant.plus(HORIZON).epoch();
        let mut now = instant.epoch();
        while now <= horizon {
            let minute = civil_minute(zone, now);
            let index = zone.index_at(now);
            now = if !self.allowed(minute) {
                let openings = self
                    .allow
                    .iter()
                    .filter_map(|allow| shown_from(&allow.calendar, zone, now.saturating_add(1)));
                openings.min()?
            } else if let Some(deny) = self.denied_by(minute) {
                zone.segment(index).when(deny.matches_until(minute))
            } else {
                return Some(DueTime::from_epoch(now));
            }
            // The clocks may change before; then another civil minute counts.
            .min(zone.end_of(index));
        }
        None
    }

    fn allowed(&self, minute: i64) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|allow| allow.matches(minute))
    }

    fn denied_by(&self, minute: i64) -> Option<&Crontab> {
        self.deny.iter().find(|deny| deny.matches(minute))
    }
}

/// The civil second at which the civil minute of `instant` begins.
fn civil_minute(zone: &Zone, instant: i64) -> i64 {
    let civil = zone.segment_at(instant).read(instant);
    civil.saturating_sub(civil.rem_euclid(60))
}
