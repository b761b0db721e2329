//! A folder of job documents: every `*.conf` and `*.json` directly in it, as freezer-scheduler's `--no-api`.
//!
//! A broken file is a problem and the others live. A folder that cannot be read is an error: it must not be
//! taken for one whose plans were all removed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::contents::{Contents, Ids, Unfit, id_of, text_of, written_id};
use super::{Document, Limits, Listing, SourceError};
use crate::plan::Problem;

/// How often a folder is read anew when files vanish under the reader.
const TRIES: usize = 5;

/// Reads the folder at `path`, its files in the order of their names.
///
/// A document without `job_id` takes its file's stem for one (of `job_<id>.conf`, the id): stable, where
/// freezer-scheduler makes up another one at every poll.
///
/// # Errors
/// When the folder is missing, unreadable, or holds more than `limits` allow.
pub fn read(path: &Path, limits: &Limits) -> Result<Listing, SourceError> {
    for _ in 0..TRIES {
        if let Some(listing) = read_once(path, limits)? {
            return Ok(listing);
        }
    }
    Err(SourceError::Unsteady {
        path: path.to_owned(),
    })
}

/// `None`: a file that was listed was gone when it was to be read. Perhaps the folder is going as a whole
/// (it is being unmounted, or replaced), so this is not a state to act on.
fn read_once(path: &Path, limits: &Limits) -> Result<Option<Listing>, SourceError> {
    let files = plan_files(path, limits)?;
    let mut documents = Vec::with_capacity(files.len());
    let mut problems = Vec::new();
    let mut room = limits.folder_bytes;
    for file in files {
        let name = file
            .file_name()
            .map(OsStr::to_string_lossy)
            .unwrap_or_default()
            .into_owned();
        let text = match text_at(&file, limits.file_bytes) {
            Ok(Text::Read(text)) => text,
            Ok(Text::Unfit(error)) => {
                problems.push(unfit(&file, &name, &error));
                continue;
            }
            Ok(Text::Folder) => continue,
            Ok(Text::Vanished) => return Ok(None),
            Err(error) => {
                problems.push(unfit(&file, &name, &format!("cannot be read: {error}")));
                continue;
            }
        };
        room = room
            .checked_sub(text.len() as u64)
            .ok_or_else(|| SourceError::TooLarge {
                path: path.to_owned(),
                limit: limits.folder_bytes,
                unit: "bytes",
            })?;
        let mut texts = Vec::new();
        match Contents::of(&text, &mut |text| texts.push(text)) {
            Ok(Contents::One(document)) => {
                documents.push(Document {
                    text: with_id(document, &stem_id(&file)),
                    place: name,
                });
            }
            Ok(Contents::Listing) => {
                documents.extend(texts.into_iter().enumerate().map(|(index, text)| Document {
                    place: format!("{name}, document {}", index.saturating_add(1)),
                    text: text.to_owned(),
                }));
            }
            Err(fault) => problems.push(unfit(&file, &name, &fault.to_string())),
        }
    }
    let mut ids = Ids::default();
    documents.retain(
        |document| match ids.admit(&document.place, id_of(document.text.get()).as_ref()) {
            Ok(()) => true,
            Err(problem) => {
                problems.push(problem);
                false
            }
        },
    );
    Ok(Some(Listing { documents, problems }))
}

/// A problem of a whole file. It is told under the id the plan in it would have by the file's name, which
/// is the one it had if freezer-scheduler's client wrote it.
fn unfit(file: &Path, name: &str, error: &str) -> Problem {
    Problem::new(&stem_id(file), "", "", &format!("{name}: {error}"))
}

/// The files that hold plans, sorted by name.
fn plan_files(path: &Path, limits: &Limits) -> Result<Vec<PathBuf>, SourceError> {
    let at = |error| SourceError::at(path, "folder", error);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(at)? {
        let file = entry.map_err(at)?.path();
        if holds_a_plan(&file) {
            files.push(file);
        }
        if files.len() > limits.files {
            let limit = u64::try_from(limits.files).unwrap_or(u64::MAX);
            return Err(SourceError::TooLarge {
                path: path.to_owned(),
                limit,
                unit: "files",
            });
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// By its name: `*.conf` or `*.json` in letters of either case, and not hidden. (Editors' own files end in
/// `~`, `.swp` and the like, so they are none.)
fn holds_a_plan(file: &Path) -> bool {
    let hidden = file
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let suffix = file
        .extension()
        .map(OsStr::to_ascii_lowercase)
        .unwrap_or_default();
    !hidden && (suffix == "conf" || suffix == "json")
}

enum Text {
    Read(String),
    Unfit(String),
    /// A subfolder: none of our business, whatever it is called.
    Folder,
    /// It was there when the folder was listed.
    Vanished,
}

fn text_at(file: &Path, limit: u64) -> io::Result<Text> {
    let about = match fs::metadata(file) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A link to nothing stays where it is; a file does not.
            return Ok(match fs::symlink_metadata(file) {
                Ok(_) => Text::Unfit("it is a link to nothing".to_owned()),
                Err(_) => Text::Vanished,
            });
        }
        Err(error) => return Err(error),
    };
    if about.is_dir() {
        return Ok(Text::Folder);
    }
    // A pipe would hold us up until somebody writes to it.
    if !about.is_file() {
        return Ok(Text::Unfit("it is not a regular file".to_owned()));
    }
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Text::Vanished),
        Err(error) => return Err(error),
    };
    Ok(match text_of(opened, limit)? {
        Ok(text) => Text::Read(text),
        Err(Unfit::TooLarge) => {
            Text::Unfit(format!("it is larger than {limit} bytes, the most that is read"))
        }
        Err(Unfit::Fault(fault)) => Text::Unfit(fault.to_string()),
    })
}

/// The id that a file's name gives: its stem, without the `job_` that freezer-scheduler's client writes.
fn stem_id(file: &Path) -> String {
    let stem = file.file_stem().map(OsStr::to_string_lossy).unwrap_or_default();
    stem.strip_prefix("job_")
        .filter(|id| !id.is_empty())
        .unwrap_or(&stem)
        .to_owned()
}

/// The document, with `id` for its `job_id` if it has none (or null).
fn with_id(document: &RawValue, id: &str) -> Box<RawValue> {
    let with = || -> Option<Box<RawValue>> {
        let mut keys: Map<String, Value> = serde_json::from_str(document.get()).ok()?;
        keys.insert("job_id".to_owned(), Value::from(id));
        to_raw_value(&keys).ok()
    };
    let own = written_id(document.get()).is_some();
    if own { None } else { with() }.unwrap_or_else(|| document.to_owned())
}
