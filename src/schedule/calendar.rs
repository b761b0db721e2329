//! A compiled calendar: which civil seconds match. It knows nothing of zones.

use super::civil::{LAST, join, split};
use super::dates::{Common, DateFields, Dates, Rare};
use super::times::Times;

/// Dates and times: a civil second matches when its date and its time both do.
///
/// A bit for every value of every field: hardly a plan names years, weeks or "1st fri", so that is all there is to a
/// calendar as people have them, in 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Calendar {
    Usual(Times, Common),
    Special(Box<(Times, Common, Rare)>),
}

impl Calendar {
    pub fn new(times: Times, dates: DateFields) -> Self {
        match dates.split() {
            (common, None) => Self::Usual(times, common),
            (common, Some(rare)) => Self::Special(Box::new((times, common, rare))),
        }
    }

    /// The times of day that match.
    pub fn times(&self) -> &Times {
        match self {
            Self::Usual(times, _) => times,
            Self::Special(special) => &special.0,
        }
    }

    /// The dates that match.
    pub fn dates(&self) -> Dates<'_> {
        match self {
            Self::Usual(_, common) => Dates::new(*common, None),
            Self::Special(special) => Dates::new(special.1, Some(&special.2)),
        }
    }

    /// Whether this civil second matches.
    pub fn contains(&self, civil: i64) -> bool {
        let (day, second) = split(civil);
        (0..=LAST).contains(&civil) && self.times().contains(second) && self.dates().contains(day)
    }

    /// The first civil second that matches, from `civil` on.
    #[inline(always)]
    pub fn at_or_after(&self, civil: i64) -> Option<i64> {
        if civil > LAST {
            return None;
        }
        let (times, dates) = match self {
            Self::Usual(times, common) => (times, Dates::new(*common, None)),
            Self::Special(special) => (&special.0, Dates::new(special.1, Some(&special.2))),
        };
        let (today, second) = split(civil);
        // Once the day's last time is over, the search begins tomorrow.
        let (from, left_today) = match times.at_or_after(second) {
            Some(second) => (today, second),
            None => (today + 1, times.first()),
        };
        let day = dates.at_or_after(from)?;
        let second = if day == from { left_today } else { times.first() };
        Some(join(day, second))
    }

    /// How many civil seconds match from `from` on and before `until`.
    pub fn count(&self, from: i64, until: i64) -> u64 {
        let (from, until) = (from.max(0), until.min(LAST + 1));
        if from >= until {
            return 0;
        }
        // Counted from midnight to midnight, then without the times of the first date before `from`, and
        // with those of the last date, which is the one that `until - 1` lies in.
        let (first, start) = split(from);
        let (last, end) = split(until - 1);
        let times_before = |day: u32, second: u32| {
            if second > 0 && self.dates().contains(day) {
                self.times().count_before(second)
            } else {
                0
            }
        };
        let whole = self.dates().count(first, last) * self.times().per_day();
        whole + times_before(last, end + 1) - times_before(first, start)
    }
}
