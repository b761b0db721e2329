//! What a document says of its own state: its dialect, its standing, its last run.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::raw::{Document, JobSchedule, Raw, Shape, object};
use super::{Dialect, Reported, Session, Standing};

/// The top-level keys `status` and `disabled` are Virtuozzo's alone, be they null.
pub(super) fn dialect(document: &Document<'_>) -> Dialect {
    if document.status.is_there() || document.disabled.is_there() {
        Dialect::Virtuozzo
    } else {
        Dialect::Upstream
    }
}

/// Whether it may run by itself.
pub(super) fn standing(disabled: bool, reported: &Reported) -> Standing {
    if disabled {
        return Standing::Disabled;
    }
    match reported.event.as_str() {
        // What a user asked for last; the status is from before.
        "start" => Standing::Active,
        "stop" | "abort" | "remove" => Standing::Stopped,
        _ => match reported.status.as_str() {
            "stop" | "stopped" | "removed" => Standing::Stopped,
            _ => Standing::Active,
        },
    }
}

/// What its user asks for by `event`, also in a document that cannot be used; empty: nothing that can be read.
#[must_use]
pub fn event(text: &str) -> String {
    let document: Document<'_> = object(text).unwrap_or_default();
    let schedule: JobSchedule<'_> = object(document.job_schedule.written()).unwrap_or_default();
    word(schedule.event).unwrap_or_default()
}

/// A word of its state, as `status`: text, else empty.
///
/// # Errors
/// When it is anything but text.
pub(super) fn word(raw: Raw<'_>) -> Result<String, &'static str> {
    match raw.shape() {
        Shape::Nothing => Ok(String::new()),
        Shape::Text(text) => Ok(text.trim().to_ascii_lowercase()),
        _ => Err("this is not a text; allowed is a word, as \"scheduled\", or null"),
    }
}

/// The session it belongs to, if one. A tag that cannot be read is taken for 0: the API tells where the
/// session is, should that be wrong.
pub(super) fn session(id: &str, tag: Raw<'_>) -> Option<Box<Session>> {
    let tag = match tag.shape() {
        Shape::Number(text) => text.parse().unwrap_or_default(),
        Shape::Text(text) => text.trim().parse().unwrap_or_default(),
        _ => 0,
    };
    let id: Arc<str> = Arc::from(id);
    (!id.is_empty()).then(|| Box::new(Session { id, tag }))
}

/// Yes or no, as JSON has it or as people write it.
///
/// # Errors
/// When it is neither.
pub(super) fn flag(raw: Raw<'_>) -> Result<bool, &'static str> {
    let text = match raw.shape() {
        Shape::Nothing => return Ok(false),
        Shape::Bool(value) => return Ok(value),
        Shape::Number(text) => Cow::Borrowed(text),
        Shape::Text(text) => Cow::Owned(text.trim().to_ascii_lowercase()),
        Shape::List | Shape::Object | Shape::NoText => Cow::Borrowed("?"),
    };
    match &*text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" | "" => Ok(false),
        _ => Err("this is neither yes nor no; allowed are true and false (also as text), 1 and 0"),
    }
}

/// When its last run started and ended. Upstream keeps them in `job_schedule` as epoch seconds, Virtuozzo
/// at the top level as dates.
pub(super) fn last_run(
    document: &Document<'_>,
    schedule: &JobSchedule<'_>,
) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    (
        instant(schedule.time_started).or_else(|| instant(document.started_at)),
        instant(schedule.time_ended).or_else(|| instant(document.ended_at)),
    )
}

/// An instant of the API: a date (without an offset it is UTC) or epoch seconds (0 and -1 are none).
/// What cannot be read is none: these times inform, and schedule nothing that has a better anchor.
pub(super) fn instant(raw: Raw<'_>) -> Option<DateTime<Utc>> {
    match raw.shape() {
        Shape::Number(text) => epoch(text),
        Shape::Text(text) => {
            let text = text.trim();
            epoch(text).or_else(|| date(text))
        }
        _ => None,
    }
}

fn epoch(text: &str) -> Option<DateTime<Utc>> {
    // A fraction of a second is of no use to anybody who reads these.
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let seconds: i64 = whole.parse().ok()?;
    (seconds > 0)
        .then(|| DateTime::from_timestamp(seconds, 0))
        .flatten()
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    const WITH_OFFSET: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"];
    const WITHOUT: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| {
            WITH_OFFSET
                .iter()
                .find_map(|format| DateTime::parse_from_str(text, format).ok())
        })
        .map(|date| date.with_timezone(&Utc))
        .or_else(|| {
            WITHOUT
                .iter()
                .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
                .map(|date| date.and_utc())
        })
}
