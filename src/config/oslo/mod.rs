//! freezer-scheduler's `scheduler.conf` into a `freezerd.toml`: for those who change over, once.
//!
//! The file is read as oslo.config reads it (`syntax`, `value`); `options` holds every option that
//! freezer-scheduler 19.0.0 knows and what becomes of it; `translate` gives each line of the file its note, and
//! `write` makes the text of the new file. Nothing is dropped in silence, and no secret gets into a note or into
//! the new file. Pure: texts in, texts out. May use: the rest of `config`, `freezer` (secrets, interfaces). Must
//! not use: the file system, the environment.

mod note;
mod options;
mod syntax;
mod translate;
mod value;
mod write;

use std::path::Path;

use crate::freezer::Secret;

pub use note::{Note, Verdict};
pub use syntax::SyntaxError;

use write::Sheet;

/// What a `scheduler.conf` becomes.
#[derive(Debug)]
pub struct Import {
    /// What became of every option in the file, in its order; then what differs though it is not in the file.
    pub notes: Vec<Note>,
    /// The secrets in it.
    pub secrets: Vec<Held>,
    sheet: Sheet,
}

/// A secret of the old file.
#[derive(Debug)]
pub struct Held {
    /// The name of the file it belongs in: `os_password`, as a systemd credential is named too.
    pub file: &'static str,
    /// The secret.
    pub secret: Secret,
}

impl Import {
    /// Translates `text`, the contents of a `scheduler.conf`. With `secrets`, an absolute path, the new file says
    /// that the secrets lie in files there (see [`Held::file`]); without, it says how to hand them over.
    ///
    /// # Errors
    /// A line that is not in oslo.config's language: freezer-scheduler itself would not start with it.
    pub fn new(text: &str, secrets: Option<&Path>) -> Result<Self, SyntaxError> {
        let assignments = syntax::parse(text)?;
        Ok(translate::translate(&assignments, secrets))
    }

    /// The new file; `from` is what the old one is called.
    #[must_use]
    pub fn toml(&self, from: &str) -> String {
        self.sheet.text(from)
    }
}

#[cfg(test)]
mod tests;
