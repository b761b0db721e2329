//! Dates with times, as `schedule_date` and the bounds have them: ISO 8601, with an offset or local.

use chrono::{NaiveDate, NaiveTime};

use super::due::{Occurrence, Shift};
use super::grammar::shown;
use super::zone::{Place, Zone};
use super::{DueTime, clock_change};

/// A moment to the second: an instant, or civil time in whatever zone the plan has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Moment {
    /// Seconds since the epoch, UTC.
    Instant(i64),
    /// Civil seconds since 1970-01-01T00:00:00 on the wall.
    Local(i64),
}

/// A moment as it was written, with what is smaller than a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    moment: Moment,
    nanoseconds: u32,
}

/// Further east or west of UTC no zone lies, in seconds.
const FURTHEST_ZONE: i64 = 26 * 3600;

impl Moment {
    fn map(self, change: impl FnOnce(i64) -> i64) -> Self {
        match self {
            Self::Instant(seconds) => Self::Instant(change(seconds)),
            Self::Local(seconds) => Self::Local(change(seconds)),
        }
    }

    /// As an instant of `zone`. Local time that a gap skips is the first instant after it, however long
    /// the gap; local time that occurs twice is its first pass.
    pub fn in_zone(self, zone: &Zone) -> Occurrence {
        let (instant, shift) = match self {
            Self::Instant(instant) => (instant, Shift::None),
            Self::Local(civil) => match zone.place(civil) {
                Place::Read { instant, again: true } => (instant, Shift::FirstOfTwo),
                Place::Read {
                    instant,
                    again: false,
                } => (instant, Shift::None),
                Place::Skipped { ends, .. } => (ends, clock_change::moved_from(civil)),
            },
        };
        Occurrence {
            due: DueTime::from_epoch(instant),
            shift,
        }
    }

    /// Canonical text.
    pub fn render(self) -> String {
        let (seconds, offset) = match self {
            Self::Instant(instant) => (instant, "Z"),
            Self::Local(civil) => (civil, ""),
        };
        let text = DueTime::from_epoch(seconds).instant().format("%Y-%m-%dT%H:%M:%S");
        format!("{text}{offset}")
    }
}

impl Written {
    /// Its fraction cut off.
    pub fn floor(self) -> Moment {
        self.moment
    }

    /// The first whole second that is not before it.
    pub fn ceil(self) -> Moment {
        self.moment
            .map(|seconds| seconds + i64::from(self.nanoseconds > 0))
    }

    /// Whether it lies before `other` in every zone that there could be.
    pub fn surely_before(self, other: Self) -> bool {
        let key = |written: Self, slack: i64| match written.moment {
            Moment::Instant(seconds) | Moment::Local(seconds) => (seconds + slack, written.nanoseconds),
        };
        let comparable = std::mem::discriminant(&self.moment) == std::mem::discriminant(&other.moment);
        key(self, if comparable { 0 } else { FURTHEST_ZONE }) < key(other, 0)
    }

    /// Reads `2026-03-29T01:30:00`, with a blank for the `T` or without a time, with or without a
    /// fraction, `Z` or an offset.
    ///
    /// # Errors
    /// What is wrong and what is allowed.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let not_understood = || {
            format!(
                "{:?} is not understood; write \"2026-03-29T01:30:00\" for local time of the plan's zone, or \
                 with \"Z\" or an offset as \"+02:00\" behind it; the date alone is its midnight",
                shown(text)
            )
        };
        let (date, rest) = match text.find(['T', 't', ' ']) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let date = read_date(date).ok_or_else(not_understood)?;
        let date = date.ok_or_else(|| format!("{:?}: there is no such date", shown(text)))?;
        let clock = match rest.char_indices().nth(1) {
            _ if rest.is_empty() => {
                return Ok(Self {
                    moment: Moment::Local(join(date, 0)),
                    nanoseconds: 0,
                });
            }
            Some((at, _)) => rest.get(at..).unwrap_or_default(),
            None => return Err(not_understood()),
        };
        let (clock, offset) = match clock.find(['Z', 'z', '+', '-']) {
            Some(at) => clock.split_at(at),
            None => (clock, ""),
        };
        let (time, nanoseconds) = read_clock(clock.trim_end()).ok_or_else(not_understood)?;
        let time = time.ok_or_else(|| format!("{:?}: there is no such time", shown(text)))?;
        let civil = join(date, time);
        let moment = if offset.is_empty() {
            Moment::Local(civil)
        } else {
            Moment::Instant(civil - read_offset(offset).ok_or_else(not_understood)?)
        };
        Ok(Self { moment, nanoseconds })
    }
}

/// Digits only, so many of them.
fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let fits = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

/// The civil second at this second of the date; of any year, before 1970 too.
fn join(date: NaiveDate, second: u32) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp() + i64::from(second)
}

/// `2026-03-29`. The outer `None`: not written like a date; the inner one: no such date.
fn read_date(text: &str) -> Option<Option<NaiveDate>> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4..=4)?;
    let month = digits(parts.next()?, 1..=2)?;
    let day = digits(parts.next()?, 1..=2)?;
    if parts.next().is_some() {
        return None;
    }
    Some(NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day))
}

/// `01:30`, `01:30:00`, `01:30:00.25`: the second of the day, and the fraction in nanoseconds.
/// The outer `None`: not written like a time; the inner one: no such time.
fn read_clock(text: &str) -> Option<(Option<u32>, u32)> {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 1..=2)?;
    let minute = digits(parts.next()?, 1..=2)?;
    let second = match parts.next() {
        Some(second) => digits(second, 1..=2)?,
        None if fraction.is_some() => return None,
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    let nanoseconds = fraction.map_or(Some(0), read_fraction)?;
    let exists = hour < 24 && minute < 60 && second < 60;
    Some((exists.then_some((hour * 60 + minute) * 60 + second), nanoseconds))
}

/// The digits behind the point, in nanoseconds; what is smaller still counts as one.
fn read_fraction(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (nine, rest) = text.split_at(text.len().min(9));
    let nanoseconds: u32 = format!("{nine:0<9}").parse().ok()?;
    let smaller = rest.bytes().any(|digit| digit != b'0');
    Some(if smaller { nanoseconds.max(1) } else { nanoseconds })
}

/// `Z`, `+02:00`, `+0200`, `+02`: seconds east of UTC.
fn read_offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => (rest, "00"),
    };
    let (hours, minutes) = (digits(hours, 2..=2)?, digits(minutes, 2..=2)?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from((hours * 60 + minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Written::read(text) {
            Ok(written) => format!("{} {}", written.floor().render(), written.nanoseconds),
            Err(message) => message,
        }
    }

    #[test]
    fn every_way_to_write_a_moment() {
        for (text, expected) in [
            ("2026-03-29T01:30:00", "2026-03-29T01:30:00 0"),
            ("2026-03-29 01:30:00", "2026-03-29T01:30:00 0"),
            (" 2026-3-9 1:30:5 ", "2026-03-09T01:30:05 0"),
            ("2026-03-29", "2026-03-29T00:00:00 0"),
            ("2026-03-29T01:30", "2026-03-29T01:30:00 0"),
            ("2026-03-29T01:30:00.250000", "2026-03-29T01:30:00 250000000"),
            ("2026-03-29T01:30:00.0000000000001", "2026-03-29T01:30:00 1"),
            ("2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z 0"),
            ("2026-03-29t01:30:00.5z", "2026-03-29T01:30:00Z 500000000"),
            ("2026-03-29T01:30:00+02:00", "2026-03-28T23:30:00Z 0"),
            ("2026-03-29T01:30:00-0130", "2026-03-29T03:00:00Z 0"),
            ("2026-03-29T01:30:00 +02", "2026-03-28T23:30:00Z 0"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "T",
            "tomorrow",
            "2026",
            "2026-03",
            "26-03-29",
            "2026-03-29T",
            "2026-03-29T1",
            "2026-03-29T01:30:",
            "2026-03-29T01:30:00+",
            "2026-03-29T01:30:00+2",
            "2026-03-29T01:30:00+24:00",
            "2026-03-29T01:30.5",
            "2026-03-29T01:30:00.",
            "2026-03-29T01:30:00ZZ",
            "2026-03-29Z",
            "+026-03-29",
            "2026-03-29Tü",
            "2026-02-30",
            "2026-03-29T24:00:00",
            "2026-03-29T01:60:00",
            "2026-03-29T23:59:60",
        ] {
            assert!(Written::read(text).is_err(), "{text}: {}", read(text));
        }
    }

    #[test]
    fn a_fraction_is_cut_off_or_rounded_up() {
        let half = Written::read("2026-03-29T01:30:00.5Z").unwrap();
        assert_eq!(half.floor().render(), "2026-03-29T01:30:00Z");
        assert_eq!(half.ceil().render(), "2026-03-29T01:30:01Z");
    }

    #[test]
    fn local_and_absolute_moments_compare_only_when_far_apart() {
        let local = Written::read("2026-03-29T01:30:00").unwrap();
        let near = Written::read("2026-03-29T20:30:00Z").unwrap();
        let far = Written::read("2026-03-31T01:30:00Z").unwrap();
        assert!(!local.surely_before(near) && !near.surely_before(local));
        assert!(local.surely_before(far) && !far.surely_before(local));
    }
}
