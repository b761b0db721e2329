//! How to walk through a listing page by page, without knowing beforehand how the server counts. PURE.
//!
//! Two meanings of `offset` exist: the number of jobs to pass over (upstream) and the id of the last job
//! seen (the Virtuozzo document). The first page is asked for without it, which is right for both. For the
//! second, the look of the first document says which to try first; a refusal, or a page that brings
//! nothing new, says to try the other. What worked is remembered ([`Habits`]) for the next listing.
//!
//! When is a page the last one? An empty page is; so is one that brings nothing new; so is a short one
//! after a full one. A short first page should be, but a server may cap its pages below what we ask. So
//! another request asks behind it, but for two cases: the page is shorter than the largest that this server
//! ever gave (it could have given more), or nothing came behind a first page of this very length the last
//! time. Even these are asked about in every tenth listing, for a server may be given a cap while we run.
//! So a poll of fewer jobs than `page_size` costs one request, and a second one every tenth time and
//! whenever there are more jobs than ever before.

mod page;

use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::plan::{Digest, Digests};
use crate::source::{Document, Extent, Outline, Tracing};

pub use page::NoPage;
use page::Piece;

/// How many listings after one that asked may rely on what it found.
const TRUST: u32 = 9;

/// What `offset` means to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// How many jobs to pass over.
    Number,
    /// The last job seen.
    LastId,
}

impl Style {
    fn other(self) -> Self {
        match self {
            Self::Number => Self::LastId,
            Self::LastId => Self::Number,
        }
    }
}

/// What is known of a server from earlier listings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Habits {
    style: Option<Style>,
    /// The most documents it ever gave in one page.
    largest: usize,
    /// A length of first page behind which nothing came.
    settled: usize,
    /// How many more listings may rely on these two.
    trust: u32,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask for the page with this `offset`; `None`: the first.
    Ask(Option<String>),
    /// The listing is complete.
    Done,
    /// It cannot be completed.
    Stuck,
}

/// How the second page went with the style tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setback {
    Refused,
    Repeated,
}

/// One walk through a listing.
#[derive(Debug)]
pub struct Pager {
    limit: usize,
    /// Keep only documents of this client.
    client: Option<String>,
    habits: Habits,
    style: Style,
    setback: Option<Setback>,
    /// A page beyond the first brought something new, so the style is right.
    worked: bool,
    /// A page of this listing was as long as asked for, so no cap shortens the others.
    full: bool,
    /// Rows of the listing passed over so far.
    rows: usize,
    pages: u32,
    last_length: usize,
    last_id: Option<String>,
    /// Digests of what makes a document the same one, of those that were read.
    known: Digests,
    /// Digests of all that was taken in, from where one of them may come again.
    met: Option<Digests>,
    /// Two different documents were the same one.
    doubled: bool,
    /// Compares it with the listing before.
    tracing: Tracing,
    /// What was taken in.
    extents: Vec<Extent>,
    /// How much of that was as it was.
    passed_over: usize,
    /// The documents that were asked for and are to be read, each once.
    pub documents: Vec<Document>,
    /// The digests of the others that were asked for: they are as they were in the listing before.
    pub unchanged: Vec<Digest>,
    /// Different documents of other clients, or of none.
    pub others: usize,
    /// Documents that came again on a later page.
    pub repeated: usize,
}

/// The little that a listing needs to know of a document. Whatever else is odd about it is for `plan` to say.
#[derive(Default, Deserialize)]
struct Glance<'a> {
    #[serde(borrow, default)]
    job_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    client_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    disabled: Option<&'a RawValue>,
}

impl<'a> Glance<'a> {
    fn at(document: &'a [u8]) -> Self {
        serde_json::from_slice(document).unwrap_or_default()
    }
}

fn text(value: Option<&RawValue>) -> Option<String> {
    value
        .and_then(|value| serde_json::from_str(value.get()).ok())
        .filter(|text: &String| !text.is_empty())
}

impl Pager {
    /// `limit`: documents asked for in one page. `before`: the listing before; of one that there is none of, an empty one.
    #[must_use]
    pub fn new(limit: usize, client: Option<String>, habits: Habits, before: Arc<Outline>) -> Self {
        let room = before.len();
        Self {
            limit,
            tracing: Tracing::new(before, client.as_deref()),
            client,
            habits,
            style: habits.style.unwrap_or(Style::Number),
            setback: None,
            worked: false,
            full: false,
            rows: 0,
            pages: 0,
            last_length: 0,
            last_id: None,
            known: Digests::default(),
            met: None,
            doubled: false,
            extents: Vec::with_capacity(room),
            passed_over: 0,
            documents: Vec::new(),
            unchanged: Vec::new(),
            others: 0,
            repeated: 0,
        }
    }

    /// Pages taken in.
    #[must_use]
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Different documents seen, whosever they are.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.extents.len()
    }

    /// What is known of the server now; to be kept when the listing is complete.
    #[must_use]
    pub fn habits(&self) -> Habits {
        self.habits
    }

    /// The outline of what was taken in, for the next listing to be compared with; to be asked for once, when the listing
    /// is complete.
    #[must_use]
    pub fn outline(&mut self) -> Outline {
        let (digester, mut extents) = (self.tracing.digester().clone(), std::mem::take(&mut self.extents));
        if self.doubled {
            // Were one of the two passed over, the other would be taken for its edit, at every second listing.
            extents = Vec::new();
        }
        Outline::new(digester, self.client.clone(), extents)
    }

    /// Takes in a page, as it came.
    ///
    /// # Errors
    /// When it is no page; then nothing of it was taken in.
    pub fn take(&mut self, page: &[u8]) -> Result<Next, NoPage> {
        let pieces = page::cut(page, &mut self.tracing)?;
        Ok(self.take_all(pieces))
    }

    fn take_all(&mut self, pieces: Vec<Piece<'_>>) -> Next {
        let (first, length) = (self.pages == 0, pieces.len());
        self.pages += 1;
        let mut new = 0;
        for (index, piece) in pieces.into_iter().enumerate() {
            // The first tells the dialect, and behind the last one the next page is asked for.
            let edge = (first && index == 0) || index + 1 == length;
            new += usize::from(self.take_document(piece, edge));
        }
        if length == 0 {
            return self.end();
        }
        if new == 0 && !first {
            return if self.worked {
                self.end()
            } else {
                self.switch(Setback::Repeated)
            };
        }
        if !first {
            self.worked = true;
            self.habits.style = Some(self.style);
            if self.last_length < self.limit {
                // More came behind a short page: that is as much as this server gives, now.
                self.habits.largest = self.last_length;
                self.habits.settled = 0;
            }
        }
        self.rows += length;
        self.last_length = length;
        let Habits {
            largest,
            settled,
            trust,
            ..
        } = self.habits;
        self.habits.largest = largest.max(length);
        let known = length < largest || (first && length == settled);
        if length >= self.limit {
            self.full = true;
        } else if self.full {
            return Next::Done;
        } else if known && trust > 0 {
            self.habits.trust = trust - 1;
            return Next::Done;
        }
        self.ask()
    }

    /// The server refused the page that was asked for, as it does an `offset` it cannot read.
    /// `Next::Stuck`: that refusal is the error.
    pub fn refused(&mut self) -> Next {
        if self.pages == 0 || self.worked {
            Next::Stuck
        } else {
            self.switch(Setback::Refused)
        }
    }

    /// `look`: there is more to see in it than whether it is as it was.
    fn take_document(&mut self, document: Piece<'_>, look: bool) -> bool {
        let glance = match document {
            Piece::AsItWas(..) if !look => None,
            _ => Some(Glance::at(document.text())),
        };
        let id = glance.as_ref().and_then(|glance| text(glance.job_id));
        if let Some(glance) = &glance
            && self.extents.is_empty()
            && self.habits.style.is_none()
        {
            // A document of the Virtuozzo dialect; `plan` knows them by the same keys.
            let virtuozzo = glance.status.is_some() || glance.disabled.is_some();
            self.style = if virtuozzo { Style::LastId } else { Style::Number };
        }
        let extent = match &document {
            Piece::AsItWas(extent, _) => *extent,
            Piece::Text(text, digest) => Extent {
                digest: *digest,
                length: u32::try_from(text.get().len()).unwrap_or(u32::MAX),
                ours: glance.as_ref().is_some_and(|glance| self.is_ours(glance)),
            },
        };
        let new = match &document {
            // Each document of the listing before is met once, but for what was read where it was not expected.
            Piece::AsItWas(..) => self.is_unmet(extent.digest, self.passed_over < self.extents.len()),
            Piece::Text(..) => self.is_new(id.as_deref(), extent.digest),
        };
        if id.is_some() {
            self.last_id = id;
        }
        if !new {
            self.repeated += 1;
            return false;
        }
        self.extents.push(extent);
        self.passed_over += usize::from(matches!(document, Piece::AsItWas(..)));
        match document {
            _ if !extent.ours => self.others += 1,
            Piece::AsItWas(..) => self.unchanged.push(extent.digest),
            Piece::Text(text, _) => self.documents.push(Document {
                place: format!("document {} of the listing", self.extents.len()),
                text: text.into_owned(),
            }),
        }
        true
    }

    fn is_ours(&self, glance: &Glance<'_>) -> bool {
        self.client.is_none() || text(glance.client_id) == self.client
    }

    /// Whether a document that is read was not met before. What makes it the same one is its id; of one without a readable
    /// id, its text. Of two that differ one in 2^64 is taken for the other: no API counts so far.
    ///
    /// The ids of what was passed over are not known, only the texts. Edited since it was passed over, a document is taken in
    /// once more: it is newer.
    fn is_new(&mut self, id: Option<&str>, digest: Digest) -> bool {
        let key = id.map_or(digest, |id| self.tracing.digester().digest(id));
        let named = !self.known.insert(key);
        let unmet = self.is_unmet(digest, named || self.passed_over > 0);
        self.doubled |= named && unmet;
        unmet && !named
    }

    /// Whether no such text was taken in. Of a listing that is as it was, nothing `may` come again: then it costs nothing.
    fn is_unmet(&mut self, digest: Digest, may: bool) -> bool {
        if !may && self.met.is_none() {
            return true;
        }
        let met = self.met.get_or_insert_with(|| {
            let mut met = Digests::with_capacity_and_hasher(self.extents.capacity(), RandomState::default());
            met.extend(self.extents.iter().map(|extent| extent.digest));
            met
        });
        met.insert(digest)
    }

    fn ask(&mut self) -> Next {
        match (self.style, &self.last_id) {
            (Style::Number, _) => Next::Ask(Some(self.rows.to_string())),
            (Style::LastId, Some(id)) => Next::Ask(Some(id.clone())),
            // There is no id to name, so that style is as good as refused.
            (Style::LastId, None) => self.refused(),
        }
    }

    /// Nothing came behind the page before.
    fn end(&mut self) -> Next {
        self.habits.trust = TRUST;
        if !self.worked {
            // There was one page only: the next listing will compare its own first page.
            self.habits.settled = self.last_length;
        }
        Next::Done
    }

    /// The style tried did not lead on: the other one, once.
    fn switch(&mut self, setback: Setback) -> Next {
        match self.setback {
            None => {
                self.setback = Some(setback);
                self.style = self.style.other();
                self.ask()
            }
            // Neither way is understood at all.
            Some(Setback::Refused) if setback == Setback::Refused => Next::Stuck,
            // The server gives the same page again whatever we say. Full to the last place, there may be more
            // behind it that it never shows; otherwise that page was all.
            Some(_) if self.last_length == self.limit => Next::Stuck,
            Some(_) => self.end(),
        }
    }
}

#[cfg(test)]
mod compared_tests;
#[cfg(test)]
mod tests;
