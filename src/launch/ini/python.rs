//! What Python's `str()` makes of a JSON value: the text upstream's scheduler writes into the INI.

use serde_json::{Number, Value};

/// `str(value)`: a text as it is, everything else as `repr` shows it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => {
            let mut out = String::new();
            repr(other, &mut out);
            out
        }
    }
}

fn repr(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => out.push_str(&digits(number)),
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, out);
                repr(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                separate(index, out);
                quote(key, out);
                out.push_str(": ");
                repr(member, out);
            }
            out.push('}');
        }
    }
}

fn separate(index: usize, out: &mut String) {
    if index > 0 {
        out.push_str(", ");
    }
}

/// Both languages print the fewest digits that give the same double; they differ in when an exponent is
/// used (Python: below 1e-4, from 1e16) and how it looks.
fn digits(number: &Number) -> String {
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let plain = value.to_string();
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    }
}

/// `repr` of a text: single quotes, unless it holds some and no double ones.
fn quote(text: &str, out: &mut String) {
    use std::fmt::Write;
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(mark);
    for found in text.chars() {
        let code = u32::from(found);
        let _ = match found {
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            _ if found == mark => write!(out, "\\{mark}"),
            _ if printable(found) => out.write_char(found),
            _ if code <= 0xff => write!(out, "\\x{code:02x}"),
            _ if code <= 0xffff => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push(mark);
}

/// Python's `str.isprintable`: not of Unicode's categories "other" and "separator", but for the blank.
///
/// The standard library's `escape_debug` escapes those very categories (and a combining mark at the start of
/// a text, hence the letter before it). Python and this library may know different versions of Unicode: a
/// character that only one of them knows is still the same character to whoever evaluates the text.
fn printable(found: char) -> bool {
    if found.is_ascii() {
        return !found.is_ascii_control();
    }
    let mut bytes = [0; 5];
    let Some((first, rest)) = bytes.split_first_mut() else {
        return false;
    };
    *first = b'a';
    let end = 1 + found.encode_utf8(rest).len();
    let pair = bytes
        .get(..end)
        .and_then(|pair| std::str::from_utf8(pair).ok())
        .unwrap_or_default();
    pair.escape_debug().nth(1) == Some(found)
}
