//! The agent's INI: one `freezer_action`, written so that freezer-agent reads back exactly what the plan says.
//!
//! PURE. May use: nothing but serde_json's values. Must not use: files, the clock, any other room.
//!
//! freezer-scheduler writes this file with Python's `configparser` (section `[action]`, `key = str(value)`,
//! `None` left out); the agent reads it with `configparser.ConfigParser()` and its default interpolation.
//! Documents were written for that pair, so a value means here what it means to them:
//!
//! - Blanks (Unicode's, not only ASCII's) at both ends of values, and of each of their lines, are stripped by
//!   the reader. They cannot be quoted.
//! - A line break is written with a tab after it: the reader takes an indented line as more of the value, so no
//!   value leaves its option. It leaves out such lines that begin with `#` or `;`. CRLF is read as LF; a CR alone
//!   would end the line without the tab, and is refused.
//! - `%%` is read as `%`, and `%(option)s` as another option's value ([`percent`]). A text that the writer does
//!   not take (a lone `%`; freezer-scheduler's run crashes on it) means itself: its percent signs are doubled.
//! - Keys are lowered by the reader, which refuses a file in which two are then equal.
//!
//! The file is UTF-8, as the agent reads it in any locale but an old one that says otherwise. Left alone, as
//! upstream does: `$` (oslo.config's substitution is part of the agent's option language), and
//! the texts `True`, `False` and `None`, which the agent turns into booleans.

mod percent;
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
    /// A value that would break out of its line.
    #[error(
        "freezer_action {key}: its value holds a carriage return, which the agent's configuration file cannot carry: remove it"
    )]
    CarriageReturn {
        /// Whose value.
        key: String,
    },
    /// A value that the agent could not make out.
    #[error(
        "freezer_action {key}: its value refers by %(...)s to an option that the action does not set, or round in a circle, so the agent cannot read it: write %% for a percent sign"
    )]
    Reference {
        /// Whose value.
        key: String,
    },
    /// A value that, with all it refers to, is longer than any option.
    #[error("freezer_action {key}: with what it refers to by %(...)s its value is longer than {limit} bytes")]
    TooLong {
        /// Whose value.
        key: String,
        /// The most, bytes.
        limit: usize,
    },
}

/// Writes one `freezer_action` as the agent's INI, in the order of its keys. UTF-8.
///
/// Numbers come out as Python prints them; one that is beyond 64 bits was already rounded to a double when
/// its JSON was parsed.
///
/// # Errors
/// When a key or value cannot be written so that the agent reads what its author meant.
pub fn render(action: &Map<String, Value>) -> Result<String, IniError> {
    let mut names: HashMap<String, &str> = HashMap::with_capacity(action.len());
    let mut options: Vec<(String, String)> = Vec::with_capacity(action.len());
    for (key, value) in action.iter().filter(|(_, value)| !value.is_null()) {
        let option = option_name(key)?;
        let text = python::text(value).replace("\r\n", "\n");
        if text.contains('\r') {
            return Err(IniError::CarriageReturn { key: key.clone() });
        }
        options.push((option.clone(), percent::written(&text)));
        if let Some(first) = names.insert(option, key) {
            return Err(IniError::Twice {
                first: first.to_owned(),
                second: key.clone(),
            });
        }
    }
    percent::check(&options).map_err(|(option, fault)| {
        let key = names.get(option).copied().unwrap_or(option).to_owned();
        match fault {
            percent::Fault::Reference => IniError::Reference { key },
            percent::Fault::TooLong => IniError::TooLong {
                key,
                limit: percent::LIMIT,
            },
        }
    })?;
    let mut out = String::from("[action]\n");
    for (option, text) in options {
        out.push_str(&option);
        out.push_str(" = ");
        out.push_str(&text.replace('\n', "\n\t"));
        out.push('\n');
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
