//! Cells of a CSV file (RFC 4180).

use std::borrow::Cow;
use std::io::{self, Write};

/// Writes lines that end in CRLF.
pub(super) fn lines<W: Write>(out: W) -> ::csv::Writer<W> {
    ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(out)
}

/// Plans are named by other people, and spreadsheets run what begins like a formula: a `'` keeps it a text.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The error of the stream itself, so that a reader that went away is known for what it is.
pub(super) fn plain(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
