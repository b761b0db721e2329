//! A compiled calendar: which civil seconds match. It knows nothing of zones.

use chrono::{Datelike, NaiveDate};

use super::dates::Dates;
use super::times::Times;

/// Seconds of a civil day.
const DAY: i64 = 86_400;
/// The day number of 1970-01-01 in chrono's count.
const EPOCH: i64 = 719_163;
/// 1970-01-01T00:00:00: no calendar matches before it.
const FIRST: i64 = 0;
/// 9999-12-31T23:59:59: no calendar matches after it.
pub(super) const LAST: i64 = 253_402_300_799;

/// Dates and times: a civil second matches when its date and its time both do.
///
/// Civil seconds are those since 1970-01-01T00:00:00 on a clock on the wall, which knows no zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Calendar {
    pub dates: Dates,
    pub times: Times,
}

impl Calendar {
    /// Whether this civil second matches.
    pub fn contains(&self, civil: i64) -> bool {
        (FIRST..=LAST).contains(&civil)
            && split(civil)
                .is_some_and(|(date, second)| self.times.contains(second) && self.dates.contains(date))
    }

    /// The first civil second that matches, from `civil` on.
    pub fn at_or_after(&self, civil: i64) -> Option<i64> {
        if civil > LAST {
            return None;
        }
        let (date, second) = split(civil.max(FIRST))?;
        let found = self.dates.at_or_after(date)?;
        if found == date {
            if let Some(second) = self.times.at_or_after(second) {
                return Some(join(date, second));
            }
        } else {
            return Some(join(found, self.times.at_or_after(0)?));
        }
        let found = self.dates.at_or_after(date.succ_opt()?)?;
        Some(join(found, self.times.at_or_after(0)?))
    }

    /// How many civil seconds match from `from` on and before `until`.
    pub fn count(&self, from: i64, until: i64) -> u64 {
        let (from, until) = (from.max(FIRST), until.min(LAST + 1));
        if from >= until {
            return 0;
        }
        // Counted from midnight to midnight, then without the times of the first date before `from`, and
        // with those of the last date before `until`.
        let (Some((first, start)), Some((last, end))) = (split(from), split(until)) else {
            return 0;
        };
        let times_before = |date: NaiveDate, second: u32| {
            if second > 0 && self.dates.contains(date) {
                self.times.count_before(second)
            } else {
                0
            }
        };
        let whole = self.dates.count(first, last) * self.times.per_day();
        whole + times_before(last, end) - times_before(first, start)
    }
}

/// The date, and the second of its day.
pub(super) fn split(civil: i64) -> Option<(NaiveDate, u32)> {
    let day = i32::try_from(civil.div_euclid(DAY) + EPOCH).ok()?;
    Some((
        NaiveDate::from_num_days_from_ce_opt(day)?,
        u32::try_from(civil.rem_euclid(DAY)).ok()?,
    ))
}

/// The civil second at this second of the day.
pub(super) fn join(date: NaiveDate, second: u32) -> i64 {
    (i64::from(date.num_days_from_ce()) - EPOCH) * DAY + i64::from(second)
}
