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
    #[inline]
    pub(super) fn read(&self, instant: i64) -> i64 {
        instant.saturating_add(i64::from(self.offset))
    }

    /// When a clock on the wall reads `civil`, by this segment's offset.
    #[inline]
    pub(super) fn when(&self, civil: i64) -> i64 {
        civil.saturating_sub(i64::from(self.offset))
    }
}

/// A named zone: its offsets, ascending and without repeats, the first one from the beginning of time.
#[derive(Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    stretches: Vec<Stretch>,
    guide: Guide,
}

/// A segment, and how its civil time lies to that of the segments around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    segment: Segment,
    /// How far the clock on the wall had come before it: it had read every civil second below this one, or
    /// skipped it.
    reached: i64,
    /// The civil seconds `alone_from <= civil < alone_until` are read in it, once and never elsewhere.
    alone_from: i64,
    alone_until: i64,
}

impl Stretch {
    /// Whether a civil second is read in this stretch, once, and in no other.
    #[inline]
    pub fn alone(&self, civil: i64) -> bool {
        self.alone_from <= civil && civil < self.alone_until
    }

    /// Whether a civil second that is read in it lies behind what the clocks changed at its beginning. (What a gap
    /// skipped is due in its very first second.)
    #[inline]
    pub fn is_under_way(&self, civil: i64) -> bool {
        self.alone_from < civil
    }

    /// Whether the clocks change nothing from one civil second to another.
    #[inline]
    pub fn is_calm(&self, from: i64, until: i64) -> bool {
        self.is_under_way(from) && until < self.alone_until
    }

    /// Its segment.
    pub fn segment(&self) -> Segment {
        self.segment
    }
}

/// What a zone without segments would have; there is none.
static NOWHERE: Stretch = Stretch {
    segment: Segment { start: 0, offset: 0 },
    reached: i64::MIN,
    alone_from: i64::MIN,
    alone_until: i64::MAX,
};

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
        let mut all = vec![Stretch {
            segment: Segment {
                start: i64::MIN,
                offset: first,
            },
            ..NOWHERE
        }];
        let mut sorted = segments.to_vec();
        sorted.sort_by_key(|segment| segment.start);
        let (mut last, mut top) = (first, i64::MIN);
        for (at, segment) in sorted.iter().copied().enumerate() {
            let replaced = sorted.get(at + 1).is_some_and(|next| next.start == segment.start);
            if last != segment.offset && !replaced {
                top = top.max(segment.start.saturating_add(i64::from(last)));
                last = segment.offset;
                all.push(Stretch {
                    segment,
                    reached: top,
                    alone_from: top.max(segment.read(segment.start)),
                    alone_until: i64::MAX,
                });
            }
        }
        let later: Vec<Segment> = all.iter().skip(1).map(|stretch| stretch.segment).collect();
        for (at, stretch) in all.iter_mut().enumerate() {
            let Some(next) = later.get(at) else { continue };
            // What is read in it, without what a segment soon after begins with.
            stretch.alone_until = later
                .iter()
                .skip(at)
                .take_while(|later| later.start.saturating_sub(next.start) <= CHANGES_MEET)
                .map(|later| later.read(later.start))
                .fold(stretch.segment.read(next.start), i64::min);
        }
        Self {
            name: name.to_owned(),
            guide: Guide::new(&later),
            stretches: all,
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
    pub fn segments(&self) -> Vec<Segment> {
        self.stretches.iter().map(|stretch| stretch.segment).collect()
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
    #[inline]
    pub(super) fn index_at(&self, instant: i64) -> usize {
        let mut index = self.guide.not_after(instant);
        while let Some(next) = self.stretches.get(index + 1)
            && next.segment.start <= instant
        {
            index += 1;
        }
        index
    }

    /// The stretch that `instant` lies in, and the one after it (the last one has itself).
    #[inline]
    pub(super) fn stretches_from(&self, instant: i64) -> (&Stretch, &Stretch) {
        match self.stretches.get(self.index_at(instant)..) {
            Some([here, next, ..]) => (here, next),
            Some([last]) => (last, last),
            _ => (&NOWHERE, &NOWHERE),
        }
    }

    /// The stretch that `instant` lies in.
    fn stretch_at(&self, instant: i64) -> &Stretch {
        self.stretches_from(instant).0
    }

    /// The segment that `instant` lies in.
    pub(super) fn segment_at(&self, instant: i64) -> Segment {
        self.stretch_at(instant).segment
    }

    /// The segment at `index`; beyond the last, the last.
    pub(super) fn segment(&self, index: usize) -> Segment {
        let last = self.stretches.last();
        self.stretches.get(index).or(last).unwrap_or(&NOWHERE).segment
    }

    /// The first instant after the segment at `index`; the last segment has no end.
    pub(super) fn end_of(&self, index: usize) -> i64 {
        self.stretches
            .get(index + 1)
            .map_or(i64::MAX, |next| next.segment.start)
    }

    /// How far the clock on the wall had come before the segment at `index`.
    pub(super) fn reached_before(&self, index: usize) -> i64 {
        self.stretches
            .get(index)
            .map_or(i64::MAX, |stretch| stretch.reached)
    }

    /// The lowest civil second whose [`Place`] is `instant` or later.
    pub(super) fn first_civil_from(&self, instant: i64) -> i64 {
        let Stretch { segment, reached, .. } = *self.stretch_at(instant);
        if segment.start == instant {
            reached
        } else {
            reached.max(segment.read(instant))
        }
    }

    /// Where a civil second lies. It never decreases from one civil second to the next.
    pub(super) fn place(&self, civil: i64) -> Place {
        // Offsets are small, so that the segment at civil time taken for an instant is the right one or beside it.
        let mut index = self.index_at(civil);
        while index > 0 && self.reached_before(index) > civil {
            index -= 1;
        }
        while self.reached_before(index + 1) <= civil && index + 1 < self.stretches.len() {
            index += 1;
        }
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
        let alone = self
            .stretches
            .get(index)
            .is_some_and(|stretch| stretch.alone(civil));
        let again = !alone && self.comes_again(civil, instant, index);
        Place::Read { instant, again }
    }

    /// Whether a later segment than the one at `index` reads a civil second again that is read at `instant`.
    fn comes_again(&self, civil: i64, instant: i64, index: usize) -> bool {
        (index + 1..self.stretches.len())
            .take_while(|later| self.segment(*later).start.saturating_sub(instant) <= CHANGES_MEET)
            .any(|later| {
                let segment = self.segment(later);
                segment.read(segment.start) <= civil && civil < segment.read(self.end_of(later))
            })
    }
}

/// Finds the segment of an instant without searching: time is cut into equal strides, and for the beginning of each it
/// is known which segment holds. A stride is some weeks long, so the segment asked for is that one or the next.
#[derive(Debug, Default, PartialEq, Eq)]
struct Guide {
    /// Where the first stride begins: where the second segment does.
    origin: i64,
    /// A stride is two to the power of this long, in seconds.
    power: u32,
    holds: Vec<u32>,
}

/// The most strides that a guide has: 4 KiB of them.
const STRIDES: u64 = 1024;

impl Guide {
    /// `later`: all segments of a zone but the first.
    fn new(later: &[Segment]) -> Self {
        let (Some(first), Some(last)) = (later.first(), later.last()) else {
            return Self::default();
        };
        let (origin, span) = (first.start, last.start.abs_diff(first.start));
        let power = (0..u64::BITS)
            .find(|power| span >> power < STRIDES)
            .unwrap_or_default();
        let mut index = 0;
        let holds = (0..=span >> power)
            .map(|stride| {
                let begins = origin.saturating_add_unsigned(stride << power);
                while later
                    .get(index as usize)
                    .is_some_and(|segment| segment.start <= begins)
                {
                    index += 1;
                }
                index
            })
            .collect();
        Self { origin, power, holds }
    }

    /// The index of a segment that begins at or before `instant`, or of the first: rarely not the last such one.
    #[inline]
    fn not_after(&self, instant: i64) -> usize {
        if instant < self.origin {
            return 0;
        }
        let stride = instant.abs_diff(self.origin) >> self.power;
        let stride = usize::try_from(stride).unwrap_or(usize::MAX);
        let last = self.holds.last();
        match self.holds.get(stride) {
            Some(index) => *index as usize,
            None => last.map_or(0, |last| *last as usize),
        }
    }
}
