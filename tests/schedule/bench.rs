//! The bench that all tests here work at: zones, and schedules by their texts.

use std::sync::{Arc, OnceLock};

use freezerd::schedule::{DueTime, FieldError, Schedule, Spec, Timetable, Unscheduled, Zone, compile};
use freezerd::zones::Zones;
use serde_json::{Map, Value};

/// The system's zones, or chrono-tz's where there are none.
pub fn zone(name: &str) -> Arc<Zone> {
    static ZONES: OnceLock<Zones> = OnceLock::new();
    ZONES.get_or_init(Zones::system).get(name).unwrap()
}

/// chrono-tz's zones.
pub fn embedded_zone(name: &str) -> Arc<Zone> {
    static ZONES: OnceLock<Zones> = OnceLock::new();
    ZONES.get_or_init(Zones::embedded).get(name).unwrap()
}

/// The texts of a `job_schedule` whose values are strings.
pub fn spec(document: &Map<String, Value>) -> Spec<'_> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    Spec {
        year: text("schedule_year"),
        month: text("schedule_month"),
        day: text("schedule_day"),
        week: text("schedule_week"),
        day_of_week: text("schedule_day_of_week"),
        hour: text("schedule_hour"),
        minute: text("schedule_minute"),
        second: text("schedule_second"),
        interval: text("schedule_interval"),
        date: text("schedule_date"),
        start_date: text("schedule_start_date"),
        end_date: text("schedule_end_date"),
    }
}

/// Compiles `schedule_*` texts given as pairs.
pub fn compiled(texts: &[(&str, &str)]) -> Result<Schedule, Vec<FieldError>> {
    let document = texts
        .iter()
        .map(|(key, text)| ((*key).to_owned(), Value::from(*text)))
        .collect();
    compile(&spec(&document), Unscheduled::Once)
}

/// A timetable with its anchor at the epoch.
pub fn timetable(schedule: Schedule, zone: &Arc<Zone>) -> Timetable {
    Timetable::new(Arc::new(schedule), Arc::clone(zone), DueTime::from_epoch(0))
}

/// The instant written as RFC 3339.
pub fn at(text: &str) -> DueTime {
    DueTime::floor(text.parse().unwrap())
}

/// All due times with after < due <= until.
pub fn dues(timetable: &Timetable, after: DueTime, until: DueTime) -> Vec<DueTime> {
    let next = |after| {
        timetable
            .next(after)
            .map(|found| found.due)
            .filter(|due| *due <= until)
    };
    std::iter::successors(next(after), |due| next(*due)).collect()
}
