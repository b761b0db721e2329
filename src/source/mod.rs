//! Where plans come from when no service is needed: a saved listing, or a folder of job documents.
//!
//! Also keeps a copy of a listing in such a folder ([`FolderCopy`]), for the day when the API is gone.
//!
//! Gives documents as texts; what they mean is `plan`'s business. (The API, the third source, is `freezer`.)
//! What is long, of whichever source, is read [`at_length`].
//! An [`Outline`] of a listing tells which documents of the next one are as they were, wherever that comes from.
//! May use: `plan`'s `JobId`, `Problem` and `Digest`, `clock`. Must not use: `planner`, `freezer`, `ledger`, `launch`.

mod at_length;
mod contents;
mod copy;
mod error;
pub mod file;
pub mod folder;
mod outline;
#[cfg(test)]
mod tests;
mod watch;

use std::path::Path;

use serde_json::value::RawValue;

pub use at_length::at_length;
pub use contents::{Ids, id_of};
pub use copy::{CopyError, Documents, FolderCopy};
pub use error::SourceError;
pub use outline::{Extent, Outline, Tracing};
pub use watch::Watch;

/// One complete listing.
#[derive(Debug, Default)]
pub struct Listing {
    /// The documents, each the text of one JSON value.
    pub documents: Vec<Document>,
    /// What could not even be read as JSON, and documents left out because another has their id.
    pub problems: Vec<crate::plan::Problem>,
}

impl Listing {
    /// Whether a plan that is not among the documents is known to be gone. Not while a part of the listing
    /// could not be read: the plan may well be in there.
    #[must_use]
    pub fn proves_absence(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One document's text and where it stood, for messages when it has no job_id.
#[derive(Debug)]
pub struct Document {
    /// `document 3 of the listing`, or a file name.
    pub place: String,
    /// Its text.
    pub text: Box<RawValue>,
}

/// How much is read at most. What is beyond is an error, never a part of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a saved listing.
    pub listing_bytes: u64,
    /// Bytes of one file of a folder.
    pub file_bytes: u64,
    /// Files of a folder that hold plans.
    pub files: usize,
    /// Bytes of all of a folder's files.
    pub folder_bytes: u64,
}

impl Default for Limits {
    /// A listing of a million plans; a folder of 100,000 files, of 16 MiB each and 1 GiB together.
    fn default() -> Self {
        Self {
            listing_bytes: 2 << 30,
            file_bytes: 16 << 20,
            files: 100_000,
            folder_bytes: 1 << 30,
        }
    }
}

/// Reads what is at `path`: a folder of job documents, or a saved listing.
///
/// # Errors
/// When it is missing, unreadable, too large, or (a file) no listing.
pub fn read(path: &Path, limits: &Limits) -> Result<Listing, SourceError> {
    if is_folder(path)? {
        folder::read(path, limits)
    } else {
        file::read(path, limits.listing_bytes)
    }
}

/// The same, one document after another, each with its place. Gives what is wrong with others. Of several different ones with one id
/// each may be given: which of them counts, [`Ids`] tells.
///
/// # Errors
/// As [`read`]; then what it gave counts for nothing.
pub fn each(
    path: &Path,
    limits: &Limits,
    take: &mut dyn FnMut(String, &RawValue),
) -> Result<Vec<crate::plan::Problem>, SourceError> {
    if !is_folder(path)? {
        file::each(path, limits.listing_bytes, take)?;
        return Ok(Vec::new());
    }
    let listing = folder::read(path, limits)?;
    for document in listing.documents {
        take(document.place, &document.text);
    }
    Ok(listing.problems)
}

/// The same, of a saved listing that is open already; `path` is what errors call it.
///
/// # Errors
/// When it cannot be read, is too large, or no listing; then what it gave counts for nothing.
pub fn each_from(
    from: impl std::io::Read,
    path: &Path,
    limits: &Limits,
    take: &mut dyn FnMut(String, &RawValue),
) -> Result<(), SourceError> {
    file::each_from(from, path, limits.listing_bytes, take)
}

fn is_folder(path: &Path) -> Result<bool, SourceError> {
    if path.exists() {
        Ok(path.is_dir())
    } else {
        Err(SourceError::Missing {
            path: path.to_owned(),
            what: "file or folder",
        })
    }
}
