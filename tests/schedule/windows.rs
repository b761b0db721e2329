//! Backup windows: crontab texts, when they open, and when the clocks change.

use std::sync::Arc;

use freezerd::schedule::{Crontab, DueTime, Windows, Zone};

use crate::bench::{at, zone};

fn windows(allow: &[&str], deny: &[&str]) -> Windows {
    let all = |texts: &[&str]| texts.iter().map(|text| Crontab::compile(text).unwrap()).collect();
    Windows::new(all(allow), all(deny))
}

fn opens(windows: &Windows, instant: &str, zone: &Arc<Zone>) -> Option<String> {
    windows.opens(at(instant), zone).map(|opens| opens.to_string())
}

#[test]
fn a_window_at_night_opens_in_the_evening() {
    let berlin = zone("Europe/Berlin");
    let night = windows(&["* 20-23,0-5 * * *"], &[]);
    assert!(night.open_at(at("2026-01-10T04:59:59Z"), &berlin));
    assert!(!night.open_at(at("2026-01-10T05:00:00Z"), &berlin));
    assert_eq!(
        opens(&night, "2026-01-10T05:00:00Z", &berlin).as_deref(),
        Some("2026-01-10T19:00:00Z")
    );
    assert_eq!(
        opens(&night, "2026-01-10T21:34:56Z", &berlin).as_deref(),
        Some("2026-01-10T21:34:56Z")
    );
}

#[test]
fn without_windows_it_is_always_open() {
    assert!(Windows::default().open_at(at("2026-01-10T05:00:00Z"), &Arc::new(Zone::utc())));
}

#[test]
fn deny_takes_away_from_allow() {
    let utc = Arc::new(Zone::utc());
    let both = windows(&["* * * * *"], &["* 8-17 * * mon-fri", "* * 24 12 *"]);
    assert_eq!(
        opens(&both, "2026-01-12T08:15:00Z", &utc).as_deref(),
        Some("2026-01-12T18:00:00Z")
    );
    assert_eq!(
        opens(&both, "2026-12-24T09:00:00Z", &utc).as_deref(),
        Some("2026-12-25T00:00:00Z")
    );
    assert_eq!(
        opens(&both, "2026-01-10T09:00:00Z", &utc).as_deref(),
        Some("2026-01-10T09:00:00Z")
    );
}

#[test]
fn what_never_opens_says_so() {
    let utc = Arc::new(Zone::utc());
    let closed = windows(&["* 8 * * *"], &["* 6-9 * * *"]);
    assert_eq!(opens(&closed, "2026-01-12T08:15:00Z", &utc), None);
    let denied = windows(&[], &["* * * * *"]);
    assert_eq!(opens(&denied, "2026-01-12T08:15:00Z", &utc), None);
    for instant in [i64::MAX - 1, i64::MAX] {
        assert_eq!(closed.opens(DueTime::from_epoch(instant), &utc), None);
    }
    // Nothing matches before 1970, a denial neither.
    assert_eq!(closed.opens(DueTime::from_epoch(i64::MIN), &utc), None);
    let long_ago = DueTime::from_epoch(i64::MIN);
    assert_eq!(denied.opens(long_ago, &utc), Some(long_ago));
}

#[test]
fn a_window_that_the_clocks_skip_does_not_open_that_day() {
    let berlin = zone("Europe/Berlin");
    let early = windows(&["30-59 2 * * *"], &[]);
    assert_eq!(
        opens(&early, "2026-03-28T12:00:00Z", &berlin).as_deref(),
        Some("2026-03-30T00:30:00Z")
    );
    // On the day the clocks go back it opens twice.
    assert_eq!(
        opens(&early, "2026-10-25T00:00:00Z", &berlin).as_deref(),
        Some("2026-10-25T00:30:00Z")
    );
    assert_eq!(
        opens(&early, "2026-10-25T01:00:00Z", &berlin).as_deref(),
        Some("2026-10-25T01:30:00Z")
    );
}

#[test]
fn a_denied_hour_ends_early_when_the_clocks_skip_its_rest() {
    let berlin = zone("Europe/Berlin");
    let denied = windows(&[], &["* 0-2 29 3 *"]);
    assert_eq!(
        opens(&denied, "2026-03-28T23:30:00Z", &berlin).as_deref(),
        Some("2026-03-29T01:00:00Z")
    );
}

#[test]
fn what_is_wrong_with_a_crontab_is_said() {
    let texts = [
        "",
        "* * * *",
        "* * * * * *",
        "@daily",
        "** * * * *",
        "60 * * * *",
        "* 24 * * *",
        "*/0 * * * *",
        "* 20-5 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * foo *",
        "* * * * 1",
        "* * * * mon,5",
        "* * * * */2",
        "* * * * sat-sun",
        "* * * * xyz",
        "* * 30 2 *",
        "1,,2 * * * *",
        "4294967296 * * * *",
        "0-4294967295 * * * *",
    ];
    let said: Vec<String> = texts
        .iter()
        .map(|text| Crontab::compile(text).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn names_are_weekdays_and_months() {
    let utc = Arc::new(Zone::utc());
    let some = windows(&["0 12 * jan-mar,DEC Mon-Fri", "0 12 * * sun"], &[]);
    assert!(some.open_at(at("2026-01-12T12:00:30Z"), &utc));
    assert!(!some.open_at(at("2026-01-10T12:00:00Z"), &utc));
    assert!(some.open_at(at("2026-01-11T12:00:00Z"), &utc));
    assert!(!some.open_at(at("2026-04-13T12:00:00Z"), &utc));
}
