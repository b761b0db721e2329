//! freezer-scheduler's `scheduler.conf` into a `freezerd.toml`: for those who change over, once.
//!
//! The file is read as oslo.config reads it (`syntax`, `value`); `options` holds every option that
//! freezer-scheduler 19.0.0 knows and what becomes of it; `translate`, with `own` and `unknown`, gives
//! each of its lines a note, and `write` makes the text of the new file. Nothing is dropped in silence, and no secret gets into a note or into
//! the new file. Pure: texts in, texts out. May use: the rest of `config`, `freezer` (secrets, interfaces). Must
//! not use: the file system, the environment.

mod import;
mod note;
mod options;
mod own;
mod syntax;
mod translate;
mod unknown;
mod value;
mod write;

pub use import::{Held, Import};
pub use note::{Note, Verdict};
pub use syntax::SyntaxError;

#[cfg(test)]
mod tests;
