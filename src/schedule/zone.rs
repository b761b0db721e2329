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

impl Segment {
    /// What a clock on the wall reads at `instant`, by this segment's offset.
    pub(super) fn read(&self, instant: i64) -> i64 {
        instant.saturating_add(i64::from(self.offset))
    }

    /// When a clock on the wall reads `civil`, by this segment's offset.
    pub(super) fn when(&self, civil: i64) -> i64 {
        civil.saturating_sub(i64::from(self.offset))
    }
}

/// A named zone: its offsets, ascending and without repeats, the first one from the beginning of time.
#[derive(Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    segments: Vec<Segment>,
    /// For each segment, how far the clock on the wall had come before it: it had read every civil second
    /// below this one, or skipped it.
    reached: Vec<i64>,
}

/// Where a civil second lies among instants, when each is taken once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The clock on the wall reads it, at `instant` for the first time.
    Read {
        instant: i64,
        /// It reads it once more later.
        again: bool,
    },
    /// The clock on the wall skips it.
    Skipped {
        /// The first instant after the gap.
        ends: i64,
        /// What the clock reads then.
        resumes: i64,
        /// How much the clock skips, in seconds.
        length: i64,
    },
}

/// No two changes of the clocks that concern the same civil time lie further apart, in seconds.
const CHANGES_MEET: i64 = 2 * 86_400;

impl Zone {
    /// A zone from its offsets. `first` holds before the first segment; segments that change nothing
    /// are dropped; the rest are taken in order of their start (of two with the same start, the later one).
    #[must_use]
    pub fn new(name: &str, first: i32, segments: &[Segment]) -> Self {
        let mut all = vec![Segment {
            start: i64::MIN,
            offset: first,
        }];
        let mut reached = vec![i64::MIN];
        let mut sorted = segments.to_vec();
        sorted.sort_by_key(|segment| segment.start);
        let (mut last, mut top) = (first, i64::MIN);
        for (at, segment) in sorted.iter().copied().enumerate() {
            let replaced = sorted.get(at + 1).is_some_and(|next| next.start == segment.start);
            if last != segment.offset && !replaced {
                top = top.max(segment.start.saturating_add(i64::from(last)));
                last = segment.offset;
                reached.push(top);
                all.push(segment);
            }
        }
        Self {
            name: name.to_owned(),
            segments: all,
            reached,
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
        self.segment_at(instant.epoch()).offset
    }

    /// Civil time at `instant`.
    #[must_use]
    pub fn civil(&self, instant: DueTime) -> NaiveDateTime {
        instant
            .plus(i64::from(self.offset_at(instant)))
            .instant()
            .naive_utc()
    }

    /// The index of the segment that `instant` lies in.
    pub(super) fn index_at(&self, instant: i64) -> usize {
        self.segments
            .partition_point(|segment| segment.start <= instant)
            .saturating_sub(1)
    }

    /// The segment that `instant` lies in.
    pub(super) fn segment_at(&self, instant: i64) -> Segment {
        self.segment(self.index_at(instant))
    }

    /// The segment at `index`; beyond the last, the last.
    pub(super) fn segment(&self, index: usize) -> Segment {
        let last = self.segments.last();
        self.segments.get(index).or(last).copied().unwrap_or(Segment {
            start: i64::MIN,
            offset: 0,
        })
    }

    /// The first instant after the segment at `index`; the last segment has no end.
    pub(super) fn end_of(&self, index: usize) -> i64 {
        self.segments.get(index + 1).map_or(i64::MAX, |next| next.start)
    }

    /// How far the clock on the wall had come before the segment at `index`.
    pub(super) fn reached_before(&self, index: usize) -> i64 {
        self.reached.get(index).copied().unwrap_or(i64::MIN)
    }

    /// The lowest civil second whose [`Place`] is `instant` or later.
    pub(super) fn first_civil_from(&self, instant: i64) -> i64 {
        let index = self.index_at(instant);
        let (segment, reached) = (self.segment(index), self.reached_before(index));
        if segment.start == instant {
            reached
        } else {
            reached.max(segment.read(instant))
        }
    }

    /// Where a civil second lies. It never decreases from one civil second to the next.
    pub(super) fn place(&self, civil: i64) -> Place {
        let index = self
            .reached
            .partition_point(|reached| *reached <= civil)
            .saturating_sub(1);
        let segment = self.segment(index);
        let resumes = segment.read(segment.start);
        if civil < resumes {
            let length = resumes.saturating_sub(self.reached_before(index));
            return Place::Skipped {
                ends: segment.start,
                resumes,
                length,
            };
        }
        let instant = segment.when(civil);
        let again = (index + 1..self.segments.len())
            .take_while(|later| self.segment(*later).start.saturating_sub(instant) <= CHANGES_MEET)
            .any(|later| {
                let segment = self.segment(later);
                segment.read(segment.start) <= civil && civil < segment.read(self.end_of(later))
            });
        Place::Read { instant, again }
    }
}
