//! Due times: instants to the whole second, and nothing else.

use std::num::NonZeroU64;

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};

/// One instant at which a schedule fires: whole seconds since 1970-01-01T00:00:00Z.
///
/// Not a `DateTime`: it has no fraction and no offset, so two due times are the same run or they are not.
///
/// Kept as the seconds since the lowest `i64`, never 0: so one that may be missing takes no more room than one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueTime(NonZeroU64);

/// What turns an `i64` into its distance from the lowest one, and back.
const LOWEST: u64 = 1 << 63;

impl DueTime {
    /// From seconds since the epoch, UTC. (The lowest `i64` becomes the next one.)
    #[must_use]
    pub const fn from_epoch(seconds: i64) -> Self {
        match NonZeroU64::new(seconds.cast_unsigned() ^ LOWEST) {
            Some(distance) => Self(distance),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// Seconds since the epoch, UTC.
    #[must_use]
    pub const fn epoch(self) -> i64 {
        (self.0.get() ^ LOWEST).cast_signed()
    }

    /// The second `instant` lies in (its fraction is cut off).
    #[must_use]
    pub fn floor(instant: DateTime<Utc>) -> Self {
        Self::from_epoch(instant.trunc_subsecs(0).timestamp())
    }

    /// As an instant. Years that chrono cannot hold (beyond 262,000) become its nearest end.
    #[must_use]
    pub fn instant(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.epoch(), 0).unwrap_or(if self.epoch() < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// This many seconds later (earlier, if negative), saturating.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self::from_epoch(self.epoch().saturating_add(seconds))
    }

    /// Seconds from `earlier` to this one, saturating.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.epoch().saturating_sub(earlier.epoch())
    }
}

impl std::fmt::Debug for DueTime {
    /// As `DueTime(1774746000)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DueTime").field(&self.epoch()).finish()
    }
}

impl std::fmt::Display for DueTime {
    /// RFC 3339 in UTC, whole seconds, as `2026-03-29T01:00:00Z`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.instant().format("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// A due time, and whether the clocks moved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// When.
    pub due: DueTime,
    /// What a change of the clocks did to it.
    pub shift: Shift,
}

/// What a change of the clocks did to a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// Nothing.
    None,
    /// The civil time it names does not exist on that date; it runs at the first instant after the gap.
    MovedFromGap(NaiveDateTime),
    /// The civil time it names occurs twice on that date; it runs on the first pass only.
    FirstOfTwo,
}
