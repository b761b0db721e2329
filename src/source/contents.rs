//! What the text of one file holds: a listing, or one job document.

use std::collections::HashMap;
use std::io::Read;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

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

/// A listing, as nearly all are written.
#[derive(Deserialize)]
struct Jobs<'a> {
    #[serde(borrow)]
    jobs: Vec<&'a RawValue>,
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
                // Looked through once; whatever is no such listing is little, or wrong.
                if let Ok(Jobs { jobs }) = serde_json::from_str(text) {
                    return Ok(Self::Listing(jobs));
                }
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

/// The ids that stand in a listing so far: the first document of an id keeps it, later ones are problems.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// Id and place of each that has one.
    holders: HashMap<Box<str>, Box<str>, foldhash::quality::RandomState>,
}

impl Ids {
    /// Whether the document at `place` is one of the listing: no other has its id.
    pub(super) fn admit(&mut self, place: &str, text: &RawValue) -> Result<(), Problem> {
        let id = written_id(text).and_then(|id| serde_json::from_str::<String>(id.get()).ok());
        let Some(id) = id else { return Ok(()) };
        if let Some(holder) = self.holders.get(id.as_str()) {
            let error =
                format!("{place} is left out: {holder} has this id already; give it an id of its own");
            return Err(Problem::new(&id, "job_id", &id, &error));
        }
        self.holders.insert(id.into(), place.into());
        Ok(())
    }
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
