//! The schedules that are measured, as a `job_schedule` says them and as a crontab does for the peers.

use std::sync::Arc;

use crate::schedule::{DueTime, FieldError, Schedule, Spec, Timetable, Unscheduled, Zone, compile};
use crate::zones::Zones;

/// 2026-03-01T00:00:00Z: the clocks of Berlin change four weeks later. Seconds since the epoch.
pub const START: i64 = 1_772_323_200;

/// One schedule that is measured.
#[derive(Debug)]
pub struct Sample {
    /// What the table calls it.
    pub name: &'static str,
    /// For freezerd.
    pub spec: Spec<'static>,
    /// For the peers: seconds, minutes, hours, day, month, weekday.
    pub crontab: &'static str,
}

const NONE: Spec<'static> = Spec {
    year: None,
    month: None,
    day: None,
    week: None,
    day_of_week: None,
    hour: None,
    minute: None,
    second: None,
    interval: None,
    date: None,
    start_date: None,
    end_date: None,
};

/// As Virtuozzo's panel writes "daily at 13:00": every value listed.
pub const SEED: Sample = Sample {
    name: "every value listed",
    spec: Spec {
        day_of_week: Some("0,1,2,3,4,5,6"),
        month: Some("1,2,3,4,5,6,7,8,9,10,11,12"),
        day: Some("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"),
        minute: Some("00"),
        hour: Some("13"),
        ..NONE
    },
    crontab: "0 0 13 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31 \
              1,2,3,4,5,6,7,8,9,10,11,12 SUN,MON,TUE,WED,THU,FRI,SAT",
};

/// Schedules as people have them, and one that hardly ever fires.
pub const SAMPLES: [Sample; 5] = [
    Sample {
        name: "daily",
        spec: Spec {
            hour: Some("2"),
            minute: Some("30"),
            ..NONE
        },
        crontab: "0 30 2 * * *",
    },
    Sample {
        name: "every 15 minutes",
        spec: Spec {
            minute: Some("*/15"),
            ..NONE
        },
        crontab: "0 */15 * * * *",
    },
    Sample {
        name: "weekdays at 22:00",
        spec: Spec {
            day_of_week: Some("mon-fri"),
            hour: Some("22"),
            ..NONE
        },
        crontab: "0 0 22 * * MON-FRI",
    },
    Sample {
        name: "on the 1st",
        spec: Spec {
            day: Some("1"),
            hour: Some("4"),
            ..NONE
        },
        crontab: "0 0 4 1 * *",
    },
    Sample {
        name: SPARSE,
        spec: Spec {
            month: Some("2"),
            day: Some("29"),
            day_of_week: Some("mon"),
            hour: Some("2"),
            ..NONE
        },
        crontab: "0 0 2 29 2 MON",
    },
];

/// Which of the samples hardly ever fires.
pub const SPARSE: &str = "29 February on a Monday";

impl Sample {
    /// Compiled.
    ///
    /// # Errors
    /// None, unless the grammar changes.
    pub fn compiled(&self) -> Result<Schedule, Vec<FieldError>> {
        compile(&self.spec, Unscheduled::Once)
    }

    /// Compiled and bound to a zone. `None`: it does not compile.
    #[must_use]
    pub fn timetable(&self, zone: &Arc<Zone>) -> Option<Timetable> {
        let schedule = Arc::new(self.compiled().ok()?);
        Some(Timetable::new(schedule, Arc::clone(zone), DueTime::from_epoch(0)))
    }
}

/// A zone of chrono-tz's tables, so that every machine measures the same one. `None`: no such zone.
#[must_use]
pub fn zone(name: &str) -> Option<Arc<Zone>> {
    Zones::embedded().get(name).ok()
}
