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

use std::collections::HashSet;
use std::hash::BuildHasher;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::source::Document;

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
    /// Hashes of what makes a document the same one.
    known: HashSet<u64, foldhash::fast::RandomState>,
    hashes: foldhash::quality::RandomState,
    /// The documents that were asked for, each once.
    pub documents: Vec<Document>,
    /// Different documents of other clients, or of none.
    pub others: usize,
    /// Documents that came again on a later page.
    pub repeated: usize,
}

/// What makes a document the same one: its id; for one without a readable id, its text.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key<'a> {
    Id(&'a str),
    Text(&'a str),
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

fn text(value: Option<&RawValue>) -> Option<String> {
    value
        .and_then(|value| serde_json::from_str(value.get()).ok())
        .filter(|text: &String| !text.is_empty())
}

impl Pager {
    /// `limit`: documents asked for in one page.
    #[must_use]
    pub fn new(limit: usize, client: Option<String>, habits: Habits) -> Self {
        Self {
            limit,
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
            known: HashSet::default(),
            hashes: foldhash::quality::RandomState::default(),
            documents: Vec::new(),
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
        self.known.len()
    }

    /// What is known of the server now; to be kept when the listing is complete.
    #[must_use]
    pub fn habits(&self) -> Habits {
        self.habits
    }

    /// Takes in a page.
    pub fn take(&mut self, page: Vec<Box<RawValue>>) -> Next {
        let (first, length) = (self.pages == 0, page.len());
        self.pages += 1;
        let mut new = 0;
        for document in page {
            new += usize::from(self.take_document(document, first));
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

    fn take_document(&mut self, document: Box<RawValue>, first_page: bool) -> bool {
        let glance: Glance<'_> = serde_json::from_str(document.get()).unwrap_or_default();
        let id = text(glance.job_id);
        if first_page && self.known.is_empty() && self.habits.style.is_none() {
            // A document of the Virtuozzo dialect; `plan` knows them by the same keys.
            let virtuozzo = glance.status.is_some() || glance.disabled.is_some();
            self.style = if virtuozzo { Style::LastId } else { Style::Number };
        }
        let ours = self.client.is_none() || text(glance.client_id) == self.client;
        let key = id.as_deref().map_or(Key::Text(document.get()), Key::Id);
        // Of two that differ one in 2^64 is taken for the other: no API counts so far.
        let new = self.known.insert(self.hashes.hash_one(key));
        if id.is_some() {
            self.last_id = id;
        }
        if !new {
            self.repeated += 1;
            return false;
        }
        if ours {
            let place = format!("document {} of the listing", self.known.len());
            self.documents.push(Document {
                place,
                text: document,
            });
        } else {
            self.others += 1;
        }
        true
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
mod tests;
