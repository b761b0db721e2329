//! The year audit: 96 times of day, daily, weekly and monthly, in zones whose clocks change, in the years
//! in which they do so strangely. Every matching date has exactly one run, on time.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use freezerd::schedule::{DueTime, Schedule, Shift, Timetable, Zone};

use crate::bench::{at, compiled, zone};

/// A zone, the year that is audited, and the dates (month, day) that the zone skipped in it.
type Audited = (&'static str, i32, &'static [(u32, u32)]);

const YEARS: [Audited; 20] = [
    ("Europe/Berlin", 2026, &[]),
    ("America/New_York", 2026, &[]),
    ("Australia/Lord_Howe", 2026, &[]),
    ("Pacific/Chatham", 2026, &[]),
    ("Antarctica/Troll", 2026, &[]),
    ("Africa/Cairo", 2026, &[]),
    ("Asia/Beirut", 2026, &[]),
    ("America/Santiago", 2026, &[]),
    ("Africa/Casablanca", 2024, &[]),
    ("America/Havana", 2024, &[]),
    ("America/Nuuk", 2024, &[]),
    ("Asia/Gaza", 2023, &[]),
    ("Pacific/Apia", 2011, &[(12, 30)]),
    ("Pacific/Kiritimati", 1994, &[(12, 31)]),
    ("Pacific/Kwajalein", 1993, &[(8, 21)]),
    ("America/Sao_Paulo", 2017, &[]),
    ("America/Caracas", 2016, &[]),
    ("Asia/Pyongyang", 2018, &[]),
    ("Asia/Kathmandu", 1986, &[]),
    ("Africa/Monrovia", 1972, &[]),
];

/// Every quarter of an hour, and a minute that is none.
fn times_of_day() -> impl Iterator<Item = NaiveTime> {
    (0..96).map(|quarter| NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15 + quarter % 5, 0).unwrap())
}

/// The civil time that an occurrence stands for.
fn stands_for(timetable: &Timetable, due: DueTime, shift: Shift) -> NaiveDateTime {
    match shift {
        Shift::MovedFromGap(civil) => {
            let until_then = due.plus(-1);
            assert!(timetable.zone().civil(until_then) < civil && civil < timetable.zone().civil(due));
            civil
        }
        Shift::None | Shift::FirstOfTwo => timetable.zone().civil(due),
    }
}

fn audit(schedule: Schedule, zone: &Arc<Zone>, year: i32, expected: &[NaiveDateTime]) {
    let timetable = Timetable::new(Arc::new(schedule), Arc::clone(zone), DueTime::from_epoch(0));
    let mut found = Vec::new();
    let mut after = at(&format!("{}-12-30T00:00:00Z", year - 1));
    while let Some(occurrence) = timetable.next(after) {
        let civil = stands_for(&timetable, occurrence.due, occurrence.shift);
        if civil.year() > year {
            break;
        }
        // Where the clock went back, it has shown this time before, so many seconds ago.
        let back = zone.offset_at(occurrence.due.plus(-3 * 3600)) - zone.offset_at(occurrence.due);
        let shown = back > 0 && zone.civil(occurrence.due.plus(-i64::from(back))) == civil;
        assert!(!shown, "{civil} in {}: not the first of its passes", zone.name());
        if civil.year() == year {
            found.push(civil);
        }
        after = occurrence.due;
    }
    assert_eq!(
        found,
        expected,
        "{:?} in {}",
        timetable.schedule().render(),
        zone.name()
    );
}

#[test]
fn every_date_of_the_year_has_its_run_once() {
    for (name, year, skipped) in YEARS {
        let zone = zone(name);
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let dates: Vec<NaiveDate> = first
            .iter_days()
            .take_while(|date| date.year() == year)
            .filter(|date| !skipped.contains(&(date.month(), date.day())))
            .collect();
        for time in times_of_day() {
            let (hour, minute) = (time.hour().to_string(), time.minute().to_string());
            let weekday = (time.hour() % 7).to_string();
            let day = (time.minute() % 28 + 1).to_string();
            let schedule = |more: &[(&str, &str)]| {
                let mut texts = vec![
                    ("schedule_hour", hour.as_str()),
                    ("schedule_minute", minute.as_str()),
                ];
                texts.extend(more);
                compiled(&texts).unwrap()
            };
            let on = |wanted: &dyn Fn(NaiveDate) -> bool| -> Vec<NaiveDateTime> {
                dates
                    .iter()
                    .filter(|date| wanted(**date))
                    .map(|date| date.and_time(time))
                    .collect()
            };
            audit(schedule(&[]), &zone, year, &on(&|_| true));
            let weekly = on(&|date| date.weekday().num_days_from_monday() == time.hour() % 7);
            audit(
                schedule(&[("schedule_day_of_week", &weekday)]),
                &zone,
                year,
                &weekly,
            );
            let monthly = on(&|date| date.day() == time.minute() % 28 + 1);
            audit(schedule(&[("schedule_day", &day)]), &zone, year, &monthly);
            let last = on(&|date| date.succ_opt().is_some_and(|next| next.day() == 1));
            audit(schedule(&[("schedule_day", "last")]), &zone, year, &last);
        }
    }
}
