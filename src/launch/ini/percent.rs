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
    let mut values = Values {
        read: options
            .iter()
            .map(|(option, text)| (option.as_str(), lines_read(text)))
            .collect(),
        made_out: HashMap::new(),
    };
    for (option, _) in options {
        values
            .make_out(option, 1)
            .map_err(|fault| (option.as_str(), fault))?;
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

/// The reader's values.
struct Values<'a> {
    read: HashMap<&'a str, String>,
    /// Those that are known to be good: thousands of options may refer to one that refers to thousands.
    made_out: HashMap<String, Extent>,
}

/// What a value comes to.
#[derive(Clone, Copy)]
struct Extent {
    /// Bytes.
    length: usize,
    /// How deep the reader goes for it: 0 without a percent sign.
    depth: usize,
}

impl Values<'_> {
    /// Looks at the reader's value of `option`, which it comes to at this depth. The first fault ends it all, so what is
    /// gone through twice is at most the way to that.
    fn make_out(&mut self, option: &str, depth: usize) -> Result<Extent, Fault> {
        let extent = match self.made_out.get(option) {
            Some(extent) => *extent,
            None => self.follow(option, depth)?,
        };
        // `depth` counts from 1.
        if depth + extent.depth > DEPTH + 1 {
            return Err(Fault::Reference);
        }
        Ok(extent)
    }

    fn follow(&mut self, option: &str, depth: usize) -> Result<Extent, Fault> {
        let text = self.read.get(option).ok_or(Fault::Reference)?.clone();
        let mut rest = text.as_str();
        let mut extent = Extent {
            length: rest.len(),
            depth: 0,
        };
        while let Some((_, from)) = rest.split_once('%') {
            if depth > DEPTH {
                return Err(Fault::Reference);
            }
            extent.depth = extent.depth.max(1);
            if let Some(after) = from.strip_prefix('%') {
                rest = after;
            } else {
                let (other, after) = reference(from).ok_or(Fault::Reference)?;
                let other = self.make_out(&other.to_lowercase(), depth + 1)?;
                extent.length = extent.length.saturating_add(other.length);
                extent.depth = extent.depth.max(1 + other.depth);
                rest = after;
            }
            if extent.length > LIMIT {
                return Err(Fault::TooLong);
            }
        }
        self.made_out.insert(option.to_owned(), extent);
        Ok(extent)
    }
}
