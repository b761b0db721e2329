//! Percent signs, as Python's `configparser` has them by default: `%%` is one, `%(option)s` is what another option
//! of the same section says.

use std::collections::HashMap;

/// The most that a value may come to, with all it refers to, bytes. (References to references multiply.)
pub(super) const LIMIT: usize = 1 << 20;
/// How deep the reader follows references.
const DEPTH: usize = 10;

/// Why the agent could not read a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// To nothing, or in a circle.
    Reference,
    /// Beyond [`LIMIT`].
    TooLong,
}

/// As it is written: as it is where `configparser` would take it so, else with every sign doubled.
pub(super) fn written(text: &str) -> String {
    if is_taken(text) {
        text.to_owned()
    } else {
        text.replace('%', "%%")
    }
}

/// Whether the writer takes it: without pairs of signs and then without references, no sign is left.
fn is_taken(text: &str) -> bool {
    let single = text.replace("%%", "");
    let mut rest = single.as_str();
    while let Some((_, from)) = rest.split_once('%') {
        match reference(from) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// What follows a `%`, if that begins a reference: its option, and the text after it.
fn reference(from: &str) -> Option<(&str, &str)> {
    let (option, after) = from.strip_prefix('(')?.split_once(')')?;
    let after = after.strip_prefix('s')?;
    (!option.is_empty()).then_some((option, after))
}

/// Whether the agent can read every option; the first that it cannot, and why.
pub(super) fn check(options: &[(String, String)]) -> Result<(), (&str, Fault)> {
    if !options.iter().any(|(_, text)| text.contains('%')) {
        return Ok(());
    }
    let read: HashMap<&str, String> = options
        .iter()
        .map(|(option, text)| (option.as_str(), lines_read(text)))
        .collect();
    for (option, _) in options {
        length(option, &read, 1).map_err(|fault| (option.as_str(), fault))?;
    }
    Ok(())
}

/// What the reader has of a value before it looks at percent signs.
fn lines_read(text: &str) -> String {
    let mut lines = text.split('\n').map(|line| line.trim_matches(is_blank));
    let first = lines.next().unwrap_or_default().to_owned();
    lines
        .filter(|line| !line.starts_with(['#', ';']))
        .fold(first, |read, line| read + "\n" + line)
}

/// Python's idea of white space.
fn is_blank(found: char) -> bool {
    found.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&found)
}

/// How long the reader's value of `option` is, bytes.
fn length(option: &str, read: &HashMap<&str, String>, depth: usize) -> Result<usize, Fault> {
    let mut rest = read.get(option).ok_or(Fault::Reference)?.as_str();
    let mut total = rest.len();
    while let Some((_, from)) = rest.split_once('%') {
        if depth > DEPTH {
            return Err(Fault::Reference);
        }
        if let Some(after) = from.strip_prefix('%') {
            rest = after;
        } else {
            let (other, after) = reference(from).ok_or(Fault::Reference)?;
            total = total.saturating_add(length(&other.to_lowercase(), read, depth + 1)?);
            rest = after;
        }
        if total > LIMIT {
            return Err(Fault::TooLong);
        }
    }
    Ok(total)
}
