//! The grammar of one calendar field: from its text to the values it allows.
//!
//! What APScheduler 3.x accepts keeps its meaning, except where it lets trailing junk pass. Its bounds on
//! steps are kept too: a step may not exceed the distance it has to go.

use super::fields::{DAY, Field, POSITIONS, WEEKDAYS, YEAR};
use super::values::Values;

/// One item of a comma-separated list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// `*`, `*/n`, `a`, `a-b`, `a-b/n`, `a/n` and names: every `step`-th from `first` to `last`.
    Every {
        /// The first value.
        first: u32,
        /// No value above this one.
        last: u32,
        /// The distance between values; at least 1.
        step: u32,
    },
    /// `last`: the last day of the month.
    LastDay,
    /// `1st fri` .. `5th fri`, `last fri`.
    NthWeekday {
        /// Index into [`POSITIONS`].
        position: usize,
        /// 0 = Monday.
        weekday: u32,
    },
}

/// The longest part of a text that a message repeats, in characters.
const SHOWN: usize = 40;

/// A longer text is refused, in bytes: every set of values of any field can be said in less, and the work
/// on a text stays bounded.
const LONGEST: usize = 4096;
/// Every set of years too: 8,030 of them, with commas between.
const LONGEST_OF_YEARS: usize = 5 * (YEAR.last - YEAR.first + 1) as usize;

/// Reads all items of `text`.
///
/// # Errors
/// What is wrong with the first bad item, and what is allowed.
pub(super) fn items(field: &Field, text: &str) -> Result<Vec<Item>, String> {
    let longest = if *field == YEAR { LONGEST_OF_YEARS } else { LONGEST };
    if text.len() > longest {
        return Err(format!(
            "{:?} is too long; at most {longest} characters are allowed",
            shown(text)
        ));
    }
    let item = |part: &str| match part.trim_matches([' ', '\t']) {
        "" => Err(format!("{:?} has an empty item; {}", shown(text), allowed(field))),
        part => item(field, part),
    };
    text.trim().split(',').map(item).collect()
}

/// The values of a plain list of numbers, as `0,15,30,45`; `None` if the text is anything else, right or wrong.
///
/// Virtuozzo's panel writes all values of each field so. That is most of the text of a listing, and none of the grammar
/// is needed to read it.
pub(super) fn plain_list(field: &Field, text: &str) -> Option<Values> {
    let mut values = Values::NONE;
    let mut rest = text.as_bytes();
    loop {
        let (value, behind) = match rest {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9', behind @ ..] => {
                (u32::from(tens - b'0') * 10 + u32::from(ones - b'0'), behind)
            }
            [ones @ b'0'..=b'9', behind @ ..] => (u32::from(ones - b'0'), behind),
            _ => return None,
        };
        if value < field.first || field.last < value {
            return None;
        }
        values = values | Values::one(value);
        rest = match behind {
            [] => return Some(values),
            [b',', rest @ ..] => rest,
            _ => return None,
        };
    }
}

fn item(field: &Field, part: &str) -> Result<Item, String> {
    let (base, step) = match part.split_once('/') {
        Some((base, step)) => (base, Some(step)),
        None => (part, None),
    };
    if base == "*" {
        let reach = field.last - field.first;
        return every(field.first, field.last, reach, step, part);
    }
    if base.starts_with(|first: char| first.is_ascii_digit())
        && base.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return numbers(field, part, base, step);
    }
    match step {
        None => names(field, part).ok_or_else(|| not_understood(field, part))?,
        Some(_) => Err(not_understood(field, part)),
    }
}

/// `a`, `a-b`, `a-b/n`, `a/n`.
fn numbers(field: &Field, part: &str, base: &str, step: Option<&str>) -> Result<Item, String> {
    let (first, last) = match base.split_once('-') {
        Some((first, last)) => (first, Some(last)),
        None => (base, None),
    };
    let first = number(first).ok_or_else(|| not_understood(field, part))?;
    let last = last
        .map(|last| number(last).ok_or_else(|| not_understood(field, part)))
        .transpose()?;
    let bounds = field.first..=field.last;
    for value in [Some(first), last].into_iter().flatten() {
        if !bounds.contains(&value) {
            return Err(format!(
                "{:?} is out of bounds; allowed are {}",
                shown(part),
                field.values
            ));
        }
    }
    match last {
        Some(last) if first > last => Err(wraps(field, part)),
        Some(last) => {
            // APScheduler takes a range that ends in 0 for one without an end when it bounds the step, so
            // that "0-0/1" is accepted there. It allows the 0 alone, so nothing is lost by following.
            let reach = if last == 0 {
                field.last - first
            } else {
                last - first
            };
            every(first, last, reach, step, part)
        }
        None if step.is_some() => every(first, field.last, field.last - first, step, part),
        None => Ok(Item::Every {
            first,
            last: first,
            step: 1,
        }),
    }
}

/// With its step, which may not go beyond `reach`.
fn every(first: u32, last: u32, reach: u32, step: Option<&str>, part: &str) -> Result<Item, String> {
    let Some(text) = step else {
        return Ok(Item::Every { first, last, step: 1 });
    };
    match number(text) {
        None => Err(format!(
            "{:?}: the step after \"/\" must be a number of at least 1",
            shown(part)
        )),
        Some(0) => Err(format!(
            "{:?}: a step of 0 stands still; it must be at least 1",
            shown(part)
        )),
        Some(step) if step > reach && reach == 0 => Err(format!(
            "{:?}: there is no room for a step here; leave it out",
            shown(part)
        )),
        Some(step) if step > reach => Err(format!(
            "{:?}: the step goes beyond the range; at most {reach} is allowed here",
            shown(part)
        )),
        Some(step) => Ok(Item::Every { first, last, step }),
    }
}

/// `mon`, `mon-fri`, `jan-mar`; for days `last`, `1st fri`. `None`: none of these.
fn names(field: &Field, part: &str) -> Option<Result<Item, String>> {
    if field.key == DAY.key {
        return day_of_month(part).map(Ok);
    }
    let place = |name: &str| {
        let index = field
            .names
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name))?;
        u32::try_from(index).ok().map(|index| index + field.first)
    };
    let (first, last) = match part.split_once('-') {
        Some((first, last)) => (place(first)?, place(last)?),
        None => (place(part)?, place(part)?),
    };
    Some(if first > last {
        Err(wraps(field, part))
    } else {
        Ok(Item::Every { first, last, step: 1 })
    })
}

fn day_of_month(part: &str) -> Option<Item> {
    if part.eq_ignore_ascii_case("last") {
        return Some(Item::LastDay);
    }
    let (position, weekday) = part.split_once(' ')?;
    let position = POSITIONS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(position))?;
    let weekday = weekday.trim_start_matches(' ');
    let weekday = WEEKDAYS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(weekday))?;
    Some(Item::NthWeekday {
        position,
        weekday: u32::try_from(weekday).ok()?,
    })
}

/// A number of digits only; one too large to hold is as large as can be. `None`: not a number.
fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}

fn wraps(field: &Field, part: &str) -> String {
    format!(
        "{:?}: the range wraps, its first value is above its last; write two ranges with a comma between, \
         of the values {}",
        shown(part),
        field.values
    )
}

fn not_understood(field: &Field, part: &str) -> String {
    format!("{:?} is not understood; {}", shown(part), allowed(field))
}

fn allowed(field: &Field) -> String {
    format!(
        "allowed are *, */n, a, a-b, a-b/n, a/n and lists of them with commas; values are {}",
        field.values
    )
}

/// The beginning of a text that may be very long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
