//! The columns and colours of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const DIM: &str = "\x1b[2m";
pub(super) const RED: &str = "\x1b[31m";
pub(super) const GREEN: &str = "\x1b[32m";
pub(super) const YELLOW: &str = "\x1b[33m";
const RESET: &str = "\x1b[0m";

/// Colours texts, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    /// Whether the terminal understands colours and its user wants them.
    pub colour: bool,
}

impl Paint {
    /// `text` in this colour.
    pub(super) fn on(self, colour: &str, text: &str) -> String {
        if self.colour && !colour.is_empty() && !text.is_empty() {
            format!("{colour}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }
}

/// `text` in exactly `width` columns of a terminal.
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut taken = 0;
    let whole = text.width() <= width;
    let room = if whole { width } else { width.saturating_sub(1) };
    for character in text.chars() {
        let columns = character.width().unwrap_or(0);
        if taken + columns > room {
            break;
        }
        taken += columns;
        out.push(character);
    }
    if !whole && width > 0 {
        out.push('…');
        taken += 1;
    }
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(taken)));
    out
}
