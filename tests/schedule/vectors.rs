//! What others measured: APScheduler in UTC, and the clock-change rule of the design.

use std::sync::Arc;

use freezerd::schedule::{DueTime, Schedule, Zone, compile};
use serde_json::{Map, Value};

use crate::bench::{at, dues, embedded_zone, spec, timetable, zone};

#[derive(serde::Deserialize)]
struct Vector {
    job_schedule: Map<String, Value>,
    #[serde(default)]
    timezone: Option<String>,
    after: String,
    #[serde(default)]
    until: Option<String>,
    fires: Vec<String>,
}

fn vectors(text: &str) -> Vec<Vector> {
    serde_json::from_str(text).unwrap()
}

/// `None`: it never fires.
fn schedule(vector: &Vector) -> Option<Schedule> {
    match compile(&spec(&vector.job_schedule), freezerd::schedule::Unscheduled::Once) {
        Ok(schedule) => Some(schedule),
        Err(errors) => {
            let impossible = errors
                .iter()
                .all(|error| error.message.starts_with("never fires"));
            assert!(impossible, "{:?}: {errors:?}", vector.job_schedule);
            None
        }
    }
}

fn texts(dues: impl IntoIterator<Item = DueTime>) -> Vec<String> {
    dues.into_iter().map(|due| due.to_string()).collect()
}

#[test]
fn apscheduler_in_utc_gives_the_same_due_times() {
    let utc = Arc::new(Zone::utc());
    let all = vectors(include_str!("vectors/apscheduler-utc.json"));
    assert_eq!(all.len(), 1500);
    for vector in all {
        let Some(schedule) = schedule(&vector) else {
            assert!(vector.fires.is_empty(), "{:?}", vector.job_schedule);
            continue;
        };
        let timetable = timetable(schedule, &utc);
        let next = |after| timetable.next(after).map(|found| found.due);
        let found = std::iter::successors(next(at(&vector.after)), |due| next(*due)).take(5);
        let mut found: Vec<DueTime> = found.collect();
        // APScheduler was asked up to five times, and about no more than some fifteen years.
        let beyond = found.split_off(vector.fires.len().min(found.len()));
        let horizon = at(&vector.after).plus(15 * 365 * 86_400);
        assert!(
            beyond.iter().all(|due| *due > horizon),
            "{:?}: {beyond:?}",
            vector.job_schedule
        );
        assert_eq!(
            texts(found),
            vector.fires,
            "{:?} after {}",
            vector.job_schedule,
            vector.after
        );
    }
}

fn clock_changes(zone: fn(&str) -> Arc<Zone>) {
    let all = vectors(include_str!("vectors/clock-changes.json"));
    assert_eq!(all.len(), 80);
    for vector in all {
        let name = vector.timezone.as_deref().unwrap();
        let timetable = timetable(schedule(&vector).unwrap(), &zone(name));
        let found = dues(
            &timetable,
            at(&vector.after),
            at(vector.until.as_deref().unwrap()),
        );
        assert_eq!(texts(found), vector.fires, "{:?} in {name}", vector.job_schedule);
    }
}

#[test]
fn clock_changes_by_the_systems_zones() {
    clock_changes(zone);
}

#[test]
fn clock_changes_by_the_zones_built_in() {
    clock_changes(embedded_zone);
}
