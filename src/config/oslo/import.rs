//! What a `scheduler.conf` becomes, as it grows: settings for the new file, and a note for every option.

use toml::Value as Toml;

use super::note::{Note, Verdict, named};
use super::options::Opt;
use super::syntax::Assignment;
use super::write::{Sheet, literal};
use crate::freezer::Secret;

/// What a `scheduler.conf` becomes.
#[derive(Debug, Default)]
pub struct Import {
    /// What became of every option in the file, in its order; then what differs though it is not in the file.
    pub notes: Vec<Note>,
    /// The secrets in it.
    pub secrets: Vec<Held>,
    pub(super) sheet: Sheet,
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
    /// The new file; `from` is what the old one is called.
    #[must_use]
    pub fn toml(&self, from: &str) -> String {
        self.sheet.text(from)
    }

    /// Says what became of an assignment.
    pub(super) fn note(&mut self, of: &Assignment, (verdict, message): Outcome) {
        self.notes.push(Note {
            line: Some(of.line),
            option: named(&of.group, &of.name),
            verdict,
            message,
        });
    }

    /// Says what differs because an option is not in the file.
    pub(super) fn absent(&mut self, option: String, what: &str) {
        self.notes.push(Note {
            line: None,
            option,
            verdict: Verdict::Default,
            message: format!("not in the file: {what}"),
        });
    }

    /// Sets `setting`, as `source.poll`, in the new file; `why` stands beside it.
    pub(super) fn set(
        &mut self,
        setting: &'static str,
        value: impl Into<Toml>,
        why: impl Into<String>,
    ) -> Outcome {
        let value = value.into();
        let message = format!("{setting} = {}", literal(&value));
        self.sheet.set(setting, value, why);
        (Verdict::Translated, message)
    }
}

/// What became of one option, and what is said of it.
pub(super) type Outcome = (Verdict, String);

/// Its value cannot be taken over.
pub(super) fn refused(why: impl std::fmt::Display) -> Outcome {
    (Verdict::Refused, format!("not translated: {why}"))
}

/// Nothing here needs it.
pub(super) fn nothing(why: &str) -> Outcome {
    (Verdict::NotApplicable, format!("not applicable: {why}"))
}

/// freezerd has it not yet.
pub(super) fn later(why: &str) -> Outcome {
    (Verdict::NotInThisVersion, format!("not in this version: {why}"))
}

/// Adds to what is said of an option.
pub(super) fn and((verdict, message): Outcome, more: &str) -> Outcome {
    (verdict, message + more)
}

/// An option, for the comment beside what it became.
pub(super) fn source(option: &Opt) -> String {
    named(option.group, option.name)
}

/// What to say of a path that is not absolute.
pub(super) fn relative(path: &str) -> &'static str {
    if path.starts_with('/') {
        ""
    } else {
        "; a relative path counts from the folder of freezerd.toml, not from where the daemon is started"
    }
}

/// Why a truth value is refused.
pub(super) const NO_FLAG: &str = "it is no truth value (true, false, 1, 0, yes, no, on, off), so freezer-scheduler does not \
                                  start with it";
/// Why a number is refused.
pub(super) const NO_NUMBER: &str = "it is no whole number, so freezer-scheduler does not start with it";
