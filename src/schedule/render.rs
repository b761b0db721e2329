//! Canonical texts of a compiled schedule.

use super::calendar::Calendar;
use super::dates::DateFields;
use super::fields::{DAY, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, POSITIONS, SECOND, WEEK, WEEKDAYS, YEAR};
use super::values::Values;

/// The texts of a calendar's fields, as few as say it all, most significant first.
pub(super) fn calendar(calendar: &Calendar) -> Vec<(&'static str, String)> {
    let dates = calendar.dates().fields();
    let times = calendar.times();
    let years = dates
        .years
        .as_ref()
        .map_or_else(|| "*".to_owned(), |years| list(&YEAR, years.iter()));
    let mut texts = vec![
        (YEAR, years),
        (MONTH, list(&MONTH, dates.months.iter())),
        (DAY, days(&dates)),
        (WEEK, list(&WEEK, dates.weeks.iter())),
        (DAY_OF_WEEK, weekdays(dates.weekdays)),
        (HOUR, list(&HOUR, times.hours().iter())),
        (MINUTE, list(&MINUTE, times.minutes().iter())),
        (SECOND, list(&SECOND, times.seconds().iter())),
    ];
    // What is left out behind the last field is its minimum, in front of it every value; at least one
    // field must stay, or it would be no calendar.
    while texts.len() > 1 && texts.last().is_some_and(|(field, text)| text == field.left_out) {
        texts.pop();
    }
    let least = texts.len() - 1;
    texts
        .into_iter()
        .enumerate()
        .filter(|(at, (_, text))| *at == least || text != "*")
        .map(|(_, (field, text))| (field.key, text))
        .collect()
}

fn days(dates: &DateFields) -> String {
    let mut parts = Vec::new();
    if !dates.days.is_empty() {
        parts.push(list(&DAY, dates.days.iter()));
    }
    for (position, weekdays) in POSITIONS.iter().zip(&dates.nth_weekdays) {
        parts.extend(
            weekdays
                .iter()
                .map(|weekday| format!("{position} {}", weekday_name(weekday))),
        );
    }
    if dates.last_day {
        parts.push("last".to_owned());
    }
    parts.join(",")
}

fn weekdays(weekdays: Values) -> String {
    if weekdays == DateFields::all().weekdays {
        return "*".to_owned();
    }
    spans(weekdays.iter(), weekday_name)
}

fn weekday_name(weekday: u32) -> String {
    let name = usize::try_from(weekday)
        .ok()
        .and_then(|weekday| WEEKDAYS.get(weekday));
    name.map_or_else(String::new, |name| (*name).to_owned())
}

/// `*`, `*/n` for at least three evenly spread values, else the values and their spans.
fn list(field: &Field, values: impl Iterator<Item = u32>) -> String {
    let values: Vec<u32> = values.collect();
    let step = match values.as_slice() {
        [first, second, _, ..] if *first == field.first => second - first,
        _ => 0,
    };
    let even = step > 0
        && (field.first..=field.last)
            .step_by(step as usize)
            .eq(values.iter().copied());
    match step {
        1 if even => "*".to_owned(),
        _ if even => format!("*/{step}"),
        _ => spans(values.into_iter(), |value| value.to_string()),
    }
}

/// Values with commas; three or more in a row as `a-b`.
fn spans(values: impl Iterator<Item = u32>, name: impl Fn(u32) -> String) -> String {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => spans.push((value, value)),
        }
    }
    let texts: Vec<String> = spans
        .into_iter()
        .map(|(first, last)| match last - first {
            0 => name(first),
            1 => format!("{},{}", name(first), name(last)),
            _ => format!("{}-{}", name(first), name(last)),
        })
        .collect();
    texts.join(",")
}
