//! What the text of one file holds: a listing, or one job document.

use std::collections::HashMap;
use std::fmt::Formatter;
use std::io::Read;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::plan::{JobId, Problem};

/// What a text is. Its documents are borrowed from it.
#[derive(Debug)]
pub(super) enum Contents<'a> {
    /// Its documents were given.
    Listing,
    One(&'a RawValue),
}

/// Told of each document of a listing.
type Each<'f, 'a> = &'f mut dyn FnMut(&'a RawValue);

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

/// A bare list of documents: reads it, one after the other.
struct List<'f, 'a>(Each<'f, 'a>);

impl<'a> DeserializeSeed<'a> for List<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for List<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of documents")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(document) = list.next_element()? {
            (self.0)(document);
        }
        Ok(())
    }
}

/// An object with a list under `jobs`, as nearly all listings are written; gives whether that was there.
struct Jobs<'f, 'a>(Each<'f, 'a>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Jobs,
    #[serde(other)]
    Other,
}

impl<'a> Visitor<'a> for Jobs<'_, 'a> {
    type Value = bool;

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("a listing")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut keys: A) -> Result<bool, A::Error> {
        let mut there = false;
        while let Some(key) = keys.next_key()? {
            match key {
                Key::Jobs if there => return Err(A::Error::duplicate_field("jobs")),
                Key::Jobs => {
                    keys.next_value_seed(List(&mut *self.0))?;
                    there = true;
                }
                Key::Other => {
                    keys.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(there)
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
    /// A listing's documents are given to `each` as they are found: behind them there may still be a fault, and then they
    /// count for nothing.
    pub(super) fn of(text: &'a str, each: Each<'_, 'a>) -> Result<Self, Fault> {
        // Some editors begin a file with a mark that says it is UTF-8.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.trim_ascii_start().as_bytes().first() {
            None => Err(Fault::Foreign("it is empty".to_owned())),
            Some(b'[') => {
                let mut json = serde_json::Deserializer::from_str(text);
                List(each).deserialize(&mut json)?;
                json.end()?;
                Ok(Self::Listing)
            }
            Some(b'{') => Self::of_object(text, each),
            Some(_) => {
                serde_json::from_str::<IgnoredAny>(text)?;
                Err(Fault::Foreign("it is neither an object nor a list".to_owned()))
            }
        }
    }

    fn of_object(text: &'a str, each: Each<'_, 'a>) -> Result<Self, Fault> {
        // Looked through once; whatever is no such listing is little, or wrong.
        let mut found = false;
        let mut json = serde_json::Deserializer::from_str(text);
        let there = json.deserialize_map(Jobs(&mut |document| {
            found = true;
            each(document);
        }));
        match there.and_then(|there| json.end().map(|()| there)) {
            Ok(true) => return Ok(Self::Listing),
            Err(error) if found => return Err(error.into()),
            Ok(false) | Err(_) => {}
        }
        let keys: Keys<'a> = serde_json::from_str(text)?;
        match keys.jobs {
            Some(_) => Err(Fault::Foreign("its \"jobs\" is not a list".to_owned())),
            None if keys.job_id.is_some() || keys.job_schedule.is_some() || keys.job_actions.is_some() => {
                Ok(Self::One(serde_json::from_str(text)?))
            }
            None => Err(Fault::Foreign(
                "it has none of the keys jobs, job_id, job_schedule and job_actions".to_owned(),
            )),
        }
    }
}

/// The `job_id` of a document as it is written, unless it is null.
pub(super) fn written_id(document: &str) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        job_id: Option<&'a RawValue>,
    }
    // A derived reader takes a list for an object too.
    if !document.starts_with('{') {
        return None;
    }
    serde_json::from_str::<Head<'_>>(document).ok()?.job_id
}

/// The `job_id` of a document, if it has one that is a text.
#[must_use]
pub fn id_of(document: &str) -> Option<JobId> {
    let text: String = serde_json::from_str(written_id(document)?.get()).ok()?;
    Some(JobId::new(&text))
}

/// The ids that stand in a listing so far: the first document of an id keeps it, later ones are problems.
#[derive(Debug, Default)]
pub struct Ids {
    /// The place of each that has one.
    holders: HashMap<JobId, Box<str>, foldhash::quality::RandomState>,
}

impl Ids {
    /// Whether the document at `place`, which has this `id` (see [`id_of`]), is one of the listing: no other has its id.
    ///
    /// # Errors
    /// The problem of one that is none.
    pub fn admit(&mut self, place: &str, id: Option<&JobId>) -> Result<(), Problem> {
        let Some(id) = id else { return Ok(()) };
        if let Some(holder) = self.holders.get(id) {
            let error =
                format!("{place} is left out: {holder} has this id already; give it an id of its own");
            return Err(Problem::new(id.as_str(), "job_id", id.as_str(), &error));
        }
        self.holders.insert(id.clone(), place.into());
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
