//! The agent's INI: one `freezer_action`, written so that freezer-agent reads back exactly what the plan says.
//!
//! PURE. May use: nothing but serde_json's values. Must not use: files, the clock, any other room.
//!
//! freezer-scheduler writes this file with Python's `configparser` (section `[action]`, `key = str(value)`,
//! `None` left out); the agent reads it with `configparser.ConfigParser()` and its default interpolation.
//! What that reader does to a line decides what may be written:
//!
//! - It ends a line at LF, CR and CRLF and takes indented lines as continuations. So no value may hold a line
//!   break; the other control characters, and the separators U+2028 and U+2029, are refused with them: some
//!   reader (an editor, `str.splitlines`) takes each for a line break, and none has business in an option.
//! - It strips blanks (Unicode's, not only ASCII's) from both ends of keys and values. They cannot be
//!   quoted, so a value that has some cannot be represented and is refused.
//! - It lowers keys, and refuses a file in which two are then equal.
//! - `%` starts an interpolation. It is written `%%`, which is read as one `%`. (freezer-scheduler fails on a
//!   lone `%`, and lets the agent read `%%` and `%(option)s` as something else; here a text means itself.)
//!
//! The file is UTF-8, as the agent reads it in any locale but an old one that says otherwise. Left alone, as
//! upstream does: `$` (oslo.config's substitution is part of the agent's option language), and
//! the texts `True`, `False` and `None`, which the agent turns into booleans.

mod python;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::{Map, Value};

/// A `freezer_action` that cannot be written so that the agent reads the same. Never shows a value: it may
/// be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IniError {
    /// A key that is no option name.
    #[error(
        "freezer_action key {key:?} is not an option name: only letters, digits, `_`, `-` and `.` are allowed"
    )]
    Key {
        /// The key, shortened to 60 characters.
        key: String,
    },
    /// Two keys that the agent takes for one.
    #[error(
        "freezer_action keys {first:?} and {second:?} are one option to the agent, which ignores case: keep one"
    )]
    Twice {
        /// The earlier one.
        first: String,
        /// The later one.
        second: String,
    },
    /// A value that would break out of its line, or be changed by reading it.
    #[error(
        "freezer_action {key}: its value holds {found}, which the agent's configuration file cannot carry: remove it"
    )]
    Value {
        /// Whose value.
        key: String,
        /// What is wrong: `a line break`, `a blank at its end`.
        found: Blemish,
    },
}

/// What makes a value unfit for a line of the INI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blemish {
    /// A line feed, carriage return or another character that readers take for a line's end.
    LineBreak,
    /// Another control character; NUL among them.
    Control(char),
    /// The reader would strip it.
    BlankAtStart,
    /// The reader would strip it.
    BlankAtEnd,
}

impl std::fmt::Display for Blemish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LineBreak => f.write_str("a line break"),
            Self::Control(found) => write!(f, "the control character U+{:04X}", u32::from(*found)),
            Self::BlankAtStart => f.write_str("a blank at its start"),
            Self::BlankAtEnd => f.write_str("a blank at its end"),
        }
    }
}

/// Writes one `freezer_action` as the agent's INI, in the order of its keys. UTF-8.
///
/// Numbers come out as Python prints them; one that is beyond 64 bits was already rounded to a double when
/// its JSON was parsed.
///
/// # Errors
/// When a key or value cannot be represented so that the agent reads it back exactly.
pub fn render(action: &Map<String, Value>) -> Result<String, IniError> {
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(action.len());
    let mut out = String::from("[action]\n");
    for (key, value) in action {
        if value.is_null() {
            continue;
        }
        let option = option_name(key)?;
        let text = python::text(value);
        if let Some(found) = blemish(&text) {
            return Err(IniError::Value {
                key: key.clone(),
                found,
            });
        }
        out.push_str(&option);
        out.push_str(" = ");
        out.push_str(&text.replace('%', "%%"));
        out.push('\n');
        if let Some(first) = seen.insert(option, key) {
            return Err(IniError::Twice {
                first: first.to_owned(),
                second: key.clone(),
            });
        }
    }
    out.push('\n');
    Ok(out)
}

/// The key as the reader will name it. oslo.config's options are all of these characters; a narrow rule
/// leaves nothing to argue about brackets, comments, delimiters and other alphabets' letter cases.
fn option_name(key: &str) -> Result<String, IniError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if key.is_empty() || !key.bytes().all(fits) {
        return Err(IniError::Key {
            key: key.chars().take(60).collect(),
        });
    }
    Ok(key.to_ascii_lowercase())
}

fn blemish(text: &str) -> Option<Blemish> {
    for found in text.chars() {
        match found {
            '\n' | '\r' | '\u{0b}' | '\u{0c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                return Some(Blemish::LineBreak);
            }
            '\t' => {}
            other if other.is_control() => return Some(Blemish::Control(other)),
            _ => {}
        }
    }
    if text.starts_with(char::is_whitespace) {
        return Some(Blemish::BlankAtStart);
    }
    text.ends_with(char::is_whitespace).then_some(Blemish::BlankAtEnd)
}
