//! From the texts of a `job_schedule` to a [`Schedule`].

use super::calendar::Calendar;
use super::dates::{DateFields, Dates};
use super::fields::{DAY, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, SECOND, WEEK, YEAR};
use super::grammar::{Item, items, plain_list, shown};
use super::interval::Interval;
use super::moment::Written;
use super::times::Times;
use super::values::Values;
use super::years::Years;
use super::{Bounds, FieldError, Rule, Schedule, Spec, Unscheduled};

/// Compiles the texts of a `job_schedule`. Precedence: date, interval, calendar; what is outranked is not
/// looked at. Empty texts of date, interval and bounds are left out, as Freezer has it.
///
/// # Errors
/// Every field that is wrong, not only the first. A calendar that matches no date of any year it allows
/// (30 February) is wrong too; one whose years or end simply lie in the past is not.
pub fn compile(spec: &Spec<'_>, unscheduled: Unscheduled) -> Result<Schedule, Vec<FieldError>> {
    if let Some(text) = given(spec.date) {
        let date = Written::read(text).map_err(|message| vec![error("schedule_date", text, message)])?;
        return Ok(Schedule::new(Rule::Date(date.floor()), Bounds::default()));
    }
    let mut errors = Vec::new();
    let rule = if let Some(text) = given(spec.interval) {
        match Interval::read(text) {
            Ok(Interval::Continuous) => Some(Rule::Continuous),
            Ok(Interval::Every(seconds)) => Some(Rule::Every { seconds }),
            Err(message) => {
                errors.push(error("schedule_interval", text, message));
                None
            }
        }
    } else if calendar_texts(spec).iter().any(|(_, text)| text.is_some()) {
        calendar(spec, &mut errors).map(Rule::Calendar)
    } else {
        match unscheduled {
            Unscheduled::Once => Some(Rule::Once),
            Unscheduled::Manual => return Ok(Schedule::new(Rule::Manual, Bounds::default())),
        }
    };
    let bounds = bounds(spec, &mut errors);
    match rule {
        Some(rule) if errors.is_empty() => Ok(Schedule::new(rule, bounds)),
        _ => Err(errors),
    }
}

/// A text that says something.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn error(field: &'static str, text: &str, message: String) -> FieldError {
    FieldError {
        field,
        text: text.to_owned(),
        message,
    }
}

fn bounds(spec: &Spec<'_>, errors: &mut Vec<FieldError>) -> Bounds {
    let mut read = |field, text| match Written::read(text) {
        Ok(written) => Some(written),
        Err(message) => {
            errors.push(error(field, text, message));
            None
        }
    };
    let start = given(spec.start_date).and_then(|text| read("schedule_start_date", text));
    let end = given(spec.end_date).and_then(|text| read("schedule_end_date", text));
    if let (Some(first), Some(last)) = (start, end)
        && last.surely_before(first)
    {
        let (start, end) = (
            spec.start_date.unwrap_or_default(),
            spec.end_date.unwrap_or_default(),
        );
        let (early, late) = (shown(end), shown(start));
        let message =
            format!("{early:?} lies before schedule_start_date {late:?}; it must be the same or later");
        errors.push(error("schedule_end_date", end, message));
    }
    Bounds {
        start: start.map(Written::ceil),
        end: end.map(Written::floor),
    }
}

/// The calendar's fields, most significant first.
fn calendar_texts<'a>(spec: &Spec<'a>) -> [(&'static Field, Option<&'a str>); 8] {
    [
        (&YEAR, spec.year),
        (&MONTH, spec.month),
        (&DAY, spec.day),
        (&WEEK, spec.week),
        (&DAY_OF_WEEK, spec.day_of_week),
        (&HOUR, spec.hour),
        (&MINUTE, spec.minute),
        (&SECOND, spec.second),
    ]
}

/// The texts of all eight fields, those left out filled in: `*` above the least significant one given,
/// the minimum below it (weeks and weekdays: `*`).
fn filled_in<'a>(texts: [(&'static Field, Option<&'a str>); 8]) -> [(&'static Field, &'a str); 8] {
    let mut given_below = false;
    let mut filled = texts.map(|(field, text)| (field, text.unwrap_or(field.left_out)));
    for ((_, text), (_, filled)) in texts.iter().zip(&mut filled).rev() {
        match text {
            Some(_) => given_below = true,
            None if given_below => *filled = "*",
            None => {}
        }
    }
    filled
}

fn calendar(spec: &Spec<'_>, errors: &mut Vec<FieldError>) -> Option<Calendar> {
    let texts = filled_in(calendar_texts(spec));
    let [year, month, day, week, weekday, hour, minute, second] = &texts;
    let mut fields = DateFields::all();
    let mut read = |(field, text): &(&'static Field, &str)| {
        values(field, text).unwrap_or_else(|message| {
            errors.push(error(field.key, text, message));
            Values::NONE
        })
    };
    fields.months = read(month);
    (fields.weeks, fields.weekdays) = (read(week), read(weekday));
    let times = Times::new(read(hour), read(minute), read(second));
    if let Err(message) = years(year.1, &mut fields) {
        errors.push(error(year.0.key, year.1, message));
    }
    if let Err(message) = days(day.1, &mut fields) {
        errors.push(error(day.0.key, day.1, message));
    }
    if !errors.is_empty() {
        // In the order of the document's fields.
        let place = |error: &FieldError| texts.iter().position(|(field, _)| field.key == error.field);
        errors.sort_by_key(place);
        return None;
    }
    let calendar = Calendar::new(times, fields);
    if !calendar.dates().ever() {
        errors.push(never_fires(&texts, &calendar.dates().fields()));
        return None;
    }
    Some(calendar)
}

/// The values that a text allows; for fields other than year and day, those are all there is to it.
fn values(field: &Field, text: &str) -> Result<Values, String> {
    if text == "*" {
        return Ok(Values::span(field.first, field.last));
    }
    match plain_list(field, text) {
        Some(values) => Ok(values),
        None => items(field, text).map(|items| allowed(&items)),
    }
}

fn allowed(items: &[Item]) -> Values {
    items.iter().fold(Values::NONE, |set, item| match *item {
        Item::Every { first, last, step: 1 } => set | Values::span(first, last),
        Item::Every { first, last, step } => {
            let reach = usize::try_from(step).unwrap_or(usize::MAX);
            set | (first..=last).step_by(reach).collect()
        }
        Item::LastDay | Item::NthWeekday { .. } => set,
    })
}

fn years(text: &str, fields: &mut DateFields) -> Result<(), String> {
    if text == "*" {
        return Ok(());
    }
    let mut years = Years::new();
    for item in items(&YEAR, text)? {
        if let Item::Every { first, last, step } = item {
            years.allow(first, last, step);
        }
    }
    fields.years = Some(years);
    Ok(())
}

fn days(text: &str, fields: &mut DateFields) -> Result<(), String> {
    if text == "*" {
        return Ok(());
    }
    if let Some(days) = plain_list(&DAY, text) {
        fields.days = days;
        return Ok(());
    }
    let items = items(&DAY, text)?;
    fields.days = allowed(&items);
    fields.last_day = items.contains(&Item::LastDay);
    for item in items {
        if let Item::NthWeekday { position, weekday } = item
            && let Some(weekdays) = fields.nth_weekdays.get_mut(position)
        {
            *weekdays = *weekdays | Values::one(weekday);
        }
    }
    Ok(())
}

/// Blames the first field with which no date is left.
fn never_fires(texts: &[(&Field, &str); 8], fields: &DateFields) -> FieldError {
    let mut sofar = DateFields::all();
    let mut blamed = Vec::new();
    for (field, text) in texts {
        let before = sofar.clone().split();
        match **field {
            YEAR => sofar.years.clone_from(&fields.years),
            MONTH => sofar.months = fields.months,
            DAY => {
                sofar.days = fields.days;
                sofar.last_day = fields.last_day;
                sofar.nth_weekdays = fields.nth_weekdays;
            }
            WEEK => sofar.weeks = fields.weeks,
            _ => sofar.weekdays = fields.weekdays,
        }
        let now = sofar.clone().split();
        if now != before {
            blamed.push((field.key, *text));
        }
        if !Dates::new(now.0, now.1.as_ref()).ever() {
            break;
        }
    }
    let together: Vec<String> = blamed
        .iter()
        .map(|(key, text)| format!("{key} {:?}", shown(text)))
        .collect();
    let (field, text) = blamed.last().copied().unwrap_or(("schedule_day", ""));
    error(
        field,
        text,
        format!("never fires: there is no date with {}", together.join(" and ")),
    )
}
