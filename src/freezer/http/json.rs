//! Reads the JSON that Python writes.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::source::at_length;

/// Why an answer is not what was expected. It says where, and never what stands there: the parser's own words quote a text
/// that stands at the wrong place, whole, and that may be our token, or megabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson {
    sort: Category,
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for NotJson {
    fn from(error: serde_json::Error) -> Self {
        Self {
            sort: error.classify(),
            line: error.line(),
            column: error.column(),
        }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.sort {
            Category::Data => "a value of another sort is expected",
            Category::Eof => "it breaks off",
            Category::Syntax | Category::Io => "this is not JSON",
        };
        write!(f, "{what}, at line {}, column {}", self.line, self.column)
    }
}

/// Most items of a list that are kept: as many as may be asked for in a page (`api.page_size`). An answer of the size that
/// is taken could hold 33 million, each of which takes more room than its text.
pub(in crate::freezer) const ITEMS: usize = 100_000;

/// A list of at most [`ITEMS`], and nothing is quoted of what stands in its place. (A text that does would be quoted in an
/// error that takes several times its room, whether or not anybody shows it.)
#[derive(Debug)]
pub(in crate::freezer) struct List<T> {
    pub items: Vec<T>,
    /// There are more.
    pub cut: bool,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(Vec<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<List<T>, A::Error> {
                while self.0.len() < ITEMS
                    && let Some(item) = items.next_element()?
                {
                    self.0.push(item);
                }
                let mut cut = false;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    cut = true;
                }
                Ok(List { items: self.0, cut })
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<List<T>, E> {
                Err(E::custom("a list is expected"))
            }
        }
        deserializer.deserialize_any(Items(Vec::new()))
    }
}

/// An object that tells of something: as [`parse`], and nothing is quoted if it is none.
pub(in crate::freezer) fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotJson> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        // Nonsense, or JSON of another sort.
        parse::<IgnoredAny>(bytes)?;
        return Err(NotJson {
            sort: Category::Data,
            line: 1,
            column: 1,
        });
    }
    parse(bytes)
}

/// Parses JSON, and the three words that Python's `json` module adds to it: `NaN`, `Infinity` and
/// `-Infinity` are read as texts. Without that, one plan with such a number in it (the API takes it, and
/// gives it back) would make every listing of its project unreadable.
pub(in crate::freezer) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotJson> {
    let read = || {
        serde_json::from_slice(bytes).or_else(|error| match quote_odd_numbers(bytes) {
            Some(mended) => serde_json::from_slice(&mended),
            None => Err(error),
        })
    };
    Ok(at_length(bytes.len(), read)?)
}

/// The same text with those three words in quotes; `None` when it holds none of them.
fn quote_odd_numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let mut mended = Vec::new();
    let mut found = false;
    let mut in_text = false;
    let mut rest = bytes;
    while let Some(&byte) = rest.first() {
        let word = if in_text {
            None
        } else {
            WORDS.into_iter().find(|word| rest.starts_with(word))
        };
        let length = match (word, byte) {
            (Some(word), _) => word.len(),
            // An escape and what it escapes, so that an escaped quote ends nothing.
            (None, b'\\') if in_text => 2,
            (None, _) => 1,
        };
        let (head, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        if word.is_some() {
            found = true;
            mended.push(b'"');
            mended.extend_from_slice(head);
            mended.push(b'"');
        } else {
            in_text ^= byte == b'"';
            mended.extend_from_slice(head);
        }
        rest = tail;
    }
    found.then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_adds_to_json_is_read_as_texts() {
        let value: serde_json::Value =
            parse(br#"{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN \" Infinity \\", "d": NaN}"#).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"a": "NaN", "b": ["Infinity", "-Infinity"], "c": "NaN \" Infinity \\", "d": "NaN"})
        );
    }

    #[test]
    fn what_is_not_json_stays_an_error() {
        for text in [&b"{"[..], b"", b"<html>NaN</html>", b"\"NaN", b"\"\\"] {
            assert!(parse::<serde_json::Value>(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_stands_at_the_wrong_place_is_not_quoted() {
        #[derive(Debug, Deserialize)]
        struct Page {
            jobs: Option<List<u8>>,
        }
        for (text, said) in [
            (
                r#"{"jobs": "s3cr3t"}"#,
                "a value of another sort is expected, at line 1, column 17",
            ),
            (
                r#""s3cr3t""#,
                "a value of another sort is expected, at line 1, column 1",
            ),
            (
                r#"{"jobs": ["s3cr3t"]}"#,
                "a value of another sort is expected, at line 1, column 18",
            ),
            (r#"{"jobs": [1, "s3cr3t"#, "it breaks off, at line 1, column 20"),
            (r#"{"jobs": s3cr3t}"#, "this is not JSON, at line 1, column 10"),
        ] {
            let error = parse_object::<Page>(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), said, "{text}");
        }
        assert!(
            parse_object::<Page>(br#" {"jobs": null}"#)
                .unwrap()
                .jobs
                .is_none()
        );
    }
}
