//! Times as people type them, and as they read them.

use super::{beside, instant, lateness, length, relative, stamp};
use crate::schedule::DueTime;
use crate::zones::Zones;

#[test]
fn times_as_people_type_them() {
    let berlin = Zones::embedded().get("Europe/Berlin").unwrap();
    let read = |text: &str| instant("--from", text, &berlin).map(|time| time.to_string()).ok();
    let reads = |text: &str, time: &str| assert_eq!(read(text).as_deref(), Some(time), "{text}");
    reads("2026-03-28T00:00:00Z", "2026-03-28T00:00:00Z");
    reads(" 2026-03-28T01:00:00.9+01:00 ", "2026-03-28T00:00:00Z");
    reads("2026-03-28", "2026-03-27T23:00:00Z");
    reads("2026-07-01 12:30", "2026-07-01T10:30:00Z");
    reads("2026-07-01T12:30:15", "2026-07-01T10:30:15Z");
    reads("2026-03-29T02:30", "2026-03-29T01:30:00Z");
    reads("2026-10-25T02:30", "2026-10-25T00:30:00Z");
    for text in [
        "",
        "now",
        "12:00",
        "2026-13-01",
        "2026-03-28T25:00",
        "20260328",
        "+10000-01-01T00:00:00Z",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn skipped_and_doubled_days_have_a_midnight() {
    let apia = Zones::embedded().get("Pacific/Apia").unwrap();
    let read = |text: &str| instant("--from", text, &apia).unwrap().to_string();
    assert_eq!(read("2011-12-29T12:00"), "2011-12-29T22:00:00Z");
    assert_eq!(read("2011-12-31T12:00"), "2011-12-30T22:00:00Z");
}

#[test]
fn lengths_in_two_units_at_most() {
    let all = [
        0,
        249,
        9_999,
        10_000,
        59_999,
        60_000,
        303_000,
        8_100_000,
        273_600_000,
    ];
    let words: Vec<String> = all.into_iter().map(length).collect();
    let wanted = [
        "0.0 s", "0.2 s", "9.9 s", "10 s", "59 s", "1m 0s", "5m 3s", "2h 15m", "3d 4h",
    ];
    assert_eq!(words, wanted);
    assert_eq!(length(u64::MAX), "213503982334d");
    assert_eq!([relative(0), relative(-8_100)], ["in 0s", "2h 15m ago"]);
}

#[test]
fn late_or_early() {
    let due = DueTime::from_epoch(1000);
    let after = |millis: i64| due.instant() + chrono::TimeDelta::milliseconds(millis);
    assert_eq!(lateness(due, after(0)), "0.0 s late");
    assert_eq!(lateness(due, after(61_500)), "1m 1s late");
    assert_eq!(lateness(due, after(-1_500)), "1.5 s early");
}

#[test]
fn a_time_beside_another() {
    let berlin = Zones::embedded().get("Europe/Berlin").unwrap();
    let read = |text: &str| instant("TIME", text, &berlin).unwrap();
    let noon = read("2026-03-29T12:00");
    assert_eq!(stamp(noon, &berlin), "2026-03-29 12:00:00 +02:00");
    assert_eq!(beside(read("2026-03-29T01:00"), noon, &berlin), "01:00");
    assert_eq!(
        beside(read("2026-03-28T23:59:30"), noon, &berlin),
        "2026-03-28 23:59:30"
    );
}
