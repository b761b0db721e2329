//! JSON as it is written bit by bit: one item a line, so that people can read it too.

use std::io::{self, Write};

use serde::Serialize;

/// Writes ` "name": [...]`; gives the number of items.
pub(super) fn list(
    out: &mut dyn Write,
    name: &str,
    items: impl Iterator<Item = impl Serialize>,
) -> io::Result<u64> {
    write!(out, " \"{name}\": [")?;
    let mut count = 0;
    for item in items {
        out.write_all(if count == 0 { b"\n  " } else { b",\n  " })?;
        serde_json::to_writer(&mut *out, &item)?;
        count += 1;
    }
    out.write_all(if count == 0 { b"]" } else { b"\n ]" })?;
    Ok(count)
}
