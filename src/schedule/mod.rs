//! Schedules: from a `job_schedule`'s texts to the next due time.
//!
//! PURE: no I/O, no clock, no API types, and nothing of any other room. A [`Spec`] of texts is compiled
//! once ([`compile`]) into a [`Schedule`]; bound to a [`Zone`] and an anchor it is a [`Timetable`], which
//! answers one question: which is the first due time after this one?

mod due;
mod window;
mod zone;

use std::sync::Arc;

pub use due::{DueTime, Occurrence, Shift};
pub use window::{Crontab, CrontabError, Windows};
pub use zone::{Segment, Zone};

/// The texts of one `job_schedule`, as the document has them (an integer is written out as text).
/// `None`: left out or null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Spec<'a> {
    /// `schedule_year`
    pub year: Option<&'a str>,
    /// `schedule_month`
    pub month: Option<&'a str>,
    /// `schedule_day`
    pub day: Option<&'a str>,
    /// `schedule_week`: ISO week, 1-53
    pub week: Option<&'a str>,
    /// `schedule_day_of_week`: 0 = Monday
    pub day_of_week: Option<&'a str>,
    /// `schedule_hour`
    pub hour: Option<&'a str>,
    /// `schedule_minute`
    pub minute: Option<&'a str>,
    /// `schedule_second`
    pub second: Option<&'a str>,
    /// `schedule_interval`
    pub interval: Option<&'a str>,
    /// `schedule_date`
    pub date: Option<&'a str>,
    /// `schedule_start_date`
    pub start_date: Option<&'a str>,
    /// `schedule_end_date`
    pub end_date: Option<&'a str>,
}

/// What a job without any schedule means; it depends on the dialect of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unscheduled {
    /// Upstream: run once, as soon as it is seen.
    Once,
    /// Virtuozzo: its schedule was erased; it never runs by itself.
    Manual,
}

/// One field that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {text:?}: {message}")]
pub struct FieldError {
    /// The document's key, as `schedule_hour`.
    pub field: &'static str,
    /// The text that was given.
    pub text: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// A compiled `job_schedule`, not yet bound to a zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schedule {
    // room A: replace by the real representation
    _private: (),
}

/// Which sort of schedule it is, for those who print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// By calendar fields.
    Calendar,
    /// Every so many seconds of elapsed time.
    Interval,
    /// Again one second after the last run ended.
    Continuous,
    /// Once, at a given time.
    Date,
    /// Once, as soon as it is seen.
    Once,
    /// Never by itself.
    Manual,
}

/// Compiles the texts of a `job_schedule`.
///
/// # Errors
/// Every field that is wrong, not only the first.
pub fn compile(spec: &Spec<'_>, unscheduled: Unscheduled) -> Result<Schedule, Vec<FieldError>> {
    let _ = (spec, unscheduled);
    todo!()
}

impl Schedule {
    /// Which sort it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        todo!()
    }

    /// Whether an anchor matters: an interval without `schedule_start_date`, or `Once`.
    #[must_use]
    pub fn wants_anchor(&self) -> bool {
        todo!()
    }

    /// Canonical texts that compile to this very schedule, by document key (`schedule_hour` ...).
    #[must_use]
    pub fn render(&self) -> Vec<(&'static str, String)> {
        todo!()
    }
}

/// A schedule in its zone: what the planner asks.
#[derive(Debug, Clone)]
pub struct Timetable {
    schedule: Arc<Schedule>,
    zone: Arc<Zone>,
    anchor: DueTime,
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

impl Timetable {
    /// Binds `schedule` to `zone`. `anchor`: where an interval without `schedule_start_date` counts from
    /// (its first due time is one interval later), and the due time of `Once`.
    #[must_use]
    pub fn new(schedule: Arc<Schedule>, zone: Arc<Zone>, anchor: DueTime) -> Self {
        Self {
            schedule,
            zone,
            anchor,
        }
    }

    /// The first due time strictly after `after`; `None` when there will never be one.
    /// For [`Kind::Continuous`], `after` is the end of the last run.
    #[must_use]
    pub fn next(&self, after: DueTime) -> Option<Occurrence> {
        let _ = (after, self.anchor, &self.schedule);
        todo!()
    }

    /// Sums up the due times with `after < due <= until`; `None` when there is none.
    #[must_use]
    pub fn missed(&self, after: DueTime, until: DueTime) -> Option<Missed> {
        let _ = (after, until);
        todo!()
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
