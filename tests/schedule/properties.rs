//! What holds for every schedule, against slow readings of the same words.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Days, NaiveDate};
use freezerd::schedule::{DueTime, Segment, Shift, Timetable, Unscheduled, Zone, compile};
use proptest::prelude::*;

use crate::bench::{at, compiled, dues, spec, timetable, zone};
use crate::model::{Model, calendar, times};

/// 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;

/// Zones whose clocks change in ways that differ.
const ZONES: [&str; 12] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Havana",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "America/Caracas",
];

/// What the clock on the wall shows at each instant, second by second, and what the words of the design
/// make of it.
fn second_by_second(model: &Model, zone: &Zone, from: i64, until: i64) -> Vec<i64> {
    let segments = zone.segments();
    // Whether a civil second was shown, or skipped, before.
    let taken = |civil: i64, instant: i64| {
        segments
            .iter()
            .enumerate()
            .take_while(|(_, segment)| segment.start < instant)
            .any(|(index, segment)| {
                let at = civil - i64::from(segment.offset);
                let end = segments.get(index + 1).map_or(i64::MAX, |next| next.start);
                let shown = segment.start <= at && at < end.min(instant);
                let skipped = index > 0 && {
                    let before = segment.start + i64::from(segments[index - 1].offset);
                    (before..segment.start + i64::from(segment.offset)).contains(&civil)
                };
                shown || skipped
            })
    };
    let matches = |civil: i64| {
        let of_day = u32::try_from(civil.rem_euclid(86_400)).unwrap();
        model.matches_time(of_day / 3600, of_day / 60 % 60, of_day % 60)
            && model.matches(DateTime::from_timestamp(civil, 0).unwrap().naive_utc())
    };
    let mut found = Vec::new();
    for instant in from..=until {
        let index = segments
            .iter()
            .rposition(|segment| segment.start <= instant)
            .unwrap();
        let civil = instant + i64::from(segments[index].offset);
        let due = if model.every_hour() {
            matches(civil)
        } else {
            let skipped: Vec<i64> = if segments[index].start == instant {
                let before = instant + i64::from(segments[index - 1].offset);
                (before..civil).filter(|civil| !taken(*civil, instant)).collect()
            } else {
                Vec::new()
            };
            let moved = skipped.len() <= 3 * 3600 && skipped.into_iter().any(matches);
            moved || (matches(civil) && !taken(civil, instant))
        };
        if due {
            found.push(instant);
        }
    }
    found
}

/// A change of the clocks in one of [`ZONES`], with some hours around it.
fn around_a_change() -> impl Strategy<Value = (Arc<Zone>, i64, i64)> {
    (
        0..ZONES.len(),
        any::<prop::sample::Index>(),
        0_i64..10_000,
        0_i64..30_000,
    )
        .prop_map(|(name, index, before, after)| {
            let zone = zone(ZONES[name]);
            let change = zone.segments()[1..][index.index(zone.segments().len() - 1)].start;
            (zone, change - before, change + after)
        })
}

/// A zone that no country has: changes close together, of any size.
fn odd_zone() -> impl Strategy<Value = (Arc<Zone>, i64, i64)> {
    let offset = prop_oneof![
        -50_000_i32..50_000,
        (-20_i32..20).prop_map(|quarter| quarter * 900)
    ];
    proptest::collection::vec((1_i64..20_000, offset), 1..5).prop_map(|changes| {
        let mut start = 1_790_000_000;
        let segments: Vec<Segment> = changes
            .into_iter()
            .map(|(after, offset)| {
                start += after;
                Segment { start, offset }
            })
            .collect();
        (
            Arc::new(Zone::new("Odd", 3600, &segments)),
            1_789_990_000,
            start + 30_000,
        )
    })
}

fn compiled_model(model: &Model) -> Option<freezerd::schedule::Schedule> {
    match compiled(&model.texts()) {
        Ok(schedule) => Some(schedule),
        Err(errors) => {
            let impossible = errors
                .iter()
                .all(|error| error.message.starts_with("never fires"));
            assert!(impossible, "{:?}: {errors:?}", model.texts());
            None
        }
    }
}

fn agrees_second_by_second(model: &Model, zone: &Arc<Zone>, from: i64, until: i64) {
    let Some(schedule) = compiled_model(model) else {
        return;
    };
    let timetable = timetable(schedule, zone);
    let (after, until) = (DueTime::from_epoch(from - 1), DueTime::from_epoch(until));
    let found: Vec<i64> = dues(&timetable, after, until)
        .into_iter()
        .map(DueTime::epoch)
        .collect();
    let expected = second_by_second(model, zone, from, until.epoch());
    assert_eq!(found, expected, "{:?} in {:?}", model.texts(), zone.name());
    let missed = timetable.missed(after, until);
    assert_eq!(
        missed.map(|missed| missed.first.epoch()),
        expected.first().copied()
    );
    assert_eq!(missed.map(|missed| missed.last.epoch()), expected.last().copied());
    assert_eq!(missed.map_or(0, |missed| missed.count), expected.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn due_times_around_changes_of_the_clocks_are_those_of_the_oracle(
        model in prop_oneof![calendar(), times()],
        (zone, from, until) in around_a_change(),
    ) {
        agrees_second_by_second(&model, &zone, from, until);
    }

    #[test]
    fn due_times_in_zones_that_no_country_has_are_those_of_the_oracle(
        model in times(),
        (zone, from, until) in odd_zone(),
    ) {
        agrees_second_by_second(&model, &zone, from, until);
    }
}

proptest! {
    #[test]
    fn the_next_date_is_the_first_that_matches(model in calendar(), start in 0_u64..200_000) {
        let Some(schedule) = compiled_model(&model) else { return Ok(()) };
        let first = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + Days::new(start);
        let after = first.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() - 1;
        let expected = first.iter_days().take(30_000).find(|date| model.matches_date(*date));
        let found = timetable(schedule, &Arc::new(Zone::utc())).next(DueTime::from_epoch(after));
        let found = found.map(|found| found.due.instant().date_naive());
        match expected {
            Some(expected) => prop_assert_eq!(found, Some(expected)),
            None => prop_assert!(found.is_none_or(|found| found > first + Days::new(29_999))),
        }
    }

    #[test]
    fn canonical_texts_compile_to_the_same_schedule(model in calendar()) {
        let Some(schedule) = compiled_model(&model) else { return Ok(()) };
        let rendered = schedule.render();
        let texts: Vec<(&str, &str)> = rendered.iter().map(|(key, text)| (*key, text.as_str())).collect();
        let again = compiled(&texts).unwrap();
        prop_assert_eq!(&again, &schedule, "{:?}", texts);
        prop_assert_eq!(again.render(), rendered);
    }

    #[test]
    fn what_is_next_is_later_wherever_one_asks(model in calendar(), after in any::<i64>(), zone_at in 0..ZONES.len()) {
        let Some(schedule) = compiled_model(&model) else { return Ok(()) };
        let timetable = timetable(schedule, &zone(ZONES[zone_at]));
        for after in [after, after % LAST, after % 4_000_000_000, i64::MIN, i64::MAX, LAST, LAST - 1, 0, -1] {
            let found = timetable.next(DueTime::from_epoch(after));
            prop_assert!(found.is_none_or(|found| found.due.epoch() > after && found.due.epoch() <= LAST));
        }
    }

    #[test]
    fn what_was_missed_is_what_would_have_come(
        model in calendar(),
        from in 0_i64..4_000_000_000,
        length in prop_oneof![0_i64..100_000, 0_i64..40_000_000],
        zone_at in 0..ZONES.len(),
    ) {
        let Some(schedule) = compiled_model(&model) else { return Ok(()) };
        let timetable = timetable(schedule, &zone(ZONES[zone_at]));
        let (after, until) = (DueTime::from_epoch(from), DueTime::from_epoch(from + length));
        // Dense schedules are cut short: what counts is that both ways agree up to the same moment.
        let next = |after| timetable.next(after).map(|found| found.due).filter(|due| *due <= until);
        let due: Vec<DueTime> = std::iter::successors(next(after), |due| next(*due)).take(400).collect();
        let until = if due.len() == 400 { due[399] } else { until };
        let missed = timetable.missed(after, until);
        prop_assert_eq!(missed.map(|missed| missed.first), due.first().copied());
        prop_assert_eq!(missed.map(|missed| missed.last), due.last().copied());
        prop_assert_eq!(missed.map_or(0, |missed| missed.count), due.len() as u64);
    }

    #[test]
    fn no_text_brings_it_down(
        texts in proptest::collection::vec(
            proptest::option::of(prop_oneof![
                any::<String>(),
                "[0-9*/,a-z -]{0,12}",
                "(last|1st|5th|mon|dec|continuous|99999999999999999999|\\*|/|-|,| |0|1){0,5}",
                "[0-9]{1,24} ?(weeks|days|hours|minutes|seconds|h|d|w)",
                "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[T ][0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.,][0-9]{0,12})?)?(Z|[+-][0-9:]{0,5})?",
            ]),
            12,
        ),
        after in any::<i64>(),
        anchor in any::<i64>(),
    ) {
        let keys = [
            "year", "month", "day", "week", "day_of_week", "hour", "minute", "second", "interval", "date",
            "start_date", "end_date",
        ];
        let document = keys.iter().zip(&texts).filter_map(|(key, text)| {
            Some((format!("schedule_{key}"), serde_json::Value::from(text.as_deref()?)))
        }).collect();
        for unscheduled in [Unscheduled::Once, Unscheduled::Manual] {
            match compile(&spec(&document), unscheduled) {
                Err(errors) => prop_assert!(!errors.is_empty()),
                Ok(schedule) => {
                    let zone = zone("Europe/Berlin");
                    let timetable = Timetable::new(Arc::new(schedule), zone, DueTime::from_epoch(anchor));
                    let after = DueTime::from_epoch(after);
                    let found = timetable.next(after);
                    prop_assert!(found.is_none_or(|found| found.due > after));
                    let missed = timetable.missed(after, DueTime::from_epoch(i64::MAX));
                    prop_assert_eq!(missed.map(|missed| missed.first), found.map(|found| found.due));
                    prop_assert!(timetable.schedule().render().len() <= 10);
                }
            }
        }
    }

    #[test]
    fn moments_anywhere_are_what_they_say(seconds in -62_135_596_800_i64..=LAST, zone_at in 0..ZONES.len()) {
        let civil = DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
        let text = civil.format("%Y-%m-%d %H:%M:%S").to_string();
        let schedule = compiled(&[("schedule_date", text.as_str())]).unwrap();
        let zone = zone(ZONES[zone_at]);
        let found = timetable(schedule, &zone).next(DueTime::from_epoch(i64::MIN));
        if let Some(found) = found.filter(|found| !matches!(found.shift, Shift::MovedFromGap(_))) {
            prop_assert_eq!(zone.civil(found.due), civil);
        } else {
            prop_assert!(found.is_some() || civil.year() == 9999 || civil.year() <= 1);
        }
    }
}

/// A calendar without years is impossible just when no date of a whole cycle of 400 years matches.
#[test]
fn impossible_calendars_are_those_without_a_date_in_400_years() {
    let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
    let cases = [
        ("schedule_day", "30", "schedule_month", "2"),
        ("schedule_day", "31", "schedule_month", "2,4"),
        ("schedule_day", "29", "schedule_month", "2"),
        ("schedule_week", "53", "schedule_month", "2-11"),
        ("schedule_week", "53", "schedule_day", "4"),
        ("schedule_week", "53", "schedule_day", "3"),
        ("schedule_week", "1", "schedule_day", "28"),
        ("schedule_week", "1", "schedule_day", "29"),
        ("schedule_day", "5th mon", "schedule_month", "2"),
        ("schedule_day", "last", "schedule_week", "53"),
    ];
    let mut impossible = Vec::new();
    for (key, text, other, text_of_other) in cases {
        let result = compiled(&[(key, text), (other, text_of_other)]);
        let field = |text: &str| crate::model::Field {
            text: text.to_owned(),
            numbers: text
                .split(',')
                .filter_map(|part| match part.split_once('-') {
                    Some((from, to)) => Some(from.parse().ok()?..=to.parse().ok()?),
                    None => part.parse().ok().map(|number| number..=number),
                })
                .flatten()
                .collect(),
        };
        let mut model = Model::default();
        for (key, text) in [(key, text), (other, text_of_other)] {
            match key {
                "schedule_day" => {
                    let nth = if text == "5th mon" {
                        vec![(5, 0)]
                    } else {
                        Vec::new()
                    };
                    model.day = Some((field(text), text == "last", nth));
                }
                "schedule_month" => model.month = Some(field(text)),
                _ => model.week = Some(field(text)),
            }
        }
        let exists = first
            .iter_days()
            .take(146_097)
            .any(|date| model.matches_date(date));
        assert_eq!(result.is_ok(), exists, "{key} {text}, {other} {text_of_other}");
        if !exists {
            impossible.push((text, text_of_other));
        }
    }
    assert_eq!(
        impossible,
        [
            ("30", "2"),
            ("31", "2,4"),
            ("53", "2-11"),
            ("53", "4"),
            ("1", "28")
        ]
    );
}

/// Which ISO week a 1 January belongs to depends on the year before as well.
#[test]
fn the_year_before_decides_whose_week_new_year_is() {
    let new_year = |years: &str, week: &str| {
        let texts = [
            ("schedule_year", years),
            ("schedule_month", "1"),
            ("schedule_day", "1"),
            ("schedule_week", week),
        ];
        compiled(&texts).is_ok()
    };
    // Saturdays all of them; 1976 was a leap year, 1982 was not.
    assert!(new_year("1977", "53") && !new_year("1977", "52"));
    assert!(new_year("1983", "52") && !new_year("1983", "53"));
    assert!(new_year("1977,1983", "52") && new_year("1977,1983", "53"));
}

/// Found by chance: so many years have a canonical text that is longer than other fields may be.
#[test]
fn the_canonical_text_of_many_years_compiles_too() {
    let schedule = compiled(&[("schedule_year", "3079-9999/6,*/7"), ("schedule_hour", "4")]).unwrap();
    let rendered = schedule.render();
    let texts: Vec<(&str, &str)> = rendered.iter().map(|(key, text)| (*key, text.as_str())).collect();
    assert!(texts.iter().any(|(_, text)| text.len() > 4096));
    assert_eq!(compiled(&texts).unwrap(), schedule);
}

/// What a gap moved is due at its end, from the second before it on just as from the day before. Found by chance.
#[test]
fn a_moved_run_is_found_from_right_before_it() {
    let timetable = timetable(
        compiled(&[("schedule_hour", "2")]).unwrap(),
        &zone("Europe/Berlin"),
    );
    let (end, after) = (at("2026-03-29T01:00:00Z"), at("2026-03-30T00:00:00Z"));
    assert_eq!(timetable.next(end.plus(-1)).unwrap().due, end);
    assert_eq!(timetable.next(end).unwrap().due, after);
    assert_eq!(timetable.missed(end.plus(-1), end).unwrap().count, 1);
}
