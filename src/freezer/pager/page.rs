//! One page, cut into its documents: `{"jobs": [...]}`.
//!
//! A document that is as it was in the listing before is passed over by its length; only the others are read to find
//! where they end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::freezer::http::{ITEMS, List, NotJson, parse_object};
use crate::plan::Digest;
use crate::source::{Extent, Tracing};

/// Why an answer is no page.
#[derive(Debug)]
pub enum NoPage {
    /// It is not JSON, or its `jobs` is no list.
    Json(NotJson),
    /// It speaks of something else.
    Foreign,
    /// It holds more documents than may be asked for.
    TooMany,
}

/// One document of a page.
#[derive(Debug)]
pub(super) enum Piece<'p> {
    /// It is as it was; its text.
    AsItWas(Extent, &'p [u8]),
    /// It is to be read.
    Text(Cow<'p, RawValue>, Digest),
}

impl Piece<'_> {
    pub(super) fn text(&self) -> &[u8] {
        match self {
            Self::AsItWas(_, text) => text,
            Self::Text(text, _) => text.get().as_bytes(),
        }
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    jobs: Option<List<Box<RawValue>>>,
}

/// The documents of a page, in order.
///
/// # Errors
/// When it is no page.
pub(super) fn cut<'p>(page: &'p [u8], tracing: &mut Tracing) -> Result<Vec<Piece<'p>>, NoPage> {
    tracing.begin_page(page.len());
    let mut trace = tracing.clone();
    if let Some(pieces) = pass_over(page, &mut trace) {
        *tracing = trace;
        return Ok(pieces);
    }
    // Written otherwise than the API does, or with what only Python takes for JSON.
    let jobs = match parse_object::<Page>(page).map_err(NoPage::Json)?.jobs {
        Some(jobs) if jobs.cut => return Err(NoPage::TooMany),
        Some(jobs) => jobs.items,
        // `jobs` is optional in a listing, but what speaks of something else is none.
        None if keys(page).is_some_and(|keys| keys.keys().all(|key| key == "jobs")) => Vec::new(),
        None => return Err(NoPage::Foreign),
    };
    let read = |text: Box<RawValue>| {
        let digest = tracing.digester().digest(text.get());
        Piece::Text(Cow::Owned(text), digest)
    };
    Ok(jobs.into_iter().map(read).collect())
}

fn keys(object: &[u8]) -> Option<BTreeMap<String, IgnoredAny>> {
    parse_object(object).ok()
}

/// The same of a page as the API writes it; `None`: it is written otherwise.
fn pass_over<'p>(page: &'p [u8], tracing: &mut Tracing) -> Option<Vec<Piece<'p>>> {
    let mut rest = page;
    for token in [&b"{"[..], b"\"jobs\"", b":", b"["] {
        rest = behind(rest, token)?;
    }
    let mut pieces = Vec::new();
    let mut ended = behind(rest, b"]");
    while ended.is_none() {
        if pieces.len() == ITEMS {
            // Who reads it otherwise counts them, too.
            return None;
        }
        let begins = trimmed(rest);
        let piece = match tracing.known(begins) {
            Some(extent) => Piece::AsItWas(extent, begins.get(..usize::try_from(extent.length).ok()?)?),
            None => {
                let text =
                    <&RawValue>::deserialize(&mut serde_json::Deserializer::from_slice(begins)).ok()?;
                let digest = tracing.digester().digest(text.get());
                tracing.read(digest);
                Piece::Text(Cow::Borrowed(text), digest)
            }
        };
        let after = begins.get(piece.text().len()..)?;
        pieces.push(piece);
        ended = behind(after, b"]");
        if ended.is_none() {
            rest = behind(after, b",")?;
        }
    }
    let rest = ended?;
    let over = match behind(rest, b"}") {
        Some(rest) => trimmed(rest).is_empty(),
        // Other keys.
        None => keys(&[b"{", behind(rest, b",")?].concat())
            .is_some_and(|keys| !keys.is_empty() && !keys.contains_key("jobs")),
    };
    over.then_some(pieces)
}

/// What follows `token`, if it comes next.
fn behind<'p>(text: &'p [u8], token: &[u8]) -> Option<&'p [u8]> {
    trimmed(text).strip_prefix(token)
}

/// Without the blanks that JSON allows.
fn trimmed(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
    text.get(blanks..).unwrap_or_default()
}
