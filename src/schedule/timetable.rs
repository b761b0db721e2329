//! Schedules in their zone: which is the first due time after this one?

use std::sync::Arc;

use super::civil::LAST;
use super::clock_change;
use super::interval::Ticks;
use super::{DueTime, Occurrence, Rule, Schedule, Shift, Zone};

/// The earliest instant that is looked at: some days before the year 0, long before any schedule. The end
/// is [`LAST`]: nothing is due after the year 9999.
const EARLIEST: i64 = -62_168_000_000;

/// A schedule in its zone: what the planner asks.
#[derive(Debug, Clone)]
pub struct Timetable {
    schedule: Arc<Schedule>,
    zone: Arc<Zone>,
    anchor: DueTime,
    /// Nothing is due before this instant.
    opens: i64,
    /// Nothing is due after this instant.
    closes: i64,
}

/// The due times between two instants, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The earliest of them.
    pub first: DueTime,
    /// The latest of them.
    pub last: DueTime,
    /// How many, both ends included.
    pub count: u64,
}

impl Missed {
    /// One due time.
    #[must_use]
    pub const fn only(due: DueTime) -> Self {
        Self {
            first: due,
            last: due,
            count: 1,
        }
    }
}

impl Timetable {
    /// Binds `schedule` to `zone`. `anchor`: where an interval without `schedule_start_date` counts from
    /// (its first due time is one interval later), and the due time of `Once` (its `schedule_start_date`,
    /// if that is later).
    #[must_use]
    pub fn new(schedule: Arc<Schedule>, zone: Arc<Zone>, anchor: DueTime) -> Self {
        let bound = |moment: super::moment::Moment| moment.in_zone(&zone).due.epoch();
        let bounds = schedule.bounds();
        let opens = bounds.start.map_or(EARLIEST, bound).max(EARLIEST);
        let closes = bounds.end.map_or(LAST, bound).min(LAST);
        Self {
            schedule,
            zone,
            anchor,
            opens,
            closes,
        }
    }

    /// The first due time strictly after `after`; `None` when there will never be one.
    /// For [`super::Kind::Continuous`], `after` is the end of the last run.
    #[must_use]
    pub fn next(&self, after: DueTime) -> Option<Occurrence> {
        let after = after.epoch().max(self.opens - 1);
        if after >= self.closes {
            return None;
        }
        let unmoved = |due| {
            Some(Occurrence {
                due: DueTime::from_epoch(due),
                shift: Shift::None,
            })
        };
        let found = match self.schedule.rule() {
            Rule::Calendar(calendar) => clock_change::due_from(calendar, &self.zone, after + 1)?,
            Rule::Every { seconds } => unmoved(self.ticks(*seconds).next(after)?)?,
            Rule::Continuous => unmoved(after + 1)?,
            Rule::Date(moment) => moment.in_zone(&self.zone),
            Rule::Once => unmoved(self.anchor.epoch().max(self.opens))?,
            Rule::Manual => return None,
        };
        let due = found.due.epoch();
        (after < due && due <= self.closes).then_some(found)
    }

    /// Sums up the due times with `after < due <= until`; `None` when there is none.
    ///
    /// It costs some searches, not one for each due time.
    #[must_use]
    pub fn missed(&self, after: DueTime, until: DueTime) -> Option<Missed> {
        let first = self.next(after)?.due;
        (first <= until).then(|| self.missed_from(first, until))?
    }

    /// The same from `first` on, which is one of them.
    #[must_use]
    pub fn missed_from(&self, first: DueTime, until: DueTime) -> Option<Missed> {
        // Mostly it is the only one.
        if self.next(first).is_none_or(|next| next.due > until) {
            return Some(Missed::only(first));
        }
        let until = until.epoch().min(self.closes);
        let (last, count) = match self.schedule.rule() {
            Rule::Calendar(calendar) => (
                clock_change::last_until(calendar, &self.zone, first.epoch(), until)?,
                clock_change::count(calendar, &self.zone, first.epoch(), until),
            ),
            Rule::Every { seconds } => {
                let (last, count) = self.ticks(*seconds).last(first.epoch() - 1, until)?;
                (DueTime::from_epoch(last), count)
            }
            Rule::Continuous | Rule::Date(_) | Rule::Once | Rule::Manual => (first, 1),
        };
        Some(Missed { first, last, count })
    }

    /// The due times of an interval: from `schedule_start_date` on, else from one interval after the anchor.
    fn ticks(&self, step: i64) -> Ticks {
        let base = match self.schedule.bounds().start {
            Some(_) => self.opens,
            None => self.anchor.epoch().saturating_add(step),
        };
        Ticks { base, step }
    }

    /// The schedule.
    #[must_use]
    pub fn schedule(&self) -> &Arc<Schedule> {
        &self.schedule
    }

    /// The zone.
    #[must_use]
    pub fn zone(&self) -> &Arc<Zone> {
        &self.zone
    }
}
