//! Civil dates and seconds by arithmetic, from 1970-01-01 to 9999-12-31.
//!
//! A civil second counts what a clock on the wall shows from 1970-01-01T00:00:00 on, and knows no zone; a day counts
//! dates from 1970-01-01 = 0. chrono could do all of this. The search asks for a handful of dates a due time, and
//! without chrono's checks at each step (wider years, orders of magnitude of dates) it takes half the time.

use super::values::Values;

/// Seconds of a civil day.
const DAY: i64 = 86_400;
/// 9999-12-31T23:59:59: no calendar matches after it, and none before 1970.
pub(super) const LAST: i64 = 253_402_300_799;
/// 9999-12-31.
pub(super) const LAST_DAY: u32 = 2_932_896;
/// The last year.
const LAST_YEAR: u32 = 9999;
/// Days from 0001-01-01 to 1970-01-01.
const BEFORE_1970: u32 = 719_162;
/// Days from 0000-03-01 to 0001-01-01.
const SINCE_MARCH: u32 = 306;
/// Days from 1900-03-01 to 1970-01-01.
const SINCE_MARCH_1900: u32 = 25_508;
/// 2100-03-01.
const MARCH_2100: u32 = 47_541;
/// Days of a common year before the first of each month.
const BEFORE_MONTH: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// The day of a civil second, and the second of that day. What lies outside the years is taken to their nearest end.
pub(super) fn split(civil: i64) -> (u32, u32) {
    let civil = civil.clamp(0, LAST).unsigned_abs();
    let day = civil / DAY.unsigned_abs();
    let second = civil - day * DAY.unsigned_abs();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most LAST_DAY, and less than a day"
    )]
    (day as u32, second as u32)
}

/// The civil second at this second of the day.
pub(super) fn join(day: u32, second: u32) -> i64 {
    i64::from(day) * DAY + i64::from(second)
}

/// The weekday of a day; 0 = Monday.
pub(super) const fn weekday(day: u32) -> u32 {
    // 1970-01-01 was a Thursday.
    (day + 3) % 7
}

/// Weekdays (bit 0 = Monday) as a week that begins on `weekday` has them: bit 0 is that day.
pub(super) const fn week_from(weekday: u32, weekdays: Values) -> Values {
    let twice = weekdays.bits() | weekdays.bits() << 7;
    Values::from_bits((twice >> weekday) & 0x7f)
}

/// Whether the year has a 29 February.
pub(super) const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// The day of 1 January.
pub(super) const fn new_year(year: u32) -> u32 {
    let before = year - 1;
    365 * before + before / 4 - before / 100 + before / 400 - BEFORE_1970
}

/// The ISO week that a day of `year` belongs to: the one of its week's Thursday, counted in the Thursday's year.
pub(super) const fn iso_week(day: u32, year: u32) -> u32 {
    // In 1970, whose 1 January was a Thursday, nothing lies before the first week.
    let thursday = day + 3 - weekday(day);
    let begins = if thursday < new_year(year) {
        new_year(year - 1)
    } else if thursday >= new_year(year + 1) {
        new_year(year + 1)
    } else {
        new_year(year)
    };
    (thursday - begins) / 7 + 1
}

/// A month of a year: which day its 1st is, and how many days it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    pub year: u32,
    /// 1 = January.
    pub month: u32,
    /// The day that its 1st is.
    pub first: u32,
    /// How many days it has.
    pub days: u32,
}

impl Month {
    /// A month by its year (1970-9999) and number (1-12).
    pub fn new(year: u32, month: u32) -> Self {
        let before = BEFORE_MONTH
            .get((month as usize).wrapping_sub(1))
            .copied()
            .unwrap_or(0);
        let leap_day = u32::from(month > 2 && is_leap(year));
        Self {
            year,
            month,
            first: new_year(year) + before + leap_day,
            days: length(year, month),
        }
    }

    /// The month that a day lies in, and the day of the month (from 1).
    ///
    /// By Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022),
    /// figure 12: years begin in March, so that the leap day is the last one; each division is by a constant.
    #[inline(always)]
    pub fn holding(day: u32) -> (Self, u32) {
        let (century, of_century) = if day < MARCH_2100 {
            // Since 1900-03-01 every fourth year is a leap year: two centuries that are divided like one, and nearly all
            // that is ever asked for.
            (19, day + SINCE_MARCH_1900)
        } else {
            let quarters = 4 * (day + BEFORE_1970 + SINCE_MARCH) + 3;
            (quarters / 146_097, quarters % 146_097 / 4)
        };
        // Year and day of the year in one product: the year above 32 bits, the day's fraction of it below.
        let product = 2_939_745 * u64::from(4 * of_century + 3);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the upper half, and the lower half, of 64 bits"
        )]
        let (year_of_century, fraction) = ((product >> 32) as u32, product as u32);
        let day_of_year = fraction / 2_939_745 / 4;
        let months = 2_141 * day_of_year + 197_913;
        let (month, of_month) = (months >> 16, (months & 0xffff) / 2_141);
        let in_next_year = day_of_year >= 306;
        let year = 100 * century + year_of_century + u32::from(in_next_year);
        let month = if in_next_year { month - 12 } else { month };
        let this = Self {
            year,
            month,
            first: day - of_month,
            days: length(year, month),
        };
        (this, of_month + 1)
    }

    /// The month after this one; `None`: after the last year.
    pub fn following(&self) -> Option<Self> {
        let (year, month) = match self.month {
            12 if self.year >= LAST_YEAR => return None,
            12 => (self.year + 1, 1),
            month => (self.year, month + 1),
        };
        Some(Self {
            year,
            month,
            first: self.first + self.days,
            days: length(year, month),
        })
    }

    /// The days of the month that are one of `weekdays` (bit 0 = Monday).
    pub fn days_on(&self, weekdays: Values) -> Values {
        // The month's first week, repeated five times; the 1st is bit 1.
        let week = week_from(weekday(self.first), weekdays).bits();
        Values::from_bits((week * 0x1020_4081) << 1) & self.all_days()
    }

    /// All days of the month.
    pub fn all_days(&self) -> Values {
        Values::span(1, self.days)
    }
}

/// How many days a month has.
pub(super) const fn length(year: u32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        // By Neri and Schneider as well, without a branch that would be guessed wrong every other month: from August on
        // the even ones have 31 days, before it the odd ones.
        _ => 30 | (month ^ (month >> 3)),
    }
}

/// The months that have at least so many days.
pub(super) const fn months_of(days: u32, leap_year: bool) -> Values {
    const ALL: u64 = Values::span(1, 12).bits();
    const FEBRUARY: u64 = Values::one(2).bits();
    const OF_30_DAYS: u64 = 1 << 4 | 1 << 6 | 1 << 9 | 1 << 11;
    Values::from_bits(match days {
        0..=28 => ALL,
        29 if leap_year => ALL,
        29 | 30 => ALL & !FEBRUARY,
        31 => ALL & !FEBRUARY & !OF_30_DAYS,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    /// Every date of 8,030 years, as chrono has it.
    #[test]
    fn every_date_is_that_of_chrono() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let mut count = 0;
        for (day, date) in (0..=LAST_DAY).zip(epoch.iter_days()) {
            let (month, of_month) = Month::holding(day);
            let year = u32::try_from(date.year()).unwrap();
            assert_eq!(
                (month.year, month.month, of_month),
                (year, date.month(), date.day()),
                "{date}"
            );
            assert_eq!(month.first + of_month - 1, day, "{date}");
            assert_eq!(weekday(day), date.weekday().num_days_from_monday(), "{date}");
            assert_eq!(iso_week(day, year), date.iso_week().week(), "{date}");
            if of_month == 1 {
                assert_eq!(Month::new(year, date.month()), month, "{date}");
                let following = date.checked_add_months(chrono::Months::new(1)).unwrap();
                let following = (following.year() <= 9999)
                    .then(|| Month::new(u32::try_from(following.year()).unwrap(), following.month()));
                assert_eq!(month.following(), following, "{date}");
                assert_eq!(month.days, u32::from(date.num_days_in_month()), "{date}");
                let mondays = month.days_on(Values::one(0));
                assert_eq!(mondays.at_or_after(1), Some(1 + (7 - weekday(day)) % 7), "{date}");
            }
            assert_eq!(is_leap(year), date.leap_year());
            count += 1;
        }
        assert_eq!(count, LAST_DAY + 1);
    }

    #[test]
    fn the_days_on_some_weekdays_are_all_of_them() {
        // March 2026 begins on a Sunday.
        let march = Month::new(2026, 3);
        let weekend = Values::one(5) | Values::one(6);
        let days: Vec<u32> = march.days_on(weekend).iter().collect();
        assert_eq!(days, [1, 7, 8, 14, 15, 21, 22, 28, 29]);
        assert_eq!(march.days_on(Values::span(0, 6)), march.all_days());
        assert_eq!(march.following(), Some(Month::new(2026, 4)));
        assert_eq!(Month::new(9999, 12).following(), None);
    }

    #[test]
    fn months_are_told_by_their_length() {
        for (year, leap_year) in [(2026, false), (2028, true)] {
            for days in 0..=32 {
                let expected: Values = (1..=12).filter(|month| length(year, *month) >= days).collect();
                assert_eq!(months_of(days, leap_year), expected, "{days} days in {year}");
            }
        }
    }

    #[test]
    fn seconds_are_split_and_joined() {
        assert_eq!(split(0), (0, 0));
        assert_eq!(split(-1), (0, 0));
        assert_eq!(split(86_400 + 7), (1, 7));
        assert_eq!(split(LAST), (LAST_DAY, 86_399));
        assert_eq!(split(i64::MAX), (LAST_DAY, 86_399));
        assert_eq!(join(LAST_DAY, 86_399), LAST);
    }
}
