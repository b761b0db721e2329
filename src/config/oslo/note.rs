//! What is said of each option.

use std::fmt;

/// What became of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is in the new file.
    Translated,
    /// Nothing here needs it.
    NotApplicable,
    /// freezerd is to have it and has it not yet.
    NotInThisVersion,
    /// A secret that was left where it is.
    NotCopied,
    /// Its value cannot be taken over.
    Refused,
    /// freezer-scheduler does not look at it, because the option is set elsewhere too.
    Overridden,
    /// freezer-scheduler has no such option.
    Unknown,
    /// It is not in the file, and freezerd's default is not freezer-scheduler's.
    Default,
}

/// One option, and what became of it. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its line in the old file, counted from 1; `None`: it is not in there.
    pub line: Option<usize>,
    /// As `[scheduler] interval`.
    pub option: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The same for people.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.message)
    }
}

/// `[group] name`, as short as it must be and on one line, whatever was in the file.
pub(super) fn named(group: &str, name: &str) -> String {
    format!("[{}] {}", plain(group), plain(name))
}

/// A text that can stand in one line of a message or of a comment.
pub(super) fn plain(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut line = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST {
            line.push_str("...");
            break;
        }
        if character.is_control() || is_invisible(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

/// Characters that turn the direction of writing, or take no room: they could make a line read as another.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
