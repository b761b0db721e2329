//! What is refused, and in which words: they name the field and the text, and say what is allowed.

use crate::bench::compiled;

fn said(texts: &[(&str, &str)]) -> String {
    match compiled(texts) {
        Ok(schedule) => panic!("{texts:?} was accepted as {:?}", schedule.render()),
        Err(errors) => errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

fn all(field: &str, texts: &[&str]) -> String {
    texts
        .iter()
        .map(|text| said(&[(field, text)]))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn calendar_fields() {
    let tables = [
        all(
            "schedule_year",
            &[
                "1969",
                "10000",
                "0",
                "2030-2026",
                "*/8030",
                "99999999999999999999",
            ],
        ),
        all(
            "schedule_month",
            &[
                "0", "13", "*/12", "oct-feb", "january", "jan/2", "feb-3", "1-12/12",
            ],
        ),
        all(
            "schedule_day",
            &[
                "0",
                "32",
                "*/31",
                "lastfoo",
                "last 5",
                "6th fri",
                "1st",
                "1st 4",
                "1st fri/2",
                "1stfri",
                "fri 1st",
            ],
        ),
        all("schedule_week", &["0", "54", "*/53"]),
        all(
            "schedule_day_of_week",
            &[
                "7",
                "mon/2",
                "mon-fri/2",
                "sat-mon",
                "foo",
                "mon-5",
                "*/7",
                "sun-",
                "6-0",
            ],
        ),
        all(
            "schedule_hour",
            &[
                "24", "*/24", "*/0", "1/0", "5-5/1", "23/1", "20-5", "-1", "1-", "1-2-3", "1-30",
            ],
        ),
        all(
            "schedule_minute",
            &[
                "60", "*/60", "0-0/60", "0-10/11", "50/20", "", " ", ",", "1,,2", "1,", ",1", "1 2", "1.5",
                "+1", "*5", "**",
            ],
        ),
        all(
            "schedule_second",
            &[
                "60", "*/*", "/5", "*/", "*/-1", "0x10", "٣", "1\u{0}", "H", "?", "L", "1;2", "a\"b",
            ],
        ),
    ];
    insta::assert_snapshot!(tables.join("\n\n"));
}

#[test]
fn intervals() {
    insta::assert_snapshot!(all(
        "schedule_interval",
        &[
            "0 days",
            "0h",
            "1 day",
            "5  minutes",
            " 5 minutes",
            "5 minutes ",
            "5 Minutes",
            "5minutes",
            "5m",
            "5H",
            "-1 days",
            "+1 days",
            "1.5 hours",
            "days",
            "h",
            "5",
            "5 years",
            "Continuous",
            "continuous ",
            "1000000000 days",
            "99999999999999999999999 weeks",
            "9223372036854775807 weeks",
        ],
    ));
}

#[test]
fn moments() {
    insta::assert_snapshot!(all(
        "schedule_date",
        &[
            "soon",
            "2026-02-30",
            "2026-13-01",
            "2026-01-01T24:00:00",
            "2026-01-01T10",
            "2026-01-01Z",
            "20260101",
            " "
        ],
    ));
}

#[test]
fn bounds() {
    let hour = ("schedule_hour", "1");
    let of = |start, end| said(&[hour, ("schedule_start_date", start), ("schedule_end_date", end)]);
    let tables = [
        of("never", "ever"),
        of("2026-01-02T00:00:00Z", "2026-01-01T23:59:59Z"),
        of("2026-01-02", "2026-01-01T23:59:59.999"),
        of("2026-01-02T00:00:00.6Z", "2026-01-02T00:00:00.5Z"),
        of("2026-01-03T12:00:00+02:00", "2026-01-02T00:00:00"),
        said(&[
            ("schedule_interval", "1 days"),
            ("schedule_start_date", "2026-01-02"),
            ("schedule_end_date", "x"),
        ]),
        said(&[("schedule_start_date", "x")]),
    ];
    insta::assert_snapshot!(tables.join("\n"));
}

#[test]
fn calendars_that_never_fire() {
    let tables = [
        said(&[("schedule_month", "2"), ("schedule_day", "30")]),
        said(&[
            ("schedule_month", "2,4,jun"),
            ("schedule_day", "31"),
            ("schedule_hour", "1"),
        ]),
        said(&[("schedule_month", "jun"), ("schedule_week", "53")]),
        said(&[("schedule_day", "2nd tue"), ("schedule_day_of_week", "mon")]),
        said(&[
            ("schedule_year", "2027"),
            ("schedule_month", "2"),
            ("schedule_day", "29"),
        ]),
        said(&[
            ("schedule_year", "2028"),
            ("schedule_month", "12"),
            ("schedule_day", "30"),
            ("schedule_day_of_week", "0-4"),
        ]),
        said(&[
            ("schedule_month", "2"),
            ("schedule_day", "5th fri"),
            ("schedule_year", "2026"),
        ]),
    ];
    insta::assert_snapshot!(tables.join("\n"));
}

#[test]
fn texts_of_any_length_are_answered_shortly() {
    let long = "*/2,".repeat(1_000_000) + "1";
    for field in [
        "schedule_year",
        "schedule_minute",
        "schedule_interval",
        "schedule_date",
    ] {
        let said = said(&[(field, &long)]);
        assert!(said.len() < 400 && said.starts_with(field), "{said}");
    }
}

#[test]
fn every_field_that_is_wrong_is_named() {
    insta::assert_snapshot!(said(&[
        ("schedule_month", "13"),
        ("schedule_hour", "25"),
        ("schedule_second", ""),
        ("schedule_start_date", "x"),
    ]));
}
