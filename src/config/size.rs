//! Amounts of memory as people write them: `512M`, `2G`, or a number of bytes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of bytes in a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub u64);

/// What one looks like, for messages.
const SHAPE: &str = "an amount of memory as \"512M\", \"2G\", or a number of bytes";

/// As systemd counts: by 1024.
const UNITS: [(char, u32); 4] = [('T', 40), ('G', 30), ('M', 20), ('K', 10)];

impl Size {
    /// Reads one.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not {SHAPE}");
        let trimmed = text.trim();
        let unit = UNITS.into_iter().find(|(letter, _)| trimmed.ends_with(*letter));
        let (digits, shift) = match unit {
            Some((letter, shift)) => (trimmed.strip_suffix(letter).unwrap_or(trimmed), shift),
            None => (trimmed, 0),
        };
        let number: u64 = digits.trim_end().parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }

    /// Writes one in the same language: with the largest unit that leaves a whole number.
    pub(super) fn show(bytes: u64) -> String {
        let whole = UNITS
            .into_iter()
            .find(|(_, shift)| bytes >= 1 << shift && bytes.is_multiple_of(1 << shift));
        match whole {
            Some((letter, shift)) => format!("{}{letter}", bytes >> shift),
            None => bytes.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Size;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SHAPE)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                Size::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Size, E> {
                u64::try_from(number)
                    .map(Size)
                    .map_err(|_| E::custom(format!("{number} is not {SHAPE}")))
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn what_is_shown_reads_back() {
        for (text, bytes) in [
            ("2G", 2 << 30),
            ("512M", 512 << 20),
            ("3K", 3072),
            ("1025", 1025),
            ("1T", 1 << 40),
        ] {
            assert_eq!(Size::parse(text), Ok(Size(bytes)), "{text}");
            assert_eq!(Size::show(bytes), text);
        }
        assert_eq!(Size::parse(" 64 M "), Ok(Size(64 << 20)));
    }

    #[test]
    fn nonsense_is_named() {
        for text in ["", "G", "2GG", "2g", "-1", "1.5G", "20000000T", "50%"] {
            let error = Size::parse(text).expect_err(text);
            assert!(
                error.contains(&format!("{text:?}")) && error.contains("512M"),
                "{error}"
            );
        }
    }
}
