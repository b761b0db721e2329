//! The keys of a document that mean something here, each as the text it was written as.
//!
//! Everything else in a document is skipped without being built: a listing may hold a million of them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The value of one key, as written; absent when the key is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Raw<'a>(Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw.get())))
    }
}

/// Reads an object. (Derived readers would take a list for one: its items in the order of the fields.)
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    if !text.trim_ascii_start().starts_with('{') {
        return match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Err("this is not an object; allowed is one job document, {\"job_id\": ...}".to_owned()),
            Err(error) => Err(format!("this is not JSON: {error}")),
        };
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => format!("this cannot be read: {error}"),
        _ => format!("this is not JSON: {error}"),
    })
}

/// What sort of JSON value a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    /// Not there, or null: the same here.
    Nothing,
    Bool(bool),
    /// As it was written, as `13` or `1e3`.
    Number(&'a str),
    Text(Cow<'a, str>),
    List,
    Object,
    /// A string that is no text: it has half a surrogate pair.
    NoText,
}

impl<'a> Raw<'a> {
    /// Whether the key is there, be it with null.
    pub(super) fn is_there(self) -> bool {
        self.0.is_some()
    }

    /// As it was written; empty when absent.
    pub(super) fn written(self) -> &'a str {
        self.0.unwrap_or_default()
    }

    /// What it is.
    pub(super) fn shape(self) -> Shape<'a> {
        let text = self.written().trim_ascii();
        match text.as_bytes().first() {
            None | Some(b'n') => Shape::Nothing,
            Some(b't') => Shape::Bool(true),
            Some(b'f') => Shape::Bool(false),
            Some(b'[') => Shape::List,
            Some(b'{') => Shape::Object,
            Some(b'"') => text_of(text),
            Some(_) => Shape::Number(text),
        }
    }

    /// For messages: a scalar as it was written, a list or object only by its sort (it may hold secrets).
    pub(super) fn shown(self) -> String {
        match self.shape() {
            Shape::Text(text) => text.into_owned(),
            Shape::List => "a list".to_owned(),
            Shape::Object => "an object".to_owned(),
            Shape::Nothing | Shape::Bool(_) | Shape::Number(_) | Shape::NoText => self.written().to_owned(),
        }
    }
}

fn text_of(written: &str) -> Shape<'_> {
    let inner = written.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Shape::Text(Cow::Borrowed(inner)),
        _ => serde_json::from_str(written).map_or(Shape::NoText, |text| Shape::Text(Cow::Owned(text))),
    }
}

/// A struct of [`Raw`] values: one field a key; keys of other names are skipped.
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($key:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name<'a> {
            $(#[serde(borrow)] pub(super) $key: Raw<'a>,)+
        }
    };
}

keys! {
    /// Only what names a document, for messages about one whose other keys cannot even be told apart.
    Head { job_id, name }
}
keys! {
    /// A job document.
    Document {
        job_id, project_id, name, description, client_id,
        created_at, updated_at, started_at, ended_at,
        status, result, disabled,
        job_schedule, job_actions, session_id, session_tag, user_credentials,
    }
}
keys! {
    /// A job document, if one only wants to know in whose name it runs.
    Authority { user_credentials }
}
keys! {
    /// Its `user_credentials`: in whose name it runs.
    UserCredentials { trust_id }
}
keys! {
    /// Its `job_schedule`: when to run, and (upstream) how it stands.
    JobSchedule {
        schedule_year, schedule_month, schedule_day, schedule_week, schedule_day_of_week,
        schedule_hour, schedule_minute, schedule_second,
        schedule_interval, schedule_date, schedule_start_date, schedule_end_date,
        status, result, event, time_started, time_ended,
    }
}
keys! {
    /// One entry of its `job_actions`.
    JobAction { freezer_action, max_retries, max_retries_interval, mandatory }
}
