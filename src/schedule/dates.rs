//! The dates that a calendar allows.

use super::civil::{LAST_DAY, Month, is_leap, iso_week, months_of, new_year, week_from, weekday};
use super::fields::{DAY, DAY_OF_WEEK, MONTH, POSITIONS, WEEK, YEAR};
use super::values::Values;
use super::years::Years;

/// After so many years the Gregorian calendar repeats, weekdays and ISO weeks included.
const CYCLE: usize = 400;

/// The date fields of a calendar as they were written, before they are put together.
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
    pub const fn all() -> Self {
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

    /// Put together: what nearly every calendar has, and what few have (years, weeks, "1st fri").
    pub fn split(self) -> (Common, Option<Rare>) {
        const ALL: DateFields = DateFields::all();
        let every_day = self.days == ALL.days;
        let common = Common {
            days: u32::try_from(self.days.bits()).unwrap_or(u32::MAX),
            months: u16::try_from(self.months.bits()).unwrap_or(u16::MAX),
            weekdays: u8::try_from(self.weekdays.bits()).unwrap_or(u8::MAX),
            last_day: self.last_day && !every_day,
        };
        let rare = Rare {
            years: self.years.filter(|years| !years.all()),
            weeks: self.weeks,
            nth_weekdays: if every_day {
                ALL.nth_weekdays
            } else {
                self.nth_weekdays
            },
        };
        let none = rare.years.is_none() && rare.weeks == ALL.weeks && rare.nth_weekdays == ALL.nth_weekdays;
        (common, (!none).then_some(rare))
    }
}

/// Month, day and weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Common {
    days: u32,
    months: u16,
    weekdays: u8,
    last_day: bool,
}

/// What few calendars have, apart, so that the others stay small.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Rare {
    years: Option<Years>,
    weeks: Values,
    nth_weekdays: [Values; POSITIONS.len()],
}

/// The dates that match: those that year, month, day, week and weekday all allow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dates<'a> {
    common: Common,
    rare: Option<&'a Rare>,
}

impl<'a> Dates<'a> {
    pub const fn new(common: Common, rare: Option<&'a Rare>) -> Self {
        Self { common, rare }
    }

    /// The fields it was made of.
    pub fn fields(&self) -> DateFields {
        let all = DateFields::all();
        let (years, weeks, nth_weekdays) = match self.rare {
            Some(rare) => (rare.years.clone(), rare.weeks, rare.nth_weekdays),
            None => (None, all.weeks, all.nth_weekdays),
        };
        DateFields {
            years,
            months: self.months(),
            days: self.days(),
            last_day: self.common.last_day,
            nth_weekdays,
            weeks,
            weekdays: self.weekdays(),
        }
    }

    fn days(&self) -> Values {
        Values::from_bits(u64::from(self.common.days))
    }

    fn months(&self) -> Values {
        Values::from_bits(u64::from(self.common.months))
    }

    fn weekdays(&self) -> Values {
        Values::from_bits(u64::from(self.common.weekdays))
    }

    /// The first allowed year, from `year` on.
    fn year_at_or_after(&self, year: u32) -> Option<u32> {
        let year = year.max(YEAR.first);
        match self.rare.and_then(|rare| rare.years.as_ref()) {
            Some(years) => years.at_or_after(year),
            None => (year <= YEAR.last).then_some(year),
        }
    }

    /// The days of one month that match, month and year taken for granted.
    fn days_of(&self, month: &Month) -> Values {
        let mut days = self.days();
        if self.common.last_day {
            days = days | Values::one(month.days);
        }
        if let Some(rare) = self.rare {
            days = days | rare.nth_days(month);
        }
        days = days & month.all_days();
        // Most months of a sparse calendar end here.
        if days.is_empty() {
            return days;
        }
        if self.weekdays() != DateFields::all().weekdays {
            days = days & month.days_on(self.weekdays());
        }
        match self.rare {
            Some(rare) => rare.in_weeks(days, month),
            None => days,
        }
    }

    /// Whether the date matches.
    pub fn contains(&self, day: u32) -> bool {
        let (month, of_month) = Month::holding(day);
        self.year_at_or_after(month.year) == Some(month.year)
            && self.months().contains(month.month)
            && self.days_of(&month).contains(of_month)
    }

    /// The first date that matches, from `day` on; `None`: none before the year 10000.
    #[inline(always)]
    pub fn at_or_after(&self, day: u32) -> Option<u32> {
        const ALL: DateFields = DateFields::all();
        let found = if self.days() == ALL.days && self.months() == ALL.months && self.rare.is_none() {
            // The weekday alone decides.
            Some(day + week_from(weekday(day), self.weekdays()).at_or_after(0)?)
        } else if self.weekdays() == ALL.weekdays && !self.common.last_day && self.rare.is_none() {
            // The day of the month does, and mostly it is in this month or the next one.
            self.this_month_or_next(day).or_else(|| self.by_month(day))
        } else {
            self.by_month(day)
        };
        found.filter(|found| *found <= LAST_DAY)
    }

    /// The same where the day of the month alone decides; `None`: it is not found so soon, or too late.
    #[inline(always)]
    fn this_month_or_next(&self, day: u32) -> Option<u32> {
        let (this, of_month) = Month::holding(day);
        if self.months().contains(this.month)
            && let Some(found) = self.days().at_or_after(of_month)
            && found <= this.days
        {
            return Some(this.first + found - 1);
        }
        // Every month has these days.
        let first = self.days().at_or_after(1).filter(|first| *first <= 28)?;
        let next = if this.month == 12 { 1 } else { this.month + 1 };
        (self.months().contains(next)).then_some(this.first + this.days + first - 1)
    }

    /// The same, month by month.
    #[inline(never)]
    fn by_month(&self, day: u32) -> Option<u32> {
        if day > LAST_DAY {
            return None;
        }
        let (this, of_month) = Month::holding(day);
        let mut year = self.year_at_or_after(this.year)?;
        let mut number = 1;
        if year == this.year {
            if self.months().contains(this.month)
                && let Some(found) = self.days_of(&this).at_or_after(of_month)
            {
                return Some(this.first + found - 1);
            }
            number = this.month + 1;
        }
        // Most months of a sparse calendar are told by their length alone: 29 February.
        let shortest = self.shortest_month();
        let (common, leap) = (months_of(shortest, false), months_of(shortest, true));
        loop {
            let months = self.months() & if is_leap(year) { leap } else { common };
            while let Some(month) = months.at_or_after(number) {
                number = month + 1;
                let month = Month::new(year, month);
                if let Some(found) = self.days_of(&month).at_or_after(1) {
                    return Some(month.first + found - 1);
                }
            }
            if (self.months() & common).is_empty() {
                // Then only leap years will do, which are multiples of four: on to the next one.
                year |= 3;
            }
            year = self.year_at_or_after(year + 1)?;
            number = 1;
        }
    }

    /// How many days a month must have to have one that may match.
    fn shortest_month(&self) -> u32 {
        match self.days().at_or_after(1) {
            Some(first) if !self.common.last_day && self.rare.is_none() => first,
            _ => 1,
        }
    }

    /// How many dates match from `from` on and before `until`.
    pub fn count(&self, from: u32, until: u32) -> u64 {
        let mut count = 0;
        let mut next = self.at_or_after(from);
        while let Some(day) = next.filter(|day| *day < until) {
            let (month, of_month) = Month::holding(day);
            let end = (until - month.first).min(month.days) + 1;
            let days = self.days_of(&month);
            count += u64::from(days.count_below(end) - days.count_below(of_month));
            next = month
                .following()
                .and_then(|following| self.at_or_after(following.first));
        }
        count
    }

    /// Whether any date matches, ever.
    pub fn ever(&self) -> bool {
        match self.rare {
            // Every date of a leap year falls on every weekday in the course of 400 years, 29 February too: so a
            // day that some allowed month has is enough.
            None => self.months().iter().any(|month| {
                let longest = Month::new(LEAP_YEAR, month);
                let last = Values::one(if self.common.last_day { longest.days } else { 0 });
                !((self.days() | last) & longest.all_days()).is_empty()
            }),
            Some(_) => self.in_any_kind_of_year(),
        }
    }

    /// Whether any date matches, with years, weeks or "1st fri" among the fields.
    ///
    /// What falls on which day of a year depends on three things: the weekday of its 1 January, whether it
    /// is a leap year, and (for the ISO week its first days belong to) whether the year before was one.
    /// That makes at most 28 kinds of years, all of which occur within the calendar's cycle of 400.
    fn in_any_kind_of_year(&self) -> bool {
        let mut tried = Values::NONE;
        let allowed = std::iter::successors(self.year_at_or_after(YEAR.first), |year| {
            self.year_at_or_after(year + 1)
        });
        let every_year = self.rare.is_none_or(|rare| rare.years.is_none());
        for year in allowed.take(if every_year { CYCLE } else { usize::MAX }) {
            let kind =
                weekday(new_year(year)) * 4 + u32::from(is_leap(year)) * 2 + u32::from(is_leap(year - 1));
            if tried.contains(kind) {
                continue;
            }
            tried = tried | Values::one(kind);
            let months = self.months();
            if months
                .iter()
                .any(|month| !self.days_of(&Month::new(year, month)).is_empty())
            {
                return true;
            }
        }
        false
    }
}

/// Any year with a 29 February.
const LEAP_YEAR: u32 = 2000;

impl Rare {
    /// The days of a month that are its "1st fri" and the like.
    fn nth_days(&self, month: &Month) -> Values {
        let mut days = Values::NONE;
        for (position, weekdays) in self.nth_weekdays.iter().enumerate() {
            for weekday in weekdays.iter() {
                let mut on = month.days_on(Values::one(weekday)).iter();
                let nth = if position == POSITIONS.len() - 1 {
                    on.last()
                } else {
                    on.nth(position)
                };
                days = days | nth.map_or(Values::NONE, Values::one);
            }
        }
        days
    }

    /// Those of a month's `days` that lie in one of the ISO weeks.
    fn in_weeks(&self, days: Values, month: &Month) -> Values {
        if self.weeks == DateFields::all().weeks || days.is_empty() {
            return days;
        }
        let mut inside = Values::NONE;
        let mut day = 1;
        while day <= month.days {
            let this = month.first + day - 1;
            let sunday = day + 6 - weekday(this);
            if self.weeks.contains(iso_week(this, month.year)) {
                inside = inside | Values::span(day, sunday);
            }
            day = sunday + 1;
        }
        days & inside
    }
}
