use std::fs;

use super::*;
use crate::schedule::{DueTime, Segment};

/// The bytes of a TZif file (version 3): changes, offsets, and the rule for what comes after.
fn tzif(changes: &[(i64, u8)], offsets: &[i32], leap_seconds: u32, footer: &str) -> Vec<u8> {
    let header = |changes: u32, offsets: u32, leap_seconds: u32| {
        let mut bytes = b"TZif3".to_vec();
        bytes.extend([0; 15]);
        for count in [0, 0, leap_seconds, changes, offsets, 4] {
            bytes.extend(count.to_be_bytes());
        }
        bytes
    };
    let count = |length: usize| u32::try_from(length).unwrap();
    let offset = |offset: i32| [&offset.to_be_bytes()[..], &[0, 0]].concat();
    let mut bytes = header(0, 1, 0);
    bytes.extend(offset(0));
    bytes.extend(b"LMT\0");
    bytes.extend(header(count(changes.len()), count(offsets.len()), leap_seconds));
    changes
        .iter()
        .for_each(|(start, _)| bytes.extend(start.to_be_bytes()));
    bytes.extend(changes.iter().map(|(_, index)| *index));
    offsets.iter().for_each(|seconds| bytes.extend(offset(*seconds)));
    bytes.extend(b"LMT\0");
    for second in 0..leap_seconds {
        bytes.extend((78_796_800 + i64::from(second)).to_be_bytes());
        bytes.extend(1_i32.to_be_bytes());
    }
    bytes.extend(format!("\n{footer}\n").bytes());
    bytes
}

fn from_footer(footer: &str) -> Zone {
    zoneinfo::from_tzif("Test/Zone", &tzif(&[], &[3600], 0, footer)).unwrap()
}

fn epoch(text: &str) -> i64 {
    text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp()
}

#[test]
fn both_sources_tell_the_same_history() {
    let system = Zones::system();
    let embedded = Zones::embedded();
    // What was decided later than this, one of the two may not know yet.
    let known = epoch("2024-12-31T00:00:00Z");
    for name in [
        "Europe/Berlin",
        "Europe/Dublin",
        "America/New_York",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Pacific/Auckland",
        "Pacific/Apia",
        "Asia/Kolkata",
        "Asia/Tehran",
        "Africa/Monrovia",
        "Antarctica/Troll",
        "UTC",
    ] {
        let history = |zones: &Zones| -> Vec<Segment> {
            let zone = zones.get(name).unwrap();
            zone.segments()
                .iter()
                .copied()
                .filter(|segment| segment.start < known)
                .collect()
        };
        assert_eq!(history(&system), history(&embedded), "{name}");
    }
}

#[test]
fn what_is_built_in_is_what_chrono_tz_says() {
    use chrono::{Offset, TimeZone};
    let embedded = Zones::embedded();
    let mut changes = 0;
    for tz in chrono_tz::TZ_VARIANTS {
        let zone = embedded.get(tz.name()).unwrap();
        let agree = |instant: i64| {
            let utc = chrono::DateTime::from_timestamp(instant, 0).unwrap().naive_utc();
            let said = tz.offset_from_utc_datetime(&utc).fix().local_minus_utc();
            assert_eq!(zone.offset_at(DueTime::from_epoch(instant)), said, "{tz} {utc}");
        };
        // Now and then, at odd hours; and right before and after each change.
        (FROM..UNTIL).step_by(997 * 3601).for_each(agree);
        for segment in zone.segments().iter().skip(1) {
            agree(segment.start - 1);
            agree(segment.start);
            changes += 1;
        }
    }
    assert!(changes > 30_000, "{changes}");
    assert_eq!(
        embedded.get("Europe/Berlim").map(|_| ()).unwrap_err().to_string(),
        "time zone \"Europe/Berlim\" is not known; did you mean \"Europe/Berlin\"?"
    );
}

#[test]
fn changes_are_listed_up_to_2100() {
    for zones in [Zones::system(), Zones::embedded()] {
        let berlin = zones.get("Europe/Berlin").unwrap();
        let last = berlin.segments().last().copied().unwrap();
        assert!(
            last.start > epoch("2099-01-01T00:00:00Z"),
            "{:?}",
            zones.origin("Europe/Berlin")
        );
    }
}

#[test]
fn the_rule_of_a_files_footer_is_followed() {
    let changes_of = |footer: &str, year: &str| -> Vec<String> {
        let zone = from_footer(footer);
        let text = |segment: &Segment| format!("{} {}", DueTime::from_epoch(segment.start), segment.offset);
        zone.segments()[1..]
            .iter()
            .map(text)
            .filter(|text| text.starts_with(year))
            .collect()
    };
    let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
    assert_eq!(
        changes_of(berlin, "2096"),
        ["2096-03-25T01:00:00Z 7200", "2096-10-28T01:00:00Z 3600"]
    );
    // In the south the year begins in summer.
    let sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
    assert_eq!(
        changes_of(sydney, "2026"),
        ["2026-04-04T16:00:00Z 36000", "2026-10-03T16:00:00Z 39600"]
    );
    assert_eq!(from_footer(sydney).offset_at(DueTime::from_epoch(0)), 39_600);
    // In Ireland it is the winter that is the exception, as the tz database has it.
    let dublin = "IST-1GMT0,M10.5.0,M3.5.0/1";
    assert_eq!(
        changes_of(dublin, "2026"),
        ["2026-03-29T01:00:00Z 3600", "2026-10-25T01:00:00Z 0"]
    );
    // Days of the year, with and without 29 February; hours that lie on another date.
    let days = "AAA0BBB,J60/0,59/0";
    assert_eq!(
        changes_of(days, "2028"),
        ["2028-02-28T23:00:00Z 0", "2028-03-01T00:00:00Z 3600"]
    );
    let nuuk = "<-02>2<-01>,M3.5.0/-1,M10.5.0/0";
    assert_eq!(
        changes_of(nuuk, "2026"),
        ["2026-03-29T01:00:00Z -3600", "2026-10-25T01:00:00Z -7200"]
    );
    // Summer all year round.
    assert_eq!(from_footer("XXX3EDT4,0/0,J365/23").segments().len(), 1);
    assert_eq!(from_footer("EST5").offset_at(DueTime::from_epoch(0)), -18_000);
}

#[test]
fn a_file_without_a_rule_keeps_its_last_offset() {
    let bytes = tzif(&[(-5_000_000, 0), (100, 1)], &[1800, 3600, 7200], 0, "");
    let zone = zoneinfo::from_tzif("Test/Zone", &bytes).unwrap();
    let expected = Zone::new(
        "Test/Zone",
        1800,
        &[Segment {
            start: 100,
            offset: 3600,
        }],
    );
    assert_eq!(zone, expected);
}

#[test]
fn files_that_are_none_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("Europe")).unwrap();
    let whole = tzif(&[], &[3600], 0, "XYZ-1");
    let mut large = whole.clone();
    large.resize(300 * 1024, b'\n');
    let right = tzif(&[], &[3600], 1, "XYZ-1");
    for bytes in [&b"not a zone"[..], &whole[..whole.len() / 2], &[], &large, &right] {
        fs::write(directory.path().join("Europe/Berlin"), bytes).unwrap();
        let zones = Zones::in_directory(directory.path());
        assert!(matches!(
            zones.origin("Europe/Berlin"),
            Ok(Origin::Embedded { .. })
        ));
        assert!(zones.get("Europe/Berlin").unwrap().segments().len() > 100);
    }
    fs::write(directory.path().join("Europe/Berlin"), &whole).unwrap();
    let zones = Zones::in_directory(directory.path());
    assert!(matches!(zones.origin("Europe/Berlin"), Ok(Origin::System { .. })));
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("zoneinfo");
    fs::create_dir(&inner).unwrap();
    fs::write(directory.path().join("outside"), tzif(&[], &[3600], 0, "XYZ-1")).unwrap();
    fs::write(inner.join(".hidden"), tzif(&[], &[3600], 0, "XYZ-1")).unwrap();
    let zones = Zones::in_directory(&inner);
    let outside = directory.path().join("outside");
    let long = "x/".repeat(100_000);
    for name in [
        "../outside",
        "./../outside",
        outside.to_str().unwrap(),
        ".hidden",
        "",
        "/",
        "a//b",
        "a\0b",
        &long,
    ] {
        let error = zones.get(name).unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
    }
}

#[test]
fn a_refresh_reads_what_the_os_has_updated() {
    let directory = tempfile::tempdir().unwrap();
    let write = |offset: i32, footer: &str| {
        fs::write(directory.path().join("Mars"), tzif(&[], &[offset], 0, footer)).unwrap();
    };
    let zones = Zones::in_directory(directory.path());
    let offset = || zones.get("Mars").unwrap().offset_at(DueTime::from_epoch(0));
    write(3600, "XYZ-1");
    assert_eq!(offset(), 3600);
    write(7200, "XYZ-2");
    assert_eq!(offset(), 3600);
    zones.refresh();
    assert_eq!(offset(), 7200);
}

#[test]
fn the_directory_says_its_version() {
    let directory = tempfile::tempdir().unwrap();
    let version = || zoneinfo::version(directory.path());
    assert_eq!(version(), None);
    fs::write(directory.path().join("version"), "2026a\n").unwrap();
    assert_eq!(version().as_deref(), Some("2026a"));
    fs::write(directory.path().join("tzdata.zi"), "# version 2026f\n# more\n").unwrap();
    assert_eq!(version().as_deref(), Some("2026f"));
    let origin = Origin::System {
        directory: "/usr/share/zoneinfo".into(),
        version: version(),
    };
    assert_eq!(origin.to_string(), "tzdata 2026f from /usr/share/zoneinfo");
    fs::write(
        directory.path().join("tzdata.zi"),
        "# something else altogether\n",
    )
    .unwrap();
    assert_eq!(version().as_deref(), Some("2026a"));
}

#[test]
fn unknown_names_come_with_a_hint() {
    let zones = Zones::embedded();
    let said: Vec<String> = [
        "europe/berlin",
        "Europe/Berlinn",
        "Berlin",
        "America/New York",
        "New_York",
        "Moon/Tycho",
        "CET-1CEST",
        "",
    ]
    .iter()
    .map(|name| zones.get(name).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    time zone "europe/berlin" is not known; did you mean "Europe/Berlin"?
    time zone "Europe/Berlinn" is not known; did you mean "Europe/Berlin"?
    time zone "Berlin" is not known; did you mean "Europe/Berlin"?
    time zone "America/New York" is not known; did you mean "America/New_York"?
    time zone "New_York" is not known; did you mean "America/New_York"?
    time zone "Moon/Tycho" is not known; give a name of the tz database, as "Europe/Berlin"
    time zone "CET-1CEST" is not known; give a name of the tz database, as "Europe/Berlin"
    time zone "" is not known; give a name of the tz database, as "Europe/Berlin"
    "#);
}

#[test]
fn the_nodes_zone_is_found_where_systems_keep_it() {
    let etc = tempfile::tempdir().unwrap();
    let name = |tz: Option<&str>| node::zone_name(etc.path(), tz);
    assert_eq!(name(None), "UTC");
    std::os::unix::fs::symlink("../usr/share/zoneinfo/Asia/Tokyo", etc.path().join("localtime")).unwrap();
    assert_eq!(name(None), "Asia/Tokyo");
    fs::write(etc.path().join("timezone"), "# the node's\n\nEurope/Berlin\n").unwrap();
    assert_eq!(name(None), "Europe/Berlin");
    assert_eq!(name(Some("")), "UTC");
    assert_eq!(name(Some(":America/Lima")), "America/Lima");
    assert_eq!(name(Some("America/Lima")), "America/Lima");
    assert_eq!(name(Some("/usr/share/zoneinfo/America/Lima")), "America/Lima");
    assert_eq!(
        name(Some(etc.path().join("localtime").to_str().unwrap())),
        "Asia/Tokyo"
    );
    assert_eq!(name(Some("/nowhere")), "Europe/Berlin");
    fs::write(etc.path().join("timezone"), [0xff, 0xfe]).unwrap();
    assert_eq!(name(None), "Asia/Tokyo");
}
