//! A second, naive reading of calendar fields, to hold the real one against: sets of numbers, and chrono's
//! own notion of weekdays and ISO weeks. It shares no code with `src/schedule`.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use proptest::prelude::*;
use proptest::sample::subsequence;

/// One field: its text, and the numbers it stands for.
#[derive(Debug, Clone, Default)]
pub struct Field {
    pub text: String,
    pub numbers: BTreeSet<u32>,
}

/// `1st fri` (1, 4) .. `5th fri`, `last fri` (6, 4).
pub type NthWeekday = (u32, u32);

/// Eight fields; `None`: left out.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub year: Option<Field>,
    pub month: Option<Field>,
    pub day: Option<(Field, bool, Vec<NthWeekday>)>,
    pub week: Option<Field>,
    pub day_of_week: Option<Field>,
    pub hour: Option<Field>,
    pub minute: Option<Field>,
    pub second: Option<Field>,
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const POSITIONS: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];

impl Model {
    pub fn texts(&self) -> Vec<(&'static str, &str)> {
        let fields = [
            ("schedule_year", self.year.as_ref()),
            ("schedule_month", self.month.as_ref()),
            ("schedule_day", self.day.as_ref().map(|(field, _, _)| field)),
            ("schedule_week", self.week.as_ref()),
            ("schedule_day_of_week", self.day_of_week.as_ref()),
            ("schedule_hour", self.hour.as_ref()),
            ("schedule_minute", self.minute.as_ref()),
            ("schedule_second", self.second.as_ref()),
        ];
        fields
            .into_iter()
            .filter_map(|(key, field)| Some((key, field?.text.as_str())))
            .collect()
    }

    /// Whether something less significant than the field at `place` is given.
    fn given_below(&self, place: usize) -> bool {
        let given = [
            self.year.is_some(),
            self.month.is_some(),
            self.day.is_some(),
            self.week.is_some(),
            self.day_of_week.is_some(),
            self.hour.is_some(),
            self.minute.is_some(),
            self.second.is_some(),
        ];
        given[place + 1..].iter().any(|given| *given)
    }

    fn allows(&self, place: usize, field: Option<&Field>, least: Option<u32>, number: u32) -> bool {
        match (field, least) {
            (Some(field), _) => field.numbers.contains(&number),
            (None, Some(least)) if !self.given_below(place) => number == least,
            (None, _) => true,
        }
    }

    pub fn matches_date(&self, date: NaiveDate) -> bool {
        let length = (28..=31).rev().find(|day| date.with_day(*day).is_some()).unwrap();
        let (day, weekday) = (date.day(), date.weekday().num_days_from_monday());
        let day_matches = match &self.day {
            Some((field, last, nth)) => {
                field.numbers.contains(&day)
                    || (*last && day == length)
                    || nth.iter().any(|(position, on)| {
                        *on == weekday
                            && if *position == 6 {
                                day + 7 > length
                            } else {
                                (day - 1) / 7 + 1 == *position
                            }
                    })
            }
            None => self.allows(2, None, Some(1), day),
        };
        day_matches
            && self.allows(0, self.year.as_ref(), None, u32::try_from(date.year()).unwrap())
            && self.allows(1, self.month.as_ref(), Some(1), date.month())
            && self.allows(3, self.week.as_ref(), None, date.iso_week().week())
            && self.allows(4, self.day_of_week.as_ref(), None, weekday)
    }

    pub fn matches_time(&self, hour: u32, minute: u32, second: u32) -> bool {
        self.allows(7, self.second.as_ref(), Some(0), second)
            && self.allows(6, self.minute.as_ref(), Some(0), minute)
            && self.allows(5, self.hour.as_ref(), Some(0), hour)
    }

    pub fn matches(&self, civil: NaiveDateTime) -> bool {
        self.matches_time(civil.hour(), civil.minute(), civil.second()) && self.matches_date(civil.date())
    }

    /// Whether all 24 hours are allowed.
    pub fn every_hour(&self) -> bool {
        (0..24).all(|hour| self.allows(5, self.hour.as_ref(), Some(0), hour))
    }
}

/// One item of a list: its text and its numbers.
fn item(first: u32, last: u32, names: &'static [&'static str]) -> BoxedStrategy<(String, BTreeSet<u32>)> {
    let every =
        move |from: u32, to: u32, step: u32| (from..=to).step_by(step as usize).collect::<BTreeSet<_>>();
    let pair = (first..=last, first..=last).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let name = move |number: u32, upper: bool| {
        let name = names[(number - first) as usize];
        if upper {
            name.to_uppercase()
        } else {
            name.to_owned()
        }
    };
    let mut choices = vec![
        Just(("*".to_owned(), every(first, last, 1))).boxed(),
        (1..=last - first)
            .prop_map(move |step| (format!("*/{step}"), every(first, last, step)))
            .boxed(),
        (first..=last, 0_usize..4)
            .prop_map(move |(a, pad)| (format!("{a:0pad$}"), every(a, a, 1)))
            .boxed(),
        pair.clone()
            .prop_map(move |(a, b)| (format!("{a}-{b}"), every(a, b, 1)))
            .boxed(),
        (first..last, 1..=last)
            .prop_map(move |(a, step)| {
                let step = step.min(last - a);
                (format!("{a}/{step}"), every(a, last, step))
            })
            .boxed(),
        (first..last, 1..=last, 1..=last)
            .prop_map(move |(a, b, step)| {
                let b = b.max(a + 1);
                let step = step.min(b - a);
                (format!("{a}-{b}/{step}"), every(a, b, step))
            })
            .boxed(),
    ];
    if !names.is_empty() {
        choices.push(
            (first..=last, any::<bool>())
                .prop_map(move |(a, up)| (name(a, up), every(a, a, 1)))
                .boxed(),
        );
        let range = move |((a, b), up)| (format!("{}-{}", name(a, up), name(b, up)), every(a, b, 1));
        choices.push((pair, any::<bool>()).prop_map(range).boxed());
    }
    proptest::strategy::Union::new(choices).boxed()
}

fn list(items: Vec<(String, BTreeSet<u32>)>, comma: &str) -> Field {
    let text = items
        .iter()
        .map(|(text, _)| text.as_str())
        .collect::<Vec<_>>()
        .join(comma);
    Field {
        text,
        numbers: items.into_iter().flat_map(|(_, numbers)| numbers).collect(),
    }
}

fn comma() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(","), Just(", "), Just(" , ")]
}

/// A field with bounds and names.
pub fn field(first: u32, last: u32, names: &'static [&'static str]) -> BoxedStrategy<Field> {
    (proptest::collection::vec(item(first, last, names), 1..4), comma())
        .prop_map(|(items, comma)| list(items, comma))
        .boxed()
}

/// Some numbers of a field, written out.
fn few(first: u32, last: u32) -> BoxedStrategy<Field> {
    subsequence((first..=last).collect::<Vec<_>>(), 1..4)
        .prop_map(|numbers| {
            let items = numbers
                .into_iter()
                .map(|number| (number.to_string(), BTreeSet::from([number])));
            list(items.collect(), ",")
        })
        .boxed()
}

pub fn day() -> BoxedStrategy<(Field, bool, Vec<NthWeekday>)> {
    let nth = proptest::collection::vec((1_u32..=6, 0_u32..7), 0..3);
    let plain = proptest::option::of(field(1, 31, &[]));
    (plain, any::<bool>(), nth)
        .prop_filter_map("at least one item", |(plain, last, nth)| {
            let mut parts: Vec<String> = plain.iter().map(|field| field.text.clone()).collect();
            parts.extend(last.then(|| "last".to_owned()));
            for (position, weekday) in &nth {
                let position = POSITIONS[*position as usize - 1];
                parts.push(format!("{position}  {}", WEEKDAYS[*weekday as usize]));
            }
            let numbers = plain.map(|field| field.numbers).unwrap_or_default();
            (!parts.is_empty()).then(|| {
                (
                    Field {
                        text: parts.join(","),
                        numbers,
                    },
                    last,
                    nth,
                )
            })
        })
        .boxed()
}

/// Any calendar: mostly usual ones, some of them impossible.
pub fn calendar() -> impl Strategy<Value = Model> {
    let maybe = |odds: f64, field: BoxedStrategy<Field>| proptest::option::weighted(odds, field);
    (
        maybe(0.1, field(1970, 9999, &[])),
        maybe(0.4, field(1, 12, &MONTHS)),
        proptest::option::weighted(0.5, day()),
        maybe(0.15, field(1, 53, &[])),
        maybe(0.4, field(0, 6, &WEEKDAYS)),
        maybe(0.8, prop_oneof![field(0, 23, &[]), few(0, 23)].boxed()),
        maybe(0.8, prop_oneof![field(0, 59, &[]), few(0, 59)].boxed()),
        maybe(0.2, few(0, 59)),
    )
        .prop_map(
            |(year, month, day, week, day_of_week, hour, minute, second)| Model {
                year,
                month,
                day,
                week,
                day_of_week,
                hour,
                minute,
                second,
            },
        )
        .prop_filter("a calendar has a field", |model| !model.texts().is_empty())
}

/// A calendar of times alone, on every day.
pub fn times() -> impl Strategy<Value = Model> {
    calendar().prop_map(|model| Model {
        year: None,
        month: None,
        day: None,
        week: None,
        day_of_week: None,
        hour: model
            .hour
            .or_else(|| Some(list(vec![("2".to_owned(), BTreeSet::from([2]))], ","))),
        ..model
    })
}
