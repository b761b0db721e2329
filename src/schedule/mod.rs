//! Schedules: from a `job_schedule`'s texts to the next due time.
//!
//! PURE: no I/O, no clock, no API types, and nothing of any other room. A [`Spec`] of texts is compiled
//! once ([`compile`]) into a [`Schedule`]; bound to a [`Zone`] and an anchor it is a [`Timetable`], which
//! answers one question: which is the first due time after this one?
//!
//! The way of a calendar through this room: `fields` (keys and bounds), `grammar` (text to items),
//! `compile` (items to sets of allowed `values`), `dates` and `times` (which dates and times of day match), `civil` (the
//! arithmetic of dates), `calendar` (the next civil second that matches), `zone` and `clock_change` (from civil time to
//! an instant).

mod calendar;
mod civil;
mod clock_change;
mod compile;
mod dates;
mod due;
mod fields;
mod grammar;
mod interval;
mod moment;
mod render;
mod times;
mod timetable;
mod values;
mod window;
mod years;
mod zone;

pub use compile::compile;
pub use due::{DueTime, Occurrence, Shift};
pub use timetable::{Missed, Timetable};
pub use window::{Crontab, CrontabError, Windows};
pub use zone::{Segment, Zone};

use calendar::Calendar;
use moment::Moment;

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
#[error("{field}: {message}")]
pub struct FieldError {
    /// The document's key, as `schedule_hour`.
    pub field: &'static str,
    /// The text that was given.
    pub text: String,
    /// Which part of the text is wrong and why, and what is allowed.
    pub message: String,
}

/// A compiled `job_schedule`, not yet bound to a zone.
///
/// A node may keep one for each plan, so it is small; and equal ones are equal values, so the planner keeps them once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schedule {
    extent: Extent,
}

/// A million of them are 32 MB, even if no two are equal.
const _: () = assert!(size_of::<Schedule>() <= 32);

/// Few schedules have bounds, so those are apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Extent {
    Unbounded(Rule),
    Within(Box<(Rule, Bounds)>),
}

/// When it is due.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rule {
    Calendar(Calendar),
    Every { seconds: i64 },
    Continuous,
    Date(Moment),
    Once,
    Manual,
}

/// `schedule_start_date` and `schedule_end_date`, both inclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Bounds {
    start: Option<Moment>,
    end: Option<Moment>,
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

impl Schedule {
    fn new(rule: Rule, bounds: Bounds) -> Self {
        let extent = if bounds == Bounds::default() {
            Extent::Unbounded(rule)
        } else {
            Extent::Within(Box::new((rule, bounds)))
        };
        Self { extent }
    }

    fn rule(&self) -> &Rule {
        match &self.extent {
            Extent::Unbounded(rule) => rule,
            Extent::Within(within) => &within.0,
        }
    }

    fn bounds(&self) -> Bounds {
        match &self.extent {
            Extent::Unbounded(_) => Bounds::default(),
            Extent::Within(within) => within.1,
        }
    }

    /// Which sort it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.rule() {
            Rule::Calendar(_) => Kind::Calendar,
            Rule::Every { .. } => Kind::Interval,
            Rule::Continuous => Kind::Continuous,
            Rule::Date(_) => Kind::Date,
            Rule::Once => Kind::Once,
            Rule::Manual => Kind::Manual,
        }
    }

    /// Whether an anchor matters: an interval without `schedule_start_date`, or `Once`.
    #[must_use]
    pub fn wants_anchor(&self) -> bool {
        match self.rule() {
            Rule::Every { .. } => self.bounds().start.is_none(),
            Rule::Once => true,
            Rule::Calendar(_) | Rule::Continuous | Rule::Date(_) | Rule::Manual => false,
        }
    }

    /// Canonical texts that compile to this very schedule, by document key (`schedule_hour` ...).
    /// None for `Manual`, and for `Once` but for its bounds: there it is the [`Unscheduled`] that decides.
    #[must_use]
    pub fn render(&self) -> Vec<(&'static str, String)> {
        let mut texts = match self.rule() {
            Rule::Calendar(calendar) => render::calendar(calendar),
            Rule::Every { seconds } => vec![("schedule_interval", interval::render(*seconds))],
            Rule::Continuous => vec![("schedule_interval", "continuous".to_owned())],
            Rule::Date(moment) => vec![("schedule_date", moment.render())],
            Rule::Once | Rule::Manual => Vec::new(),
        };
        let bounds = self.bounds();
        texts.extend(bounds.start.map(|start| ("schedule_start_date", start.render())));
        texts.extend(bounds.end.map(|end| ("schedule_end_date", end.render())));
        texts
    }
}
