//! chrono-tz's own tables, built in.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::{FROM, UNTIL};
use crate::schedule::{Segment, Zone};

/// How far apart the offsets are looked at, in seconds. No zone has changed its clocks twice in a day
/// since 1970.
const STRIDE: i64 = 86_400;

/// The zone called `name`; `None` if chrono-tz does not know it.
///
/// chrono-tz answers which offset holds at an instant, but does not list the changes; so the offsets of
/// all days are compared, and each change is narrowed down to its second.
pub(super) fn load(name: &str) -> Option<Zone> {
    let tz: Tz = name.parse().ok()?;
    let first = offset_at(tz, FROM);
    let mut segments = Vec::new();
    let (mut before, mut offset) = (FROM, first);
    while before < UNTIL {
        let after = before + STRIDE;
        let next = offset_at(tz, after);
        if next != offset {
            segments.push(Segment {
                start: change_between(tz, before, after),
                offset: next,
            });
            offset = next;
        }
        before = after;
    }
    Some(Zone::new(name, first, &segments))
}

/// The first instant, after `before` and up to `after`, with another offset than `before` has.
fn change_between(tz: Tz, mut before: i64, mut after: i64) -> i64 {
    let offset = offset_at(tz, before);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset_at(tz, middle) == offset {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

fn offset_at(tz: Tz, instant: i64) -> i32 {
    let instant = DateTime::from_timestamp(instant, 0).unwrap_or_default();
    tz.offset_from_utc_datetime(&instant.naive_utc())
        .fix()
        .local_minus_utc()
}
