//! Reads the JSON that Python writes.

use serde::de::DeserializeOwned;

/// Parses JSON, and the three words that Python's `json` module adds to it: `NaN`, `Infinity` and
/// `-Infinity` are read as texts. Without that, one plan with such a number in it (the API takes it, and
/// gives it back) would make every listing of its project unreadable.
pub(in crate::freezer) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|error| match quote_odd_numbers(bytes) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
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
}
