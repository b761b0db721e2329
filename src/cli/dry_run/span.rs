//! From when until when.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::DryRunArgs;
use crate::cli::Failure;
use crate::schedule::{DueTime, Zone};

/// The last instant RFC 3339 can write: 9999-12-31T23:59:59Z.
const LAST: DueTime = DueTime::from_epoch(253_402_300_799);
const DAY: i64 = 86_400;

/// Due times with `from < due <= until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: DueTime,
    pub until: DueTime,
}

impl Span {
    /// From the arguments; what they leave out counts from `now`.
    pub(super) fn read(args: &DryRunArgs, now: DateTime<Utc>, zone: &Zone) -> Result<Self, Failure> {
        let from = match &args.from {
            Some(text) => instant("--from", text, zone)?,
            None => DueTime::floor(now),
        };
        let until = match (&args.until, &args.length) {
            (Some(text), _) => instant("--until", text, zone)?,
            (None, Some(text)) => from.plus(length(text)?).min(LAST),
            (None, None) => from.plus(DAY).min(LAST),
        };
        if from > until {
            return Err(Failure::usage(format!("--until {until} is before --from {from}")));
        }
        Ok(Self { from, until })
    }
}

fn length(text: &str) -> Result<i64, Failure> {
    let length = humantime::parse_duration(text.trim()).map_err(|error| {
        Failure::usage(format!(
            "--for {text:?}: a length of time is wanted, as 12h, 7d or 1h30m: {error}"
        ))
    })?;
    Ok(i64::try_from(length.as_secs()).unwrap_or(i64::MAX))
}

/// Reads a time a user typed: RFC 3339; else a date, or a date and a time, in `zone`.
pub(in crate::cli) fn instant(option: &str, text: &str, zone: &Zone) -> Result<DueTime, Failure> {
    let text = text.trim();
    let read = DateTime::parse_from_rfc3339(text)
        .map(|time| DueTime::floor(time.to_utc()))
        .ok()
        .or_else(|| local(text).map(|civil| in_zone(civil, zone)));
    read.filter(|time| *time <= LAST).ok_or_else(|| {
        Failure::usage(format!(
            "{option} {text:?} is not a time: give RFC 3339 as 2026-03-28T00:00:00Z, or 2026-03-28 or \
             2026-03-28T14:30 in {}",
            zone.name()
        ))
    })
}

fn local(text: &str) -> Option<NaiveDateTime> {
    let text = text.replacen(' ', "T", 1);
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|shape| NaiveDateTime::parse_from_str(&text, shape).ok())
        .or_else(|| {
            NaiveDate::parse_from_str(&text, "%Y-%m-%d")
                .ok()
                .map(|date| date.and_time(NaiveTime::MIN))
        })
}

/// The first instant at which `zone`'s clocks show `civil`; in a gap, the time they would have shown it.
fn in_zone(civil: NaiveDateTime, zone: &Zone) -> DueTime {
    let as_utc = DueTime::floor(civil.and_utc());
    let with = |near: DueTime| as_utc.plus(-i64::from(zone.offset_at(near)));
    let (before, after) = (with(as_utc.plus(-DAY)), with(as_utc.plus(DAY)));
    let shows = |instant: DueTime| DueTime::floor(zone.civil(instant).and_utc()) == as_utc;
    match (shows(before), shows(after)) {
        (true, true) => before.min(after),
        (false, true) => after,
        (true, false) | (false, false) => before,
    }
}
