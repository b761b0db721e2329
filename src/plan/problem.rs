//! What is wrong with a document, said so that a person can mend it.

use std::fmt;

/// Most characters of a document's text that a problem repeats.
const TEXT_LIMIT: usize = 200;
/// Most characters of a problem's explanation; a list of what is allowed fits.
const ERROR_LIMIT: usize = 1000;

/// A document, or a part of one, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// `job_id`, if the document has a readable one; else where it stands (`document 3 of the listing`, a file name).
    pub job_id: String,
    /// `name`, if readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key that is wrong, as `schedule_hour`, `job_actions[0].max_retries`; empty for the whole document.
    pub field: String,
    /// The text it has, shortened to 200 characters.
    pub text: String,
    /// What is wrong and what is allowed.
    pub error: String,
}

impl Problem {
    /// A problem fit to be printed: texts are shortened and their control characters escaped.
    #[must_use]
    pub fn new(job_id: &str, field: &str, text: &str, error: &str) -> Self {
        Self {
            job_id: printable(job_id, TEXT_LIMIT),
            name: None,
            field: field.to_owned(),
            text: printable(text, TEXT_LIMIT),
            error: printable(error, ERROR_LIMIT),
        }
    }

    /// The same, with the plan's name.
    #[must_use]
    pub fn named(mut self, name: Option<&str>) -> Self {
        self.name = name.map(|name| printable(name, TEXT_LIMIT));
        self
    }
}

impl fmt::Display for Problem {
    /// One line: `job 3f2a: schedule_hour: "25": allowed are 0-23 ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.job_id)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        if !self.text.is_empty() {
            write!(f, "\"{}\": ", self.text)?;
        }
        f.write_str(&self.error)
    }
}

/// `text` in at most `limit` characters, fit for a terminal and a log: documents come from other people, and
/// a control character in a plan's name must not move anybody's cursor. What was cut off shows as `…`.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    // So nearly all are.
    if text.len() <= limit && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(limit));
    let mut room = limit;
    for character in text.chars() {
        let escaped = moves_the_cursor(character).then(|| character.escape_default());
        let width = escaped.as_ref().map_or(1, ExactSizeIterator::len);
        if width > room {
            // What is there fills its room; its last character makes way for the mark.
            while out.chars().count() >= limit.max(1) {
                out.pop();
            }
            out.push('…');
            return out;
        }
        room -= width;
        match escaped {
            Some(escaped) => out.extend(escaped),
            None => out.push(character),
        }
    }
    out
}

/// Control characters, line separators, and the marks that turn the direction of writing.
fn moves_the_cursor(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
