//! A time zone as pure data: at which instant which offset from UTC began.

use chrono::NaiveDateTime;

use super::DueTime;

/// From `start` on, civil time is UTC plus `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// First instant, seconds since the epoch, UTC.
    pub start: i64,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// A named zone: its offsets, ascending and without repeats, the first one from the beginning of time.
#[derive(Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    segments: Vec<Segment>,
}

impl Zone {
    /// A zone from its offsets. `first` holds before the first segment; segments that change nothing
    /// are dropped; the rest are taken in order of their start.
    #[must_use]
    pub fn new(name: &str, first: i32, segments: &[Segment]) -> Self {
        let mut all = vec![Segment {
            start: i64::MIN,
            offset: first,
        }];
        let mut sorted = segments.to_vec();
        sorted.sort_by_key(|segment| segment.start);
        for segment in sorted {
            if all.last().is_some_and(|last| last.offset != segment.offset) {
                all.push(segment);
            }
        }
        Self {
            name: name.to_owned(),
            segments: all,
        }
    }

    /// UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self::new("UTC", 0, &[])
    }

    /// The zone's name, as `Europe/Berlin`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Seconds east of UTC at `instant`.
    #[must_use]
    pub fn offset_at(&self, instant: DueTime) -> i32 {
        let after = self
            .segments
            .partition_point(|segment| segment.start <= instant.epoch());
        self.segments
            .get(after.saturating_sub(1))
            .map_or(0, |segment| segment.offset)
    }

    /// Civil time at `instant`.
    #[must_use]
    pub fn civil(&self, instant: DueTime) -> NaiveDateTime {
        instant
            .plus(i64::from(self.offset_at(instant)))
            .instant()
            .naive_utc()
    }
}
