//! Every sort of schedule: what it is, when it is due, and how its bounds hold.

use std::sync::Arc;

use chrono::NaiveDate;
use freezerd::schedule::{DueTime, Kind, Shift, Spec, Timetable, Unscheduled, Zone, compile};

use crate::bench::{at, compiled, dues, zone};

fn bound(texts: &[(&str, &str)], zone: &Arc<Zone>, anchor: &str) -> Timetable {
    Timetable::new(Arc::new(compiled(texts).unwrap()), Arc::clone(zone), at(anchor))
}

fn first(texts: &[(&str, &str)], zone: &Arc<Zone>, count: usize) -> Vec<String> {
    let timetable = bound(texts, zone, "2026-01-01T00:00:30Z");
    let next = |after| timetable.next(after).map(|found| found.due);
    std::iter::successors(next(at("2026-01-01T00:00:00Z")), |due| next(*due))
        .take(count)
        .map(|due| due.to_string())
        .collect()
}

fn utc() -> Arc<Zone> {
    Arc::new(Zone::utc())
}

#[test]
fn date_outranks_interval_and_interval_the_calendar() {
    let date = ("schedule_date", "2026-05-01");
    let interval = ("schedule_interval", "1 days");
    let kind = |texts: &[(&str, &str)]| compiled(texts).unwrap().kind();
    assert_eq!(kind(&[date, interval, ("schedule_hour", "nonsense")]), Kind::Date);
    assert_eq!(kind(&[interval, ("schedule_hour", "nonsense")]), Kind::Interval);
    assert_eq!(kind(&[("schedule_interval", "continuous")]), Kind::Continuous);
    assert_eq!(kind(&[("schedule_hour", "1")]), Kind::Calendar);
    let empty = [
        ("schedule_date", ""),
        ("schedule_interval", ""),
        ("schedule_start_date", ""),
    ];
    assert_eq!(kind(&empty), Kind::Once);
    assert_eq!(
        compile(&Spec::default(), Unscheduled::Manual).unwrap().kind(),
        Kind::Manual
    );
}

#[test]
fn fields_left_out_are_every_value_above_and_the_least_below() {
    let utc = utc();
    let one = |texts: &[(&str, &str)]| first(texts, &utc, 2);
    assert_eq!(
        one(&[("schedule_year", "*")]),
        ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]
    );
    assert_eq!(
        one(&[("schedule_month", "2")]),
        ["2026-02-01T00:00:00Z", "2027-02-01T00:00:00Z"]
    );
    assert_eq!(
        one(&[("schedule_week", "3")]),
        ["2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z"]
    );
    assert_eq!(
        one(&[("schedule_day_of_week", "0")]),
        ["2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"]
    );
    assert_eq!(
        one(&[("schedule_minute", "5")]),
        ["2026-01-01T00:05:00Z", "2026-01-01T01:05:00Z"]
    );
    assert_eq!(
        one(&[("schedule_second", "05")]),
        ["2026-01-01T00:00:05Z", "2026-01-01T00:01:05Z"]
    );
}

#[test]
fn years_and_ends_in_the_past_are_valid_and_never_due() {
    assert!(first(&[("schedule_year", "2020")], &utc(), 1).is_empty());
    assert!(
        first(
            &[("schedule_hour", "1"), ("schedule_end_date", "2020-01-01")],
            &utc(),
            1
        )
        .is_empty()
    );
}

#[test]
fn bounds_are_inclusive_and_fractions_cut_to_what_lies_within() {
    let hours = |start, end| {
        let texts = [
            ("schedule_hour", "*"),
            ("schedule_start_date", start),
            ("schedule_end_date", end),
        ];
        first(&texts, &utc(), 9)
    };
    let both = ["2026-02-01T10:00:00Z", "2026-02-01T11:00:00Z"];
    assert_eq!(hours("2026-02-01T10:00:00", "2026-02-01 11:00:00Z"), both);
    assert_eq!(
        hours("2026-02-01T10:00:00.000Z", "2026-02-01T11:00:00.999Z"),
        both
    );
    assert_eq!(
        hours("2026-02-01T10:00:00.001", "2026-02-01T11:00:00"),
        &both[1..]
    );
    assert_eq!(
        hours("2026-02-01T12:00:00+02:00", "2026-02-01T10:30:00-0030"),
        both
    );
}

#[test]
fn local_bounds_are_those_of_the_plans_zone() {
    let berlin = zone("Europe/Berlin");
    let texts = [
        ("schedule_minute", "0"),
        ("schedule_start_date", "2026-07-01T02:00:00"),
        ("schedule_end_date", "2026-07-01T03:00"),
    ];
    assert_eq!(
        first(&texts, &berlin, 9),
        ["2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"]
    );
    // 02:00 to 03:00 is skipped there: the bound is the first instant after it.
    let texts = [
        ("schedule_minute", "*/30"),
        ("schedule_start_date", "2026-03-29T02:15:00"),
    ];
    assert_eq!(first(&texts, &berlin, 1), ["2026-03-29T01:00:00Z"]);
}

#[test]
fn an_interval_counts_from_its_start_or_its_anchor() {
    let texts = [
        ("schedule_interval", "90 minutes"),
        ("schedule_start_date", "2026-01-01T10:00:00Z"),
    ];
    assert_eq!(
        first(&texts, &utc(), 2),
        ["2026-01-01T10:00:00Z", "2026-01-01T11:30:00Z"]
    );
    assert!(!compiled(&texts).unwrap().wants_anchor());
    let texts = [
        ("schedule_interval", "2d"),
        ("schedule_end_date", "2026-01-05T00:00:30Z"),
    ];
    assert_eq!(
        first(&texts, &utc(), 9),
        ["2026-01-03T00:00:30Z", "2026-01-05T00:00:30Z"]
    );
    assert!(compiled(&texts).unwrap().wants_anchor());
}

#[test]
fn an_interval_does_not_care_for_clocks_on_the_wall() {
    let berlin = zone("Europe/Berlin");
    let texts = [
        ("schedule_interval", "1 days"),
        ("schedule_start_date", "2026-03-28T12:00:00"),
    ];
    assert_eq!(
        first(&texts, &berlin, 2),
        ["2026-03-28T11:00:00Z", "2026-03-29T11:00:00Z"]
    );
}

#[test]
fn a_year_of_seconds_is_summed_up_at_once() {
    let every_second = bound(
        &[("schedule_second", "*")],
        &zone("Europe/Berlin"),
        "1970-01-01T00:00:00Z",
    );
    let missed = every_second
        .missed(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))
        .unwrap();
    assert_eq!(missed.count, 365 * 86_400);
    assert_eq!(
        (missed.first, missed.last),
        (at("2026-01-01T00:00:01Z"), at("2027-01-01T00:00:00Z"))
    );
    let interval = bound(
        &[("schedule_interval", "1 seconds")],
        &zone("Europe/Berlin"),
        "1970-01-01T00:00:00Z",
    );
    assert_eq!(
        interval.missed(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")),
        Some(missed)
    );
}

#[test]
fn nothing_is_due_after_the_year_9999() {
    let (last, far) = (at("9999-12-31T23:59:59Z"), DueTime::from_epoch(i64::MAX));
    for texts in [("schedule_second", "*"), ("schedule_interval", "1 seconds")] {
        for zone in [utc(), zone("Asia/Tokyo"), zone("America/Lima")] {
            let timetable = bound(&[texts], &zone, "1970-01-01T00:00:00Z");
            assert_eq!(timetable.next(last), None);
            let missed = timetable.missed(last.plus(-30 * 3600), far).unwrap();
            // A calendar ends with the year 9999 on the wall, which may be earlier than in UTC.
            let east = i64::from(zone.offset_at(last).max(0));
            let end = if texts.0 == "schedule_second" {
                last.plus(-east)
            } else {
                last
            };
            let count = 30 * 3600 - last.since(end).unsigned_abs();
            assert_eq!((missed.last, missed.count), (end, count));
        }
    }
}

#[test]
fn continuous_is_one_second_after_the_last_run_ended() {
    let texts = [
        ("schedule_interval", "continuous"),
        ("schedule_start_date", "2026-01-02"),
        ("schedule_end_date", "2026-01-03"),
    ];
    let timetable = bound(&texts, &utc(), "1970-01-01T00:00:00Z");
    let next = |after| timetable.next(at(after)).map(|found| found.due.to_string());
    assert_eq!(
        next("2026-01-01T05:00:00Z").as_deref(),
        Some("2026-01-02T00:00:00Z")
    );
    assert_eq!(
        next("2026-01-02T05:00:00Z").as_deref(),
        Some("2026-01-02T05:00:01Z")
    );
    assert_eq!(next("2026-01-03T00:00:00Z"), None);
    let missed = timetable
        .missed(at("2026-01-02T05:00:00Z"), at("2026-01-02T06:00:00Z"))
        .unwrap();
    assert_eq!((missed.count, missed.last), (1, at("2026-01-02T05:00:01Z")));
}

#[test]
fn once_is_due_at_its_anchor_but_not_before_its_start() {
    assert_eq!(first(&[], &utc(), 9), ["2026-01-01T00:00:30Z"]);
    assert_eq!(
        first(&[("schedule_start_date", "2026-06-01")], &utc(), 9),
        ["2026-06-01T00:00:00Z"]
    );
    assert!(compiled(&[]).unwrap().wants_anchor());
    let manual = compile(
        &Spec {
            start_date: Some("2026-06-01"),
            ..Spec::default()
        },
        Unscheduled::Manual,
    )
    .unwrap();
    let manual = Timetable::new(Arc::new(manual), utc(), at("2026-01-01T00:00:30Z"));
    assert_eq!(manual.next(DueTime::from_epoch(0)), None);
    assert_eq!(
        manual.missed(DueTime::from_epoch(0), at("2030-01-01T00:00:00Z")),
        None
    );
}

#[test]
fn a_date_in_a_gap_is_after_it_and_one_that_occurs_twice_is_its_first_pass() {
    let only = |zone: &str, date| {
        let timetable = bound(
            &[("schedule_date", date), ("schedule_end_date", "2000-01-01")],
            &self::zone(zone),
            "1970-01-01T00:00:00Z",
        );
        let found = timetable.next(DueTime::from_epoch(0)).unwrap();
        assert_eq!(timetable.next(found.due), None);
        (found.due.to_string(), found.shift)
    };
    let skipped = NaiveDate::from_ymd_opt(2026, 3, 29)
        .unwrap()
        .and_hms_opt(2, 30, 0)
        .unwrap();
    let moved = ("2026-03-29T01:00:00Z".to_owned(), Shift::MovedFromGap(skipped));
    assert_eq!(only("Europe/Berlin", "2026-03-29 02:30:00.7"), moved);
    let twice = ("2026-10-25T00:30:00Z".to_owned(), Shift::FirstOfTwo);
    assert_eq!(only("Europe/Berlin", "2026-10-25T02:30:00"), twice);
    assert_eq!(
        only("Europe/Berlin", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T01:30:00Z".to_owned(), Shift::None)
    );
    // A whole date was skipped: a calendar has no run on it, but a date still means once.
    assert_eq!(
        only("Pacific/Apia", "2011-12-30T12:00:00").0,
        "2011-12-30T10:00:00Z"
    );
}

#[test]
fn several_times_in_one_gap_are_one_run_and_so_is_one_at_its_end() {
    let berlin = zone("Europe/Berlin");
    let timetable = bound(
        &[("schedule_hour", "1-3"), ("schedule_minute", "*/15")],
        &berlin,
        "1970-01-01T00:00:00Z",
    );
    let found: Vec<String> = dues(&timetable, at("2026-03-29T00:30:00Z"), at("2026-03-29T01:20:00Z"))
        .into_iter()
        .map(|due| due.to_string())
        .collect();
    assert_eq!(
        found,
        [
            "2026-03-29T00:45:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-29T01:15:00Z"
        ]
    );
    let missed = timetable
        .missed(at("2026-03-29T00:30:00Z"), at("2026-03-29T01:20:00Z"))
        .unwrap();
    assert_eq!((missed.count, missed.last), (3, at("2026-03-29T01:15:00Z")));
    let shift = timetable.next(at("2026-03-29T00:45:00Z")).unwrap().shift;
    assert!(matches!(shift, Shift::MovedFromGap(civil) if civil.to_string() == "2026-03-29 02:00:00"));
}
