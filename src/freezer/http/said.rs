//! What a server said when it refused: found in the shapes that servers use, cleaned and shortened.

use serde_json::Value;

use crate::freezer::secret::Secret;

/// Characters kept of what a server said.
const KEEP: usize = 300;

/// The gist of an error's body: Keystone's `error.message`, Falcon's `title: description`, `message`,
/// `faultstring`; the bare text of anything else. Our own secrets are taken out should it echo them.
pub(super) fn said(body: &[u8], secrets: &[&Secret]) -> String {
    let text = String::from_utf8_lossy(body);
    let gist = match serde_json::from_slice::<Value>(body) {
        Ok(value) => gist(value.get("error").unwrap_or(&value)).unwrap_or_else(|| text.to_string()),
        Err(_) => without_tags(&text),
    };
    let gist = clean(&without(gist, secrets), KEEP);
    if gist.is_empty() {
        String::from("nothing was said")
    } else {
        gist
    }
}

/// `text` without our own secrets. To be used before it is shortened: else the first half of one would stay.
pub(in crate::freezer) fn without(text: String, secrets: &[&Secret]) -> String {
    let hidden = secrets
        .iter()
        .map(|secret| secret.expose())
        .filter(|secret| !secret.is_empty());
    hidden.fold(text, |text, secret| {
        // As it is, as it stands inside JSON that was passed on unread, and as it stands in an address.
        let escaped = Value::from(secret).to_string();
        let in_address = reqwest::Url::parse("http://h").map(|mut url| {
            url.set_path(secret);
            url.path().trim_start_matches('/').to_owned()
        });
        [secret.to_owned(), escaped.trim_matches('"').to_owned()]
            .into_iter()
            .chain(in_address.ok().filter(|text| !text.is_empty()))
            .fold(text, |text, form| text.replace(&form, "(secret)"))
    })
}

fn gist(value: &Value) -> Option<String> {
    if let Value::String(text) = value {
        return Some(text.clone());
    }
    let text = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty())
    };
    let detail = text("message").or(text("description")).or(text("faultstring"));
    match (text("title"), detail) {
        (Some(title), Some(detail)) if !detail.starts_with(title) => Some(format!("{title}: {detail}")),
        (title, detail) => detail.or(title).map(str::to_owned),
    }
}

/// Drops tags, and the whole of `<style>` and `<script>`, from what looks like HTML.
fn without_tags(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut hidden = false;
    for piece in text.split('<') {
        let (tag, content) = piece.split_once('>').unwrap_or(("", piece));
        let name = tag.trim_start().to_ascii_lowercase();
        if name.starts_with("style") || name.starts_with("script") {
            hidden = true;
        } else if name.starts_with("/style") || name.starts_with("/script") {
            hidden = false;
        }
        if !hidden {
            kept.push(' ');
            kept.push_str(content);
        }
    }
    kept
}

/// One line of at most `keep` characters, without control characters and without those that reorder or
/// hide text on a terminal.
pub(in crate::freezer) fn clean(text: &str, keep: usize) -> String {
    let harmless = |character: char| {
        let hides = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if character.is_control() || hides {
            ' '
        } else {
            character
        }
    };
    let line: String = text.chars().map(harmless).collect();
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(keep) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_is_found_in_every_shape() {
        let cases = [
            (
                r#"{"error": {"code": 401, "title": "Unauthorized", "message": "The request requires auth."}}"#,
                "Unauthorized: The request requires auth.",
            ),
            (
                r#"{"title": "Invalid parameter", "description": "The \"offset\" parameter is invalid."}"#,
                "Invalid parameter: The \"offset\" parameter is invalid.",
            ),
            (r#"{"title": "Malformed JSON"}"#, "Malformed JSON"),
            (r#"{"message": "No."}"#, "No."),
            (r#""just text""#, "just text"),
            (r#"{"odd": 1}"#, r#"{"odd": 1}"#),
            ("", "nothing was said"),
            ("Bad\r\n\x1b[31mGateway\u{202e}", "Bad [31mGateway"),
            (
                "<html><head><title>502 Bad Gateway</title><style>p { color: red }</style></head><body><h1>502</h1></body></html>",
                "502 Bad Gateway 502",
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(said(body.as_bytes(), &[]), expected, "{body}");
        }
    }

    #[test]
    fn it_is_short_and_free_of_our_secrets() {
        let secret = Secret::new("s3cr3t");
        let shown = said(format!("{} s3cr3t", "ü".repeat(200)).as_bytes(), &[&secret]);
        assert!(shown.ends_with("(secret)"), "{shown}");
        let echoed = said(br#"{"odd": "a\"b"}"#, &[&Secret::new("a\"b")]);
        assert_eq!(echoed, r#"{"odd": "(secret)"}"#);
        let long = said("ü".repeat(1000).as_bytes(), &[&secret, &Secret::new("")]);
        assert_eq!(long.chars().count(), KEEP + 1);
    }
}
