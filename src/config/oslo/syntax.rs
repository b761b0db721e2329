//! The language of oslo.config's files: `[group]`, `name = value`, continuation lines, comments.

/// A line that is not in the language. What it says is not repeated: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{message}; freezer-scheduler does not start with this file either")]
pub struct SyntaxError {
    /// Counted from 1.
    pub line: usize,
    message: &'static str,
}

/// `name = value` in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// In lower case, but for `DEFAULT`: so groups are compared.
    pub group: String,
    pub name: String,
    /// Without the quotes around it; further lines after a line feed each.
    pub text: String,
}

/// Reads a file.
///
/// # Errors
/// The first line that is not in the language.
pub(super) fn parse(text: &str) -> Result<Vec<Assignment>, SyntaxError> {
    let mut all: Vec<Assignment> = Vec::new();
    let mut group: Option<String> = None;
    // Whether the next indented line goes on with the last assignment.
    let mut open = false;
    let text = text.replace("\r\n", "\n");
    for (index, line) in text.split(['\n', '\r']).enumerate() {
        let refused = |message| SyntaxError {
            line: index.saturating_add(1),
            message,
        };
        let line = line.trim_end_matches(is_space);
        if line.is_empty() {
            open = false;
        } else if line.starts_with([' ', '\t']) {
            let last = all
                .last_mut()
                .filter(|_| open)
                .ok_or_else(|| refused("an indented line that continues nothing"))?;
            last.text.push('\n');
            last.text.push_str(line.trim_start_matches(is_space));
        } else if line.starts_with('[') {
            open = false;
            let name = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .ok_or_else(|| refused("a [group] that does not end with ]"))?;
            if name.is_empty() {
                return Err(refused("a [group] without a name"));
            }
            group = Some(match name {
                "DEFAULT" => name.to_owned(),
                _ => name.to_lowercase(),
            });
        } else if line.starts_with(['#', ';']) {
            open = false;
        } else {
            let (name, text) = line
                .split_once(['=', ':'])
                .ok_or_else(|| refused("a line that is no [group], no comment and no `name = value`"))?;
            let name = name.trim_matches(is_space);
            if name.is_empty() {
                return Err(refused("a value without a name"));
            }
            let group = group
                .clone()
                .ok_or_else(|| refused("an option before the first [group]"))?;
            all.push(Assignment {
                line: index.saturating_add(1),
                group,
                name: name.to_owned(),
                text: unquoted(text.trim_matches(is_space)).to_owned(),
            });
            open = true;
        }
    }
    Ok(all)
}

/// Without one pair of quotes around it. One quote alone is its own pair, as oslo.config has it.
fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return match rest.strip_suffix(quote) {
                Some(inner) => inner,
                None if rest.is_empty() => "",
                None => text,
            };
        }
    }
    text
}

/// What Python strips: Unicode's white space and the four separators of ASCII.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}
