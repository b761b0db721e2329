//! A saved listing: `{"jobs": [...]}`, a bare list of job documents, or one of them.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::value::RawValue;

use super::contents::{Contents, Fault, Ids, Unfit, text_of};
use super::{Document, Listing, SourceError};
use crate::plan::Problem;

/// Reads the listing at `path`, of at most `limit_bytes`. It may be a pipe.
///
/// # Errors
/// When it is missing, unreadable, too large, or no listing; a fault of its text is named by line and column.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Listing, SourceError> {
    let mut documents = Vec::new();
    let problems = each(path, limit_bytes, &mut |place, text| {
        documents.push(Document {
            place: place.to_owned(),
            text: text.to_owned(),
        });
    })?;
    Ok(Listing { documents, problems })
}

/// The same, one document after another as they stand in the file's text, each with its place: who keeps little of each
/// needs no room for them all. Gives what is wrong with others.
///
/// # Errors
/// As [`read`]; then it gave none.
pub fn each(
    path: &Path,
    limit_bytes: u64,
    take: &mut dyn FnMut(&str, &RawValue),
) -> Result<Vec<Problem>, SourceError> {
    let file = File::open(path).map_err(|error| SourceError::at(path, "file", error))?;
    each_from(file, path, limit_bytes, take)
}

/// The same, from what is open already; `path` is what errors call it.
///
/// # Errors
/// As [`read`]; then it gave none.
pub fn each_from(
    from: impl Read,
    path: &Path,
    limit_bytes: u64,
    take: &mut dyn FnMut(&str, &RawValue),
) -> Result<Vec<Problem>, SourceError> {
    let text = match text_of(from, limit_bytes).map_err(|error| SourceError::at(path, "file", error))? {
        Ok(text) => text,
        Err(Unfit::TooLarge) => {
            return Err(SourceError::TooLarge {
                path: path.to_owned(),
                limit: limit_bytes,
                unit: "bytes",
            });
        }
        Err(Unfit::Fault(fault)) => return Err(named(path, fault)),
    };
    let texts = match Contents::of(&text).map_err(|fault| named(path, fault))? {
        Contents::Listing(texts) => texts,
        Contents::One(text) => vec![text],
    };
    // A listing saved page by page repeats documents that moved between two pages. That harms nobody.
    let mut seen = HashSet::with_capacity_and_hasher(texts.len(), foldhash::quality::RandomState::default());
    let mut ids = Ids::default();
    let mut problems = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        if text.get().starts_with('{') && !seen.insert(text.get()) {
            continue;
        }
        let place = format!("document {} of the listing", index.saturating_add(1));
        match ids.admit(&place, text) {
            Ok(()) => take(&place, text),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(problems)
}

fn named(path: &Path, fault: Fault) -> SourceError {
    match fault {
        Fault::Syntax(line, column, message) => SourceError::NotJson {
            path: path.to_owned(),
            line,
            column,
            message,
        },
        Fault::Foreign(message) => SourceError::NotAListing {
            path: path.to_owned(),
            message,
        },
    }
}
