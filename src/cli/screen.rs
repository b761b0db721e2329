//! The columns and colours of a terminal.

use unicode_width::UnicodeWidthStr;

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

/// `text` in exactly `width` columns of a terminal. (A text is not as wide as its characters are one by one: some change how
/// the one before is drawn.)
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut out = text.to_owned();
    let whole = out.width() <= width;
    let room = if whole { width } else { width.saturating_sub(1) };
    while out.width() > room {
        out.pop();
    }
    if !whole && width > 0 {
        out.push('…');
    }
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(out.width())));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_long_ends_in_a_mark() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("abcd", 4), "abcd");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit("ab", 0), "");
        // Two columns wide, because of what follows the digit.
        assert_eq!(fit("0\u{fe0f}", 4), "0\u{fe0f}  ");
        assert_eq!(fit("abc0\u{fe0f}", 4), "abc…");
    }

    proptest! {
        #[test]
        fn columns_are_as_wide_as_they_are_to_be(text in "(\\PC|[0-9#*\u{fe0f}\u{fe0e}\u{20e3}\u{200d}👩🏽]){0,30}", width in 0_usize..30) {
            prop_assert_eq!(fit(&text, width).width(), width);
        }
    }
}
