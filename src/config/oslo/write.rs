//! The new file's text.

use std::fmt::Write;

use toml::Value;

use super::note::{is_invisible, plain};

/// What the new file holds, section by section.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    sections: Vec<(&'static str, Vec<Line>)>,
    /// What is to come in a later version.
    later: Vec<String>,
}

#[derive(Debug)]
enum Line {
    Set {
        key: &'static str,
        value: Value,
        why: String,
    },
    Comment(String),
}

/// The order of the sections.
const ORDER: [&str; 6] = ["source", "api", "auth", "dispatch", "capabilities", "log"];

impl Sheet {
    /// Sets `setting`, as `source.poll`, and says from what.
    pub(super) fn set(&mut self, setting: &'static str, value: impl Into<Value>, why: impl Into<String>) {
        let (section, key) = setting.split_once('.').unwrap_or(("", setting));
        let value = value.into();
        let why = why.into();
        self.line(section, Line::Set { key, value, why });
    }

    /// A comment in a section.
    pub(super) fn comment(&mut self, section: &'static str, text: impl Into<String>) {
        self.line(section, Line::Comment(text.into()));
    }

    /// A comment at the end.
    pub(super) fn later(&mut self, text: impl Into<String>) {
        self.later.push(text.into());
    }

    fn line(&mut self, section: &'static str, line: Line) {
        match self.sections.iter_mut().find(|(name, _)| *name == section) {
            Some((_, lines)) => lines.push(line),
            None => self.sections.push((section, vec![line])),
        }
    }

    /// The text; `from` is what the old file is called.
    pub(super) fn text(&self, from: &str) -> String {
        let mut text = format!(
            "# freezerd's configuration, from {} by `freezerd import-config`.\n\
             # What is not here has freezerd's default; `freezerd check` shows every value that is in force.\n\
             # OS_* variables come before what stands here; to freezer-scheduler they come after.\n",
            plain(from)
        );
        for section in ORDER {
            let lines = self.sections.iter().find(|(name, _)| *name == section);
            let Some((_, lines)) = lines else { continue };
            // Writing into a text does not fail.
            let _ = writeln!(text, "\n[{section}]");
            for line in lines {
                let _ = match line {
                    Line::Set { key, value, why } => {
                        writeln!(text, "{key} = {}  # {}", literal(value), one_line(why))
                    }
                    Line::Comment(comment) => writeln!(text, "# {}", one_line(comment)),
                };
            }
        }
        if !self.later.is_empty() {
            text.push_str("\n# Set for freezer-scheduler, and not in this version of freezerd:\n");
        }
        for comment in &self.later {
            let _ = writeln!(text, "#   {}", one_line(comment));
        }
        text
    }
}

/// A value as TOML writes it, on one line, and with nothing in it that a terminal would obey.
pub(super) fn literal(value: &Value) -> String {
    match value {
        // JSON's texts are TOML's basic strings; only what JSON lets stand as it is needs a look.
        Value::String(text) => serde_json::Value::from(text.as_str())
            .to_string()
            .chars()
            .map(|c| match c {
                c if c.is_control() || is_invisible(c) => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            })
            .collect(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// A comment ends where its line ends, and TOML wants no control characters in it.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { vec![' '] } else { vec![c] })
        .collect()
}
