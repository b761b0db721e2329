//! The dates that a calendar allows.

use chrono::{Datelike, NaiveDate};

use super::fields::{DAY, DAY_OF_WEEK, MONTH, POSITIONS, WEEK, YEAR};
use super::values::Values;
use super::years::Years;

/// After so many years the Gregorian calendar repeats, weekdays and ISO weeks included.
const CYCLE: u32 = 400;

/// Year, month, day, week and weekday: a date matches when all of them do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Dates {
    days: u32,
    months: u16,
    weekdays: u8,
    last_day: bool,
    /// What few schedules have, apart, so that the others stay small.
    rare: Option<Box<Rare>>,
}

/// What few schedules have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Rare {
    years: Option<Years>,
    weeks: Values,
    nth_weekdays: [Values; POSITIONS.len()],
}

/// The date fields of a calendar, before they are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateFields {
    /// `None`: every year.
    pub years: Option<Years>,
    pub months: Values,
    pub days: Values,
    /// The last day of the month, whichever it is.
    pub last_day: bool,
    /// The weekdays of `1st`, `2nd`, `3rd`, `4th`, `5th`, `last`.
    pub nth_weekdays: [Values; POSITIONS.len()],
    pub weeks: Values,
    pub weekdays: Values,
}

impl DateFields {
    /// Every date.
    pub fn all() -> Self {
        Self {
            years: None,
            months: Values::span(MONTH.first, MONTH.last),
            days: Values::span(DAY.first, DAY.last),
            last_day: false,
            nth_weekdays: [Values::NONE; POSITIONS.len()],
            weeks: Values::span(WEEK.first, WEEK.last),
            weekdays: Values::span(DAY_OF_WEEK.first, DAY_OF_WEEK.last),
        }
    }

    fn every_day(&self) -> bool {
        self.days == Self::all().days
    }
}

/// What the date rules must know of a month.
#[derive(Debug, Clone, Copy)]
struct Month {
    first: NaiveDate,
    days: u32,
    /// The weekday of the 1st; 0 = Monday.
    starts_on: u32,
}

impl Month {
    fn new(year: i32, month: u32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let days = match month {
            2 if first.leap_year() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        Some(Self {
            first,
            days,
            starts_on: first.weekday().num_days_from_monday(),
        })
    }

    /// The first day of the month that is a `weekday`.
    const fn first_on(&self, weekday: u32) -> u32 {
        1 + (weekday + 7 - self.starts_on) % 7
    }

    /// The days of the month that are a `weekday`.
    fn all_on(&self, weekday: u32) -> Values {
        (0..5)
            .map(|week| self.first_on(weekday) + 7 * week)
            .collect::<Values>()
            & Values::span(1, self.days)
    }
}

impl Dates {
    pub fn new(fields: DateFields) -> Self {
        let all = DateFields::all();
        let every_day = fields.every_day();
        let DateFields {
            years,
            months,
            days,
            last_day,
            nth_weekdays,
            weeks,
            weekdays,
        } = fields;
        let years = years.filter(|years| !years.all());
        let nth_weekdays = if every_day { all.nth_weekdays } else { nth_weekdays };
        let common = years.is_none() && weeks == all.weeks && nth_weekdays == all.nth_weekdays;
        Self {
            days: u32::try_from(days.bits()).unwrap_or(u32::MAX),
            months: u16::try_from(months.bits()).unwrap_or(u16::MAX),
            weekdays: u8::try_from(weekdays.bits()).unwrap_or(u8::MAX),
            last_day: last_day && !every_day,
            rare: (!common).then(|| {
                Box::new(Rare {
                    years,
                    weeks,
                    nth_weekdays,
                })
            }),
        }
    }

    /// The fields it was made of.
    pub fn fields(&self) -> DateFields {
        let all = DateFields::all();
        let (years, weeks, nth_weekdays) = match &self.rare {
            Some(rare) => (rare.years.clone(), rare.weeks, rare.nth_weekdays),
            None => (None, all.weeks, all.nth_weekdays),
        };
        DateFields {
            years,
            months: self.months(),
            days: Values::from_bits(u64::from(self.days)),
            last_day: self.last_day,
            nth_weekdays,
            weeks,
            weekdays: self.weekdays(),
        }
    }

    fn months(&self) -> Values {
        Values::from_bits(u64::from(self.months))
    }

    fn weekdays(&self) -> Values {
        Values::from_bits(u64::from(self.weekdays))
    }

    /// The first allowed year, from `year` on.
    fn year_at_or_after(&self, year: i32) -> Option<i32> {
        let year = u32::try_from(year).unwrap_or(0).max(YEAR.first);
        let found = match self.rare.as_ref().and_then(|rare| rare.years.as_ref()) {
            Some(years) => years.at_or_after(year)?,
            None if year <= YEAR.last => year,
            None => return None,
        };
        i32::try_from(found).ok()
    }

    /// The days of one month that match, its year taken for granted.
    fn days_of(&self, month: &Month) -> Values {
        let mut days = Values::from_bits(u64::from(self.days));
        if self.last_day {
            days = days | Values::one(month.days);
        }
        if let Some(rare) = &self.rare {
            for (position, weekdays) in rare.nth_weekdays.iter().enumerate() {
                for weekday in weekdays.iter() {
                    let mut on = month.all_on(weekday).iter();
                    let nth = if position == POSITIONS.len() - 1 {
                        on.last()
                    } else {
                        on.nth(position)
                    };
                    days = days | nth.map_or(Values::NONE, Values::one);
                }
            }
        }
        days = days & Values::span(1, month.days);
        let every_weekday = Values::span(DAY_OF_WEEK.first, DAY_OF_WEEK.last);
        for weekday in every_weekday.without(self.weekdays()).iter() {
            days = days.without(month.all_on(weekday));
        }
        match &self.rare {
            Some(rare) if !days.is_empty() => days.without(Self::days_outside(rare.weeks, month)),
            _ => days,
        }
    }

    /// The days of a month that lie in none of these ISO weeks.
    fn days_outside(weeks: Values, month: &Month) -> Values {
        let mut outside = Values::NONE;
        let mut day = 1;
        while day <= month.days {
            let sunday = day + 6 - (month.starts_on + day - 1) % 7;
            let week = month.first.with_day(day).map_or(0, |date| date.iso_week().week());
            if !weeks.contains(week) {
                outside = outside | Values::span(day, sunday);
            }
            day = sunday + 1;
        }
        outside
    }

    /// Whether `date` matches.
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.year_at_or_after(date.year()) == Some(date.year())
            && self.months().contains(date.month())
            && Month::new(date.year(), date.month())
                .is_some_and(|month| self.days_of(&month).contains(date.day()))
    }

    /// The first matching date, from `date` on; `None`: none before the year 10000.
    pub fn at_or_after(&self, date: NaiveDate) -> Option<NaiveDate> {
        let (mut month, mut day) = (date.month(), date.day());
        let mut year = self.year_at_or_after(date.year())?;
        if year != date.year() {
            (month, day) = (1, 1);
        }
        loop {
            while let Some(next) = self.months().at_or_after(month) {
                if next != month {
                    (month, day) = (next, 1);
                }
                if let Some(found) = self.days_of(&Month::new(year, month)?).at_or_after(day) {
                    return NaiveDate::from_ymd_opt(year, month, found);
                }
                (month, day) = (month + 1, 1);
            }
            year = self.year_at_or_after(year + 1)?;
            (month, day) = (1, 1);
        }
    }

    /// How many dates match from `from` on and before `until`.
    pub fn count(&self, from: NaiveDate, until: NaiveDate) -> u64 {
        let mut count = 0;
        let mut next = self.at_or_after(from);
        while let Some(date) = next.filter(|date| *date < until) {
            let Some(month) = Month::new(date.year(), date.month()) else {
                break;
            };
            let end = if (until.year(), until.month()) == (date.year(), date.month()) {
                until.day()
            } else {
                month.days + 1
            };
            let days = self.days_of(&month);
            count += u64::from(days.count_below(end) - days.count_below(date.day()));
            next = month
                .first
                .checked_add_months(chrono::Months::new(1))
                .and_then(|following| self.at_or_after(following));
        }
        count
    }

    /// Whether any date matches, ever.
    ///
    /// What falls on which day of a year depends on three things: the weekday of its 1 January, whether it
    /// is a leap year, and (for the ISO week its first days belong to) whether the year before was one.
    /// That makes at most 28 kinds of years, all of which occur within the calendar's cycle of 400.
    pub fn ever(&self) -> bool {
        let mut tried = Values::NONE;
        let mut year = self.year_at_or_after(0);
        let years = std::iter::from_fn(|| {
            let this = year?;
            year = self.year_at_or_after(this + 1);
            Some(this)
        });
        let every_year = self.rare.as_ref().is_none_or(|rare| rare.years.is_none());
        let bound = if every_year { CYCLE as usize } else { usize::MAX };
        for year in years.take(bound) {
            let Some(first) = NaiveDate::from_ymd_opt(year, 1, 1) else {
                return false;
            };
            let leap_before = first.pred_opt().is_some_and(|eve| eve.leap_year());
            let kind = first.weekday().num_days_from_monday() * 4
                + u32::from(first.leap_year()) * 2
                + u32::from(leap_before);
            if tried.contains(kind) {
                continue;
            }
            tried = tried | Values::one(kind);
            for month in self.months().iter() {
                if Month::new(year, month).is_some_and(|month| !self.days_of(&month).is_empty()) {
                    return true;
                }
            }
        }
        false
    }
}
