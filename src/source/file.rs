//! A saved listing: `{"jobs": [...]}`, a bare list of job documents, or one of them.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::value::RawValue;

use super::contents::{Contents, Fault, Ids, Unfit, id_of, text_of};
use super::{Document, Listing, SourceError};

/// Reads the listing at `path`, of at most `limit_bytes`. It may be a pipe.
///
/// # Errors
/// When it is missing, unreadable, too large, or no listing; a fault of its text is named by line and column.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Listing, SourceError> {
    let mut listing = Listing::default();
    let mut ids = Ids::default();
    each(
        path,
        limit_bytes,
        &mut |place, text| match ids.admit(&place, id_of(text.get()).as_ref()) {
            Ok(()) => listing.documents.push(Document {
                place,
                text: text.to_owned(),
            }),
            Err(problem) => listing.problems.push(problem),
        },
    )?;
    Ok(listing)
}

/// The same, one document after another as they stand in the file's text, each with its place: who keeps little of each
/// needs no room for them all. Of several different ones with one id each is given: which of them counts, [`Ids`] tells.
///
/// # Errors
/// As [`read`]; then what it gave counts for nothing.
pub fn each(
    path: &Path,
    limit_bytes: u64,
    take: &mut dyn FnMut(String, &RawValue),
) -> Result<(), SourceError> {
    let file = File::open(path).map_err(|error| SourceError::at(path, "file", error))?;
    each_from(file, path, limit_bytes, take)
}

/// The same, from what is open already; `path` is what errors call it.
///
/// # Errors
/// As [`read`]; then what it gave counts for nothing.
pub fn each_from(
    from: impl Read,
    path: &Path,
    limit_bytes: u64,
    take: &mut dyn FnMut(String, &RawValue),
) -> Result<(), SourceError> {
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
    let mut documents = Documents {
        // A document has about a kilobyte. (To grow, all in it would be hashed anew.)
        seen: HashSet::with_capacity_and_hasher(text.len() >> 10, foldhash::quality::RandomState::default()),
        count: 0,
        take,
    };
    let contents = Contents::of(&text, &mut |text| documents.one(text));
    if let Contents::One(text) = contents.map_err(|fault| named(path, fault))? {
        documents.one(text);
    }
    Ok(())
}

/// The documents of a listing, as far as they have come.
struct Documents<'f, 'a> {
    /// A listing saved page by page repeats documents that moved between two pages. That harms nobody.
    seen: HashSet<&'a str, foldhash::quality::RandomState>,
    count: usize,
    take: &'f mut dyn FnMut(String, &RawValue),
}

impl<'a> Documents<'_, 'a> {
    fn one(&mut self, text: &'a RawValue) {
        self.count = self.count.saturating_add(1);
        if !text.get().starts_with('{') || self.seen.insert(text.get()) {
            (self.take)(format!("document {} of the listing", self.count), text);
        }
    }
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
