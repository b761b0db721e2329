//! A saved listing: `{"jobs": [...]}`, a bare list of job documents, or one of them.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use super::contents::{Contents, Fault, Unfit, distinct, text_of};
use super::{Document, Listing, SourceError};

/// Reads the listing at `path`, of at most `limit_bytes`. It may be a pipe.
///
/// # Errors
/// When it is missing, unreadable, too large, or no listing; a fault of its text is named by line and column.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Listing, SourceError> {
    let file = File::open(path).map_err(|error| SourceError::at(path, "file", error))?;
    let text = match text_of(file, limit_bytes).map_err(|error| SourceError::at(path, "file", error))? {
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
    let mut seen = HashSet::with_capacity(texts.len());
    let documents = texts
        .into_iter()
        .enumerate()
        .filter(|(_, text)| !text.get().starts_with('{') || seen.insert(text.get()))
        .map(|(index, text)| Document {
            place: format!("document {} of the listing", index.saturating_add(1)),
            text: text.to_owned(),
        })
        .collect();
    Ok(distinct(documents, Vec::new()))
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
