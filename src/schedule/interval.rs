//! Intervals: every so many seconds of elapsed time. The clocks on the wall do not concern them.

use super::grammar::shown;

/// Python's longest timedelta, which is the longest that freezer-scheduler can hold. In days.
const LONGEST: i64 = 999_999_999;

/// The units that `schedule_interval` may count in, and their seconds.
const UNITS: [(&str, i64); 5] = [
    ("weeks", 604_800),
    ("days", 86_400),
    ("hours", 3600),
    ("minutes", 60),
    ("seconds", 1),
];
/// Virtuozzo's units.
const SHORT_UNITS: [(char, i64); 3] = [('w', 604_800), ('d', 86_400), ('h', 3600)];

/// What `schedule_interval` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interval {
    /// Again one second after the last run ended.
    Continuous,
    /// Every so many seconds; at least 1.
    Every(i64),
}

impl Interval {
    /// Reads `continuous`, `N days`, `Nd` and the like.
    ///
    /// # Errors
    /// What is wrong and what is allowed.
    pub fn read(text: &str) -> Result<Self, String> {
        if text == "continuous" {
            return Ok(Self::Continuous);
        }
        let (number, unit) = split(text).ok_or_else(|| {
            format!(
                "{:?} is not understood; allowed are \"continuous\", \"N weeks\", \"N days\", \"N hours\", \
                 \"N minutes\", \"N seconds\" (so spelled, one blank between), and \"Nh\", \"Nd\", \"Nw\"",
                shown(text)
            )
        })?;
        // Too many digits to hold is too long as well.
        let seconds = number
            .parse::<i64>()
            .ok()
            .and_then(|number| number.checked_mul(unit));
        match seconds {
            Some(0) => Err("an interval of nothing; it must be at least 1".to_owned()),
            Some(seconds) if seconds <= LONGEST * 86_400 => Ok(Self::Every(seconds)),
            _ => Err(format!("too long; at most {LONGEST} days are allowed")),
        }
    }
}

/// The digits, and the seconds of the unit behind them.
fn split(text: &str) -> Option<(&str, i64)> {
    let end = text.find(|digit: char| !digit.is_ascii_digit())?;
    if end == 0 {
        return None;
    }
    let (number, rest) = text.split_at(end);
    let long = rest
        .strip_prefix(' ')
        .and_then(|unit| UNITS.iter().find(|(name, _)| *name == unit));
    let short = || {
        SHORT_UNITS
            .iter()
            .find(|(letter, _)| rest.strip_prefix(*letter) == Some(""))
    };
    let seconds = long
        .map(|(_, seconds)| *seconds)
        .or_else(|| short().map(|(_, seconds)| *seconds))?;
    Some((number, seconds))
}

/// Canonical text: the largest unit that divides it.
pub(super) fn render(seconds: i64) -> String {
    let (name, unit) = UNITS
        .into_iter()
        .find(|(_, unit)| seconds % unit == 0)
        .unwrap_or(("seconds", 1));
    format!("{} {name}", seconds / unit)
}

/// Due times at `base`, one `step` later, and so on for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticks {
    /// The first due time, seconds since the epoch.
    pub base: i64,
    /// Seconds between due times; at least 1.
    pub step: i64,
}

impl Ticks {
    /// How many due times lie at or before `instant`.
    fn until(self, instant: i64) -> i128 {
        let since = i128::from(instant) - i128::from(self.base);
        if since < 0 {
            0
        } else {
            since / i128::from(self.step.max(1)) + 1
        }
    }

    fn nth(self, index: i128) -> Option<i64> {
        i64::try_from(i128::from(self.base) + index * i128::from(self.step.max(1))).ok()
    }

    /// The first due time after `after`; `None` if an instant cannot hold it.
    pub fn next(self, after: i64) -> Option<i64> {
        self.nth(self.until(after))
    }

    /// The last due time at or before `until`, and how many lie in `after < due <= until`.
    pub fn last(self, after: i64, until: i64) -> Option<(i64, u64)> {
        let (before, all) = (self.until(after), self.until(until));
        if all <= before {
            return None;
        }
        Some((
            self.nth(all - 1)?,
            u64::try_from(all - before).unwrap_or(u64::MAX),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_and_what_it_comes_back_as() {
        for (text, seconds, rendered) in [
            ("1 days", 86_400, "1 days"),
            ("7 days", 604_800, "1 weeks"),
            ("007 hours", 25_200, "7 hours"),
            ("90 seconds", 90, "90 seconds"),
            ("5 minutes", 300, "5 minutes"),
            ("36h", 129_600, "36 hours"),
            ("2d", 172_800, "2 days"),
            ("3w", 1_814_400, "3 weeks"),
        ] {
            assert_eq!(Interval::read(text), Ok(Interval::Every(seconds)), "{text}");
            assert_eq!(render(seconds), rendered);
        }
        assert_eq!(Interval::read("continuous"), Ok(Interval::Continuous));
    }

    #[test]
    fn ticks_at_the_ends_of_time_do_not_overflow() {
        let ticks = Ticks {
            base: i64::MAX - 1,
            step: i64::MAX,
        };
        assert_eq!(ticks.next(i64::MIN), Some(i64::MAX - 1));
        assert_eq!(ticks.next(i64::MAX), None);
        let ticks = Ticks {
            base: i64::MIN,
            step: 1,
        };
        assert_eq!(ticks.last(i64::MIN, i64::MAX), Some((i64::MAX, u64::MAX)));
    }

    #[test]
    fn ticks_count_from_their_base() {
        let ticks = Ticks { base: 100, step: 10 };
        assert_eq!(ticks.next(0), Some(100));
        assert_eq!(ticks.next(99), Some(100));
        assert_eq!(ticks.next(100), Some(110));
        assert_eq!(ticks.last(100, 135), Some((130, 3)));
        assert_eq!(ticks.last(130, 139), None);
    }
}
