//! Times as people type and read them.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Timelike, Utc};
use serde::Serializer;

use super::Failure;
use crate::schedule::{DueTime, Zone};

/// The last instant RFC 3339 can write: 9999-12-31T23:59:59Z.
pub(super) const LAST: DueTime = DueTime::from_epoch(253_402_300_799);
const DAY: i64 = 86_400;

/// Reads a time a user typed: RFC 3339; else a date, or a date and a time, in `zone`.
pub(super) fn instant(option: &str, text: &str, zone: &Zone) -> Result<DueTime, Failure> {
    let text = text.trim();
    let read = DateTime::parse_from_rfc3339(text)
        .map(|time| DueTime::floor(time.to_utc()))
        .ok()
        .or_else(|| typed(text).map(|civil| in_zone(civil, zone)));
    read.filter(|time| *time <= LAST).ok_or_else(|| {
        Failure::usage(format!(
            "{option} {text:?} is not a time: give RFC 3339 as 2026-03-28T00:00:00Z, or 2026-03-28 or \
             2026-03-28T14:30 in {}",
            zone.name()
        ))
    })
}

fn typed(text: &str) -> Option<NaiveDateTime> {
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

/// An instant on the clocks of `zone`.
pub(super) fn local(instant: DueTime, zone: &Zone) -> DateTime<FixedOffset> {
    match FixedOffset::east_opt(zone.offset_at(instant)) {
        Some(offset) => instant.instant().with_timezone(&offset),
        None => instant.instant().fixed_offset(),
    }
}

/// `13:00`, or `13:00:30` when the seconds say something.
pub(super) fn clock(civil: NaiveDateTime) -> String {
    civil
        .format(if civil.second() == 0 { "%H:%M" } else { "%H:%M:%S" })
        .to_string()
}

/// `2026-03-29 03:00:00 +02:00`
pub(super) fn stamp(instant: DueTime, zone: &Zone) -> String {
    local(instant, zone).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// `03:00`, said beside a time of the same date; else `2026-03-28 03:00`.
pub(super) fn beside(instant: DueTime, other: DueTime, zone: &Zone) -> String {
    let (civil, other) = (zone.civil(instant), zone.civil(other));
    if civil.date() == other.date() {
        clock(civil)
    } else {
        format!("{} {}", civil.format("%Y-%m-%d"), clock(civil))
    }
}

/// `in 2h 15m`, `3d 4h ago`: the two largest units.
pub(super) fn relative(seconds: i64) -> String {
    let text = units(seconds.unsigned_abs());
    if seconds < 0 {
        format!("{text} ago")
    } else {
        format!("in {text}")
    }
}

fn units(length: u64) -> String {
    let (days, hours, minutes) = (length / 86_400, length / 3600 % 24, length / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{length}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", length % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days @ 1..100, hours, _) => format!("{days}d {hours}h"),
        (days, _, _) => format!("{days}d"),
    }
}

/// A length of time: `0.2 s`, `12 s`, `5m 3s`, `2h 15m`.
pub(super) fn length(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis / 100 % 10),
        10_000..60_000 => format!("{} s", millis / 1000),
        _ => units(millis / 1000),
    }
}

/// The time between two instants, for people.
pub(super) fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    length((to - from).num_milliseconds().max(0).unsigned_abs())
}

/// How long after `due` something came to be: `0.2 s late`; or `1.0 s early`, when the clock was set meanwhile.
pub(super) fn lateness(due: DueTime, came: DateTime<Utc>) -> String {
    let millis = (came - due.instant()).num_milliseconds();
    let word = if millis < 0 { "early" } else { "late" };
    format!("{} {word}", length(millis.unsigned_abs()))
}

/// UTC, milliseconds.
pub(super) fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// UTC, whole seconds.
pub(super) fn as_text<S: Serializer>(due: &DueTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(due)
}

/// UTC, whole seconds; or nothing.
pub(super) fn as_maybe_text<S: Serializer>(due: &Option<DueTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match due {
        Some(due) => as_text(due, serializer),
        None => serializer.serialize_none(),
    }
}

/// A zone, by its name.
pub(super) fn as_name<S: Serializer>(zone: &Arc<Zone>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}

/// With its offset, whole seconds.
pub(super) fn as_rfc3339<S: Serializer>(
    local: &DateTime<FixedOffset>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&local.format("%Y-%m-%dT%H:%M:%S%:z"))
}

/// UTC, milliseconds; or nothing.
pub(super) fn as_millis<S: Serializer>(
    instant: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match instant {
        Some(instant) => serializer.serialize_some(&rfc3339(*instant)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
