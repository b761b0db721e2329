//! What the text of one file holds: a listing, or one job document.

use std::collections::HashMap;
use std::io::Read;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Document, Listing};
use crate::plan::Problem;

/// The documents in a text, borrowed from it.
#[derive(Debug)]
pub(super) enum Contents<'a> {
    Listing(Vec<&'a RawValue>),
    One(&'a RawValue),
}

/// Why a text holds none.
#[derive(Debug)]
pub(super) enum Fault {
    /// With line and column, from 1.
    Syntax(usize, usize, String),
    /// It is JSON, but this.
    Foreign(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(line, column, message) => write!(f, "line {line}, column {column}: {message}"),
            Self::Foreign(message) => f.write_str(message),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        // The message repeats the place at its end; we tell it at the beginning, as compilers do.
        let message = error.to_string();
        let message = message
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&message);
        Self::Syntax(line, column, message.to_owned())
    }
}

/// The keys that tell a listing from a document from something else. Nulls do not count.
#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow)]
    jobs: Option<&'a RawValue>,
    job_id: Option<IgnoredAny>,
    job_schedule: Option<IgnoredAny>,
    job_actions: Option<IgnoredAny>,
}

impl<'a> Contents<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, Fault> {
        // Some editors begin a file with a mark that says it is UTF-8.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.trim_ascii_start().as_bytes().first() {
            None => Err(Fault::Foreign("it is empty".to_owned())),
            Some(b'[') => Ok(Self::Listing(serde_json::from_str(text)?)),
            Some(b'{') => {
                let keys: Keys<'a> = serde_json::from_str(text)?;
                match keys.jobs {
                    Some(jobs) if jobs.get().starts_with('[') => {
                        Ok(Self::Listing(serde_json::from_str(jobs.get())?))
                    }
                    Some(_) => Err(Fault::Foreign("its \"jobs\" is not a list".to_owned())),
                    None if keys.job_id.is_some()
                        || keys.job_schedule.is_some()
                        || keys.job_actions.is_some() =>
                    {
                        Ok(Self::One(serde_json::from_str(text)?))
                    }
                    None => Err(Fault::Foreign(
                        "it has none of the keys jobs, job_id, job_schedule and job_actions".to_owned(),
                    )),
                }
            }
            Some(_) => {
                serde_json::from_str::<IgnoredAny>(text)?;
                Err(Fault::Foreign("it is neither an object nor a list".to_owned()))
            }
        }
    }
}

/// The `job_id` of a document as it is written, unless it is null.
pub(super) fn written_id(document: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        job_id: Option<&'a RawValue>,
    }
    // A derived reader takes a list for an object too.
    if !document.get().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Head<'_>>(document.get()).ok()?.job_id
}

/// A listing of these, in which an id stands once: the first document keeps it, later ones are problems.
pub(super) fn distinct(documents: Vec<Document>, problems: Vec<Problem>) -> Listing {
    let mut listing = Listing {
        documents: Vec::with_capacity(documents.len()),
        problems,
    };
    let mut first: HashMap<String, usize> = HashMap::with_capacity(documents.len());
    for document in documents {
        let id = written_id(&document.text).and_then(|id| serde_json::from_str::<String>(id.get()).ok());
        let Some(id) = id else {
            listing.documents.push(document);
            continue;
        };
        let next = listing.documents.len();
        let holder = *first.entry(id.clone()).or_insert(next);
        match listing.documents.get(holder) {
            Some(holder) => {
                let error = format!(
                    "{} is left out: {} has this id already; give it an id of its own",
                    document.place, holder.place
                );
                listing.problems.push(Problem::new(&id, "job_id", &id, &error));
            }
            None => listing.documents.push(document),
        }
    }
    listing
}

/// All of `reader`, if that is at most `limit` bytes of UTF-8; `Ok(Err(..))` says what is wrong with it.
pub(super) fn text_of(reader: impl Read, limit: u64) -> std::io::Result<Result<String, Unfit>> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit {
        return Ok(Err(Unfit::TooLarge));
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let good = error
            .as_bytes()
            .get(..error.utf8_error().valid_up_to())
            .unwrap_or_default();
        let line = good
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_add(1);
        let column = good
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .count()
            .saturating_add(1);
        Unfit::Fault(Fault::Syntax(line, column, "this is not UTF-8 text".to_owned()))
    }))
}

/// A file that holds no text we take.
#[derive(Debug)]
pub(super) enum Unfit {
    TooLarge,
    Fault(Fault),
}
