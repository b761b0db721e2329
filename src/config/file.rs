//! One configuration file: read with a bound, parsed, and every mistake in it placed.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::error::{Finding, Origin, nearest};
use super::fragment::{Fragment, Key, Part};

/// The largest file that is read, in bytes.
pub(super) const LIMIT: u64 = 1024 * 1024;

/// What one file says.
#[derive(Debug)]
pub(super) struct Parsed {
    pub fragment: Fragment,
    /// Each setting in it and where it stands, as `window[0].allow`.
    pub places: Vec<(String, Origin)>,
}

/// Reads a text of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::other("is a directory"));
    }
    file.take(limit.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > limit) {
        return Err(std::io::Error::other(format!("is larger than {limit} bytes")));
    }
    Ok(text)
}

/// Understands `text`, the contents of `path`.
///
/// # Errors
/// All unknown keys; or else the first value that is not what it must be.
pub(super) fn parse(path: &Path, text: &str) -> Result<Parsed, Vec<Finding>> {
    let mut walk = Walk {
        path,
        text,
        values: Vec::new(),
        findings: Vec::new(),
    };
    let table = DeTable::parse(text).map_err(|error| vec![walk.refused(&error)])?;
    walk.table(table.get_ref(), Fragment::KEYS, "");
    if !walk.findings.is_empty() {
        walk.findings.sort_by(|left, right| left.at.cmp(&right.at));
        return Err(walk.findings);
    }
    let fragment = toml::Deserializer::parse(text)
        .and_then(Fragment::deserialize)
        .map_err(|error| vec![walk.refused(&error)])?;
    let places = walk
        .values
        .iter()
        .map(|(name, span)| (name.clone(), walk.at(span)))
        .collect();
    Ok(Parsed { fragment, places })
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
    /// Every value and every section under a known key, and the bytes it takes.
    values: Vec<(String, Range<usize>)>,
    findings: Vec<Finding>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, known: &'static [Key], above: &str) {
        for (key, value) in table {
            let name = if above.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{above}.{}", key.get_ref())
            };
            match known.iter().find(|candidate| candidate.name == key.get_ref()) {
                Some(candidate) => self.value(value.get_ref(), value.span(), candidate.below, &name),
                None => {
                    let message = unknown(key.get_ref(), &name, known);
                    self.findings.push(Finding {
                        at: self.at(&key.span()),
                        message,
                    });
                }
            }
        }
    }

    fn value(&mut self, value: &DeValue<'_>, span: Range<usize>, below: &'static [Key], name: &str) {
        self.values.push((name.to_owned(), span));
        match value {
            DeValue::Table(table) if !below.is_empty() => self.table(table, below, name),
            DeValue::Array(list) if !below.is_empty() => {
                for (index, item) in list.iter().enumerate() {
                    self.value(item.get_ref(), item.span(), below, &format!("{name}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn refused(&self, error: &toml::de::Error) -> Finding {
        let Some(span) = error.span() else {
            return Finding {
                at: whole(self.path),
                message: explain(error.message()),
            };
        };
        let holds = |part: &Range<usize>| part.start <= span.start && span.start < part.end;
        let of = self
            .values
            .iter()
            .filter(|(_, part)| holds(part))
            .min_by_key(|(_, part)| part.len());
        let message = match of {
            Some((name, _)) => format!("`{name}`: {}", explain(error.message())),
            None => explain(error.message()),
        };
        Finding {
            at: self.at(&span),
            message,
        }
    }

    fn at(&self, span: &Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |text| text.chars().count()) + 1;
        Origin::File {
            path: self.path.to_owned(),
            place: Some((line, column)),
        }
    }
}

/// The file as a whole.
pub(super) fn whole(path: &Path) -> Origin {
    Origin::File {
        path: path.to_owned(),
        place: None,
    }
}

/// What to say of a key nobody knows.
fn unknown(key: &str, name: &str, known: &'static [Key]) -> String {
    let elsewhere =
        section_of(key).filter(|section| *section != name.rsplit_once('.').map_or("", |(s, _)| s));
    let hint = match (elsewhere, nearest(key, known.iter().map(|key| key.name))) {
        (Some(""), _) => format!("; `{key}` belongs at the top, before the first [section]"),
        (Some(section), _) => format!("; `{key}` belongs in [{section}]"),
        (None, Some(near)) => format!("; did you mean `{near}`?"),
        (None, None) => {
            let all: Vec<_> = known.iter().map(|key| format!("`{}`", key.name)).collect();
            format!("; known here: {}", all.join(", "))
        }
    };
    format!("unknown key `{name}`{hint}")
}

/// The section a key belongs in: empty for the top.
fn section_of(key: &str) -> Option<&'static str> {
    for top in Fragment::KEYS {
        if top.name == key {
            return Some("");
        }
        if top.below.iter().any(|below| below.name == key) {
            return Some(top.name);
        }
    }
    None
}

/// The parser's message in our words: one line, and with a hint when a text is nearly one that is allowed.
pub(super) fn explain(message: &str) -> String {
    let message = without_text(message).trim().replace('\n', "; ");
    let numbers = ["nonzero usize", "nonzero u32"];
    let message = numbers.iter().fold(message, |text, number| {
        text.replace(number, "whole number above 0")
    });
    let message = message
        .replace("expected usize", "expected a whole number")
        .replace("expected u64", "expected a whole number");
    let Some((head, allowed)) = message.split_once("`, expected ") else {
        return message;
    };
    let (what, given) = match (
        head.strip_prefix("unknown variant `"),
        head.strip_prefix("unknown field `"),
    ) {
        (Some(variant), _) => ("is not allowed here", variant),
        (_, Some(field)) => ("is no key that is known here", field),
        (None, None) => return message,
    };
    let names: Vec<&str> = allowed.split('`').skip(1).step_by(2).collect();
    let hint = match nearest(&given.to_lowercase(), names.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    format!("`{given}` {what}, only {allowed}{hint}")
}

/// A text that stands where none may is not repeated: it may be a password at the wrong place, as in `auth = "..."`.
fn without_text(message: &str) -> String {
    let parts = message
        .split_once("invalid type: string \"")
        .and_then(|(before, rest)| Some((before, rest.rsplit_once("\", expected ")?.1)));
    match parts {
        Some((before, expected)) => format!("{before}invalid type: a text, expected {expected}"),
        None => message.to_owned(),
    }
}

/// Makes a path of a file absolute: what is relative counts from the file's own folder.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent()
        .map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}
