//! From the texts of a `job_schedule` to a [`Schedule`].

use super::calendar::Calendar;
use super::dates::{DateFields, Dates};
use super::fields::{DAY, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, SECOND, WEEK, YEAR};
use super::grammar::{Item, items};
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
        return Ok(Schedule {
            rule: Rule::Date(date.floor()),
            bounds: Bounds::default(),
        });
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
            Unscheduled::Manual => {
                return Ok(Schedule {
                    rule: Rule::Manual,
                    bounds: Bounds::default(),
                });
            }
        }
    };
    let bounds = bounds(spec, &mut errors);
    match rule {
        Some(rule) if errors.is_empty() => Ok(Schedule { rule, bounds }),
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
        let message = format!(
            "the end lies before schedule_start_date {:?}; it must be the same or later",
            spec.start_date.unwrap_or_default()
        );
        errors.push(error(
            "schedule_end_date",
            spec.end_date.unwrap_or_default(),
            message,
        ));
    }
    Bounds {
        start: start.map(Written::ceil),
        end: end.map(Written::floor),
    }
}

/// The calendar's fields, most significant first.
fn calendar_texts<'a>(spec: &Spec<'a>) -> [(Field, Option<&'a str>); 8] {
    [
        (YEAR, spec.year),
        (MONTH, spec.month),
        (DAY, spec.day),
        (WEEK, spec.week),
        (DAY_OF_WEEK, spec.day_of_week),
        (HOUR, spec.hour),
        (MINUTE, spec.minute),
        (SECOND, spec.second),
    ]
}

/// The texts of all eight fields, those left out filled in: `*` above the least significant one given,
/// the minimum below it (weeks and weekdays: `*`).
fn filled_in(texts: [(Field, Option<&str>); 8]) -> [(Field, String); 8] {
    let least = texts.iter().rposition(|(_, text)| text.is_some()).unwrap_or(0);
    let mut place = 0..;
    texts.map(|(field, text)| {
        let above = place.next().is_some_and(|at| at < least);
        let default = || {
            if above || field == WEEK || field == DAY_OF_WEEK {
                "*".to_owned()
            } else {
                field.first.to_string()
            }
        };
        (field, text.map_or_else(default, str::to_owned))
    })
}

fn calendar(spec: &Spec<'_>, errors: &mut Vec<FieldError>) -> Option<Calendar> {
    let texts = filled_in(calendar_texts(spec));
    let mut read = |index: usize| -> Vec<Item> {
        let Some((field, text)) = texts.get(index) else {
            return Vec::new();
        };
        items(field, text).unwrap_or_else(|message| {
            errors.push(error(field.key, text, message));
            Vec::new()
        })
    };
    let years = years(&read(0));
    let months = values(&read(1));
    let day_items = read(2);
    let (weeks, weekdays) = (values(&read(3)), values(&read(4)));
    let (hours, minutes, seconds) = (values(&read(5)), values(&read(6)), values(&read(7)));
    if !errors.is_empty() {
        return None;
    }
    let mut fields = DateFields {
        years: Some(years),
        months,
        weeks,
        weekdays,
        ..DateFields::all()
    };
    fields.days = values(&day_items);
    fields.last_day = day_items.contains(&Item::LastDay);
    for item in &day_items {
        if let Item::NthWeekday { position, weekday } = *item
            && let Some(weekdays) = fields.nth_weekdays.get_mut(position)
        {
            *weekdays = *weekdays | Values::one(weekday);
        }
    }
    let dates = Dates::new(fields.clone());
    if !dates.ever() {
        errors.push(never_fires(&texts, &fields));
        return None;
    }
    Some(Calendar {
        dates,
        times: Times::new(hours, minutes, seconds),
    })
}

fn values(items: &[Item]) -> Values {
    items.iter().fold(Values::NONE, |set, item| match *item {
        Item::Every { first, last, step: 1 } => set | Values::span(first, last),
        Item::Every { first, last, step } => {
            let reach = usize::try_from(step).unwrap_or(usize::MAX);
            set | (first..=last).step_by(reach).collect()
        }
        Item::LastDay | Item::NthWeekday { .. } => set,
    })
}

fn years(items: &[Item]) -> Years {
    let mut years = Years::new();
    for item in items {
        if let Item::Every { first, last, step } = *item {
            years.allow(first, last, step);
        }
    }
    years
}

/// Blames the first field with which no date is left.
fn never_fires(texts: &[(Field, String); 8], fields: &DateFields) -> FieldError {
    let mut sofar = DateFields::all();
    let mut blamed = Vec::new();
    for (field, text) in texts {
        let before = sofar.clone();
        match *field {
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
        let dates = Dates::new(sofar.clone());
        if dates != Dates::new(before) {
            blamed.push((field.key, text));
        }
        if !dates.ever() {
            break;
        }
    }
    let together: Vec<String> = blamed
        .iter()
        .map(|(key, text)| format!("{key} {text:?}"))
        .collect();
    let (field, text) = blamed
        .last()
        .map_or(("schedule_day", ""), |(key, text)| (*key, text.as_str()));
    error(
        field,
        text,
        format!("never fires: there is no date with {}", together.join(" and ")),
    )
}
