//! The crates a Rust program would take instead, reading a sample's crontab of six fields.

use std::str::FromStr;

/// As the cron crate reads it: day and weekday must both match.
pub fn cron(crontab: &str) -> Option<cron::Schedule> {
    cron::Schedule::from_str(crontab).ok()
}

/// As croner reads it, told that day and weekday must both match.
pub fn croner(crontab: &str) -> Option<croner::Cron> {
    croner::parser::CronParser::builder()
        .seconds(croner::parser::Seconds::Required)
        .dom_and_dow(true)
        .build()
        .parse(crontab)
        .ok()
}
