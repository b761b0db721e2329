//! Agreement with the `cron` crate, in UTC, for everything that both express.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use freezerd::schedule::{Crontab, DueTime, Windows, Zone};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::bench::{compiled, timetable};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A field that both read alike: `*`, a span, or some numbers.
fn field(first: u32, last: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (first..=last, first..=last).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (first..=last / 2, 1..=last / 2).prop_map(move |(a, step)| format!("{a}-{last}/{step}")),
        2 => subsequence((first..=last).collect::<Vec<_>>(), 1..4)
            .prop_map(|all| all.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    ]
}

fn weekdays() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("*".to_owned()),
        1 => (0_usize..6, 0_usize..6)
            .prop_map(|(a, b)| format!("{}-{}", WEEKDAYS[a.min(b)], WEEKDAYS[a.max(b)])),
        1 => subsequence(WEEKDAYS.to_vec(), 1..4).prop_map(|all| all.join(",")),
    ]
}

proptest! {
    #[test]
    fn calendars_fire_when_the_cron_crate_does(
        second in field(0, 59),
        minute in field(0, 59),
        hour in field(0, 23),
        day in field(1, 31),
        month in field(1, 12),
        weekday in weekdays(),
        after in 1_700_000_000_i64..2_500_000_000,
    ) {
        let texts = [
            ("schedule_month", month.as_str()),
            ("schedule_day", day.as_str()),
            ("schedule_day_of_week", weekday.as_str()),
            ("schedule_hour", hour.as_str()),
            ("schedule_minute", minute.as_str()),
            ("schedule_second", second.as_str()),
        ];
        let theirs = cron::Schedule::from_str(&format!("{second} {minute} {hour} {day} {month} {weekday}")).unwrap();
        let from: DateTime<Utc> = DateTime::from_timestamp(after, 0).unwrap();
        let expected: Vec<i64> = theirs.after(&from).take(5).map(|due| due.timestamp()).collect();
        let Ok(schedule) = compiled(&texts) else {
            prop_assert!(expected.is_empty());
            return Ok(());
        };
        let timetable = timetable(schedule, &Arc::new(Zone::utc()));
        let next = |after| timetable.next(after).map(|found| found.due);
        let found = std::iter::successors(next(DueTime::from_epoch(after)), |due| next(*due));
        // The crate knows no year after 2100.
        let found: Vec<i64> = found.map(DueTime::epoch).take_while(|due| *due < 4_133_980_800).take(5).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn windows_are_open_in_the_minutes_that_the_cron_crate_includes(
        minute in field(0, 59),
        hour in field(0, 23),
        day in field(1, 31),
        month in field(1, 12),
        weekday in weekdays(),
        instant in 1_700_000_000_i64..2_500_000_000,
    ) {
        let five = format!("{minute} {hour} {day} {month} {weekday}");
        let theirs = cron::Schedule::from_str(&format!("* {five}")).unwrap();
        let from: DateTime<Utc> = DateTime::from_timestamp(instant, 0).unwrap();
        let Ok(ours) = Crontab::compile(&five) else {
            prop_assert!(theirs.after(&from).next().is_none());
            return Ok(());
        };
        let utc = Arc::new(Zone::utc());
        let allow = Windows::new(vec![ours.clone()], Vec::new());
        let deny = Windows::new(Vec::new(), vec![ours]);
        let instant = DueTime::from_epoch(instant);
        prop_assert_eq!(allow.open_at(instant, &utc), theirs.includes(from));
        prop_assert_eq!(deny.open_at(instant, &utc), !theirs.includes(from));
        let opens = theirs.after(&(from - chrono::TimeDelta::seconds(1))).next().map(|at| DueTime::from_epoch(at.timestamp()));
        let within = opens.filter(|opens| opens.since(instant) <= 400 * 86_400);
        prop_assert_eq!(allow.opens(instant, &utc), within);
    }
}
