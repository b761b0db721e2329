//! The values of a file: which of several counts, what its `$variables` stand for, and oslo.config's types.

use std::collections::BTreeMap;

use super::options::{Fate, Kind, OPTIONS, Opt, find};
use super::syntax::{Assignment, is_space};

/// The longest value that is taken over, in bytes.
const LONGEST: usize = 32 * 1024;
/// How many variables one value may lead to, over all that they lead to.
const VARIABLES: usize = 1000;

/// A value with its variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub text: String,
    /// Whether a secret is in it.
    pub secret: bool,
}

/// All assignments of a file, by name.
pub(super) struct Values<'a> {
    all: &'a [Assignment],
    /// Of each name the last one, which is the one that counts.
    last: BTreeMap<(&'a str, &'a str), usize>,
}

/// The way to a value through variables.
#[derive(Default)]
struct Way {
    through: Vec<(&'static str, &'static str)>,
    variables: usize,
}

impl<'a> Values<'a> {
    pub(super) fn new(all: &'a [Assignment]) -> Self {
        let named = |(index, one): (usize, &'a Assignment)| ((one.group.as_str(), one.name.as_str()), index);
        Self {
            all,
            last: all.iter().enumerate().map(named).collect(),
        }
    }

    /// Where the assignment stands that freezer-scheduler goes by: its own name comes before deprecated ones.
    pub(super) fn index(&self, option: &Opt) -> Option<usize> {
        option.names().find_map(|name| self.last.get(&name).copied())
    }

    /// The value of an option; `None`: it is not in the file.
    ///
    /// # Errors
    /// What is wrong with its variables.
    pub(super) fn get(&self, option: &Opt) -> Option<Result<Value, String>> {
        self.value(option, &mut Way::default())
    }

    /// The value of a truth value; `None`: it is not in the file, or it is none.
    pub(super) fn flag(&self, group: &str, name: &str) -> Option<bool> {
        let value = self.get(find(group, name)?)?.ok()?;
        flag(&value.text)
    }

    fn value(&self, option: &Opt, way: &mut Way) -> Option<Result<Value, String>> {
        let assignment = self.all.get(self.index(option)?)?;
        Some(if assignment.text.len() > LONGEST {
            Err(too_long())
        } else {
            self.expand(&assignment.text, option, way)
        })
    }

    fn expand(&self, text: &str, option: &Opt, way: &mut Way) -> Result<Value, String> {
        let text = text.replace("\\$", "$$");
        let mut done = Value {
            text: String::new(),
            secret: option.is_secret(),
        };
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            done.text.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                done.text.push('$');
                rest = after;
            } else if let Some((name, after)) = variable(rest) {
                match self.variable(name, option, way)? {
                    Some(value) => {
                        done.text.push_str(&value.text);
                        done.secret |= value.secret;
                    }
                    None => {
                        let as_written = rest.strip_suffix(after).unwrap_or(rest);
                        done.text.push('$');
                        done.text.push_str(as_written);
                    }
                }
                rest = after;
            } else {
                done.text.push('$');
            }
            if done.text.len() > LONGEST {
                return Err(too_long());
            }
        }
        done.text.push_str(rest);
        if done.text.len() > LONGEST {
            return Err(too_long());
        }
        Ok(done)
    }

    /// What `$name` stands for in a value of `within`; `None`: for itself.
    fn variable(&self, name: &str, within: &Opt, way: &mut Way) -> Result<Option<Value>, String> {
        let option = match name.split_once('.') {
            Some(("DEFAULT", _)) => None,
            Some((group, name)) => find(group, name),
            None => find(within.group, name).or_else(|| find("DEFAULT", name)),
        };
        let deprecated = || OPTIONS.iter().find(|option| option.old.contains(&name));
        let option = match (option, deprecated()) {
            (Some(option), _) => option,
            // oslo.config looks a deprecated name's option up as the command line spells it, and so finds only one
            // that is spelled the same in a file; at the others it stumbles, and leaves the text.
            (None, Some(option)) if option.name.contains('_') => return Ok(None),
            (None, Some(option)) => option,
            // Quotes no name that is not an option's: what looks like a variable may be a part of a password.
            (None, None) => {
                let why = "a $ in it names no option, so freezer-scheduler does not start with it (a plain $ is \
                           written $$)";
                return Err(why.to_owned());
            }
        };
        let here = (option.group, option.name);
        let named = format!("[{}] {}", option.group, option.name);
        way.variables = way.variables.saturating_add(1);
        if way.through.contains(&here) || here == (within.group, within.name) {
            return Err(format!("its value leads back to itself by way of {named}"));
        }
        if way.variables > VARIABLES {
            return Err("its value leads to more variables than anybody can mean".to_owned());
        }
        way.through.push(here);
        let value = self
            .value(option, way)
            .ok_or_else(|| format!("its value refers to {named}, which is not in this file"))?;
        way.through.pop();
        let Value { text, secret } = value?;
        // What stands before an @ in a URL may be a password.
        let secret = secret || (matches!(option.fate, Fate::Url(_)) && text.contains('@'));
        let text = match option.kind {
            Kind::Text => Some(text),
            Kind::Flag => flag(&text).map(|flag| if flag { "True" } else { "False" }.to_owned()),
            Kind::Number => number(&text).map(|number| number.map_or_else(String::new, |n| n.to_string())),
            Kind::List => None,
        };
        let text =
            text.ok_or_else(|| format!("its value refers to {named}, which cannot be written into it"))?;
        Ok(Some(Value { text, secret }))
    }
}

fn too_long() -> String {
    format!("its value is longer than {LONGEST} bytes")
}

/// The variable a text begins with, its `$` taken off, and what comes after.
fn variable(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let inside = braced.unwrap_or(text);
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !inside.starts_with(first) {
        return None;
    }
    let end = inside
        .find(|c: char| !(first(c) || c.is_ascii_digit() || c == '.'))
        .unwrap_or(inside.len());
    let (name, after) = inside.split_at_checked(end)?;
    match braced {
        Some(_) => Some((name, after.strip_prefix('}')?)),
        None => Some((name, after)),
    }
}

/// A truth value.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// A whole number, as Python reads one; an empty text is `Some(None)`.
pub(super) fn number(text: &str) -> Option<Option<i64>> {
    let text = text.trim_matches(is_space);
    if text.is_empty() {
        return Some(None);
    }
    let apart = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    let signed = text
        .strip_prefix(['+', '-'])
        .is_some_and(|rest| rest.starts_with('_'));
    if apart || signed {
        return None;
    }
    text.replace('_', "").parse().ok().map(Some)
}

/// A list, divided by commas.
pub(super) fn list(text: &str) -> Vec<String> {
    let text = text.trim_matches(is_space).trim_end_matches(',');
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',')
        .map(|item| item.trim_matches(is_space).to_owned())
        .collect()
}
