//! The times of day that a calendar allows.

use super::fields::{HOUR, MINUTE};
use super::values::Values;

/// Hours, minutes and seconds, each on its own: a time matches when all three do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Times {
    seconds: u64,
    minutes: u64,
    hours: u32,
}

impl Times {
    /// From its three fields, none of them empty.
    pub fn new(hours: Values, minutes: Values, seconds: Values) -> Self {
        let hours = u32::try_from(hours.bits()).unwrap_or(u32::MAX);
        Self {
            seconds: seconds.bits(),
            minutes: minutes.bits(),
            hours,
        }
    }

    pub fn hours(&self) -> Values {
        Values::from_bits(u64::from(self.hours))
    }

    pub const fn minutes(&self) -> Values {
        Values::from_bits(self.minutes)
    }

    pub const fn seconds(&self) -> Values {
        Values::from_bits(self.seconds)
    }

    /// Whether every hour of the day is allowed: then real time rules when the clocks change.
    pub fn every_hour(&self) -> bool {
        self.hours() == Values::span(HOUR.first, HOUR.last)
    }

    /// Whether every minute of an hour is allowed.
    pub fn every_minute(&self) -> bool {
        self.minutes() == Values::span(MINUTE.first, MINUTE.last)
    }

    /// Whether the time at this second of the day is allowed.
    pub fn contains(&self, second_of_day: u32) -> bool {
        let (hour, minute, second) = split(second_of_day);
        self.hours().contains(hour) && self.minutes().contains(minute) && self.seconds().contains(second)
    }

    /// The first allowed time of the day, from this second on.
    #[inline(always)]
    pub fn at_or_after(&self, second_of_day: u32) -> Option<u32> {
        // Mostly there is one a day.
        if !(self.hours().several() || self.minutes().several() || self.seconds().several()) {
            let only = self.first();
            return (second_of_day <= only).then_some(only);
        }
        let (hour, minute, second) = split(second_of_day);
        if self.hours().contains(hour) {
            if self.minutes().contains(minute)
                && let Some(second) = self.seconds().at_or_after(second)
            {
                return Some(join(hour, minute, second));
            }
            if let Some(minute) = self.minutes().at_or_after(minute + 1) {
                return Some(join(hour, minute, self.seconds.trailing_zeros()));
            }
        }
        let hour = self.hours().at_or_after(hour + 1)?;
        Some(join(
            hour,
            self.minutes.trailing_zeros(),
            self.seconds.trailing_zeros(),
        ))
    }

    /// The first allowed time of the day.
    #[inline]
    pub fn first(&self) -> u32 {
        join(
            self.hours.trailing_zeros(),
            self.minutes.trailing_zeros(),
            self.seconds.trailing_zeros(),
        )
    }

    /// How many times of a day are allowed.
    pub fn per_day(&self) -> u64 {
        u64::from(self.hours().count()) * self.per_hour()
    }

    fn per_hour(&self) -> u64 {
        u64::from(self.minutes().count()) * u64::from(self.seconds().count())
    }

    /// How many times of a day are allowed before this second.
    pub fn count_before(&self, second_of_day: u32) -> u64 {
        let (hour, minute, second) = split(second_of_day);
        let mut count = u64::from(self.hours().count_below(hour)) * self.per_hour();
        if self.hours().contains(hour) {
            count += u64::from(self.minutes().count_below(minute)) * u64::from(self.seconds().count());
            if self.minutes().contains(minute) {
                count += u64::from(self.seconds().count_below(second));
            }
        }
        count
    }
}

const fn split(second_of_day: u32) -> (u32, u32, u32) {
    (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60)
}

const fn join(hour: u32, minute: u32, second: u32) -> u32 {
    (hour * 60 + minute) * 60 + second
}
