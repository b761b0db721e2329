//! The outline of a listing: of each of its documents how long it is, and its digest.
//!
//! The next listing is mostly the same one. So where a document of it begins, the outline tells how long it should be,
//! and the digest of so much text tells whether it is that very document. Then it is as it was: nobody has to read it, not
//! even to find where it ends. What is new or was edited is read, and what stands behind it is known again.

use std::sync::Arc;

use crate::plan::{Digest, Digester};

/// So many documents in a row, less one, may have been edited, and the one behind them is known without being read.
const EDITED: usize = 4;
/// So many may have been taken out, and those behind them are still known once one of them was read.
const TAKEN_OUT: usize = 1024;
/// So many blanks behind a document are looked behind.
const BLANKS: usize = 64;

/// A document, as far as an outline knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Of its text.
    pub digest: Digest,
    /// Bytes of its text.
    pub length: u32,
    /// It was asked for. (Others are listed, too.)
    pub ours: bool,
}

/// A million of them fit into a node, beside the million of the listing that is being read.
const _: () = assert!(size_of::<Extent>() <= 16);

/// The documents of a listing, in its order.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    digester: Digester,
    /// Whose documents are `ours`; `None`: all are.
    client: Option<String>,
    extents: Vec<Extent>,
}

impl Outline {
    /// Of a listing for `client`, if it was asked for one client's documents. Its digests are by `digester`.
    #[must_use]
    pub fn new(digester: Digester, client: Option<String>, extents: Vec<Extent>) -> Self {
        Self {
            digester,
            client,
            extents,
        }
    }

    /// Of no listing: whatever is compared with it is to be read.
    #[must_use]
    pub fn blank(digester: Digester) -> Self {
        Self::new(digester, None, Vec::new())
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.extents.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// Forgets documents: they are to be read each time.
    pub fn forget(&mut self, which: impl Fn(&Extent) -> bool) {
        self.extents.retain(|extent| !which(extent));
    }
}

/// A listing that is compared with the one before it, document by document.
#[derive(Debug, Clone)]
pub struct Tracing {
    before: Arc<Outline>,
    /// The document of the one before that is expected next.
    next: usize,
    /// Bytes of this page that were hashed for nothing, and how many may be.
    missed: usize,
    allowed: usize,
}

impl Tracing {
    /// At its beginning. `client`: whose documents it is asked for; another one's outline is of no use.
    #[must_use]
    pub fn new(mut before: Arc<Outline>, client: Option<&str>) -> Self {
        if before.client.as_deref() != client {
            let client = client.map(str::to_owned);
            before = Arc::new(Outline::new(before.digester.clone(), client, Vec::new()));
        }
        Self {
            before,
            next: 0,
            missed: 0,
            allowed: 0,
        }
    }

    /// A page of so many bytes begins. A document that is not as it was may be hashed [`EDITED`] times over, at most; but
    /// what is hashed is as long as a document of the listing before, and who makes both may have few long ones followed by
    /// many short ones. Once more was hashed for nothing than that ever takes, nothing of the page is known any more.
    pub fn begin_page(&mut self, bytes: usize) {
        self.missed = 0;
        self.allowed = bytes.saturating_mul(EDITED);
    }

    /// By which its digests are.
    #[must_use]
    pub fn digester(&self) -> &Digester {
        &self.before.digester
    }

    /// The document that `text` begins with, if it is as it was.
    pub fn known(&mut self, text: &[u8]) -> Option<Extent> {
        // The one that is expected; or, if that was edited or taken out, one of those right behind it.
        let ahead = self.before.extents.get(self.next..)?.iter().take(EDITED);
        for (index, extent) in (self.next..).zip(ahead) {
            if self.missed > self.allowed {
                return None;
            }
            let length = usize::try_from(extent.length).unwrap_or(usize::MAX);
            let Some((document, behind)) = text.split_at_checked(length) else {
                continue;
            };
            if !ends(behind) {
                continue;
            }
            if self.before.digester.digest_bytes(document) == extent.digest {
                self.next = index + 1;
                return Some(*extent);
            }
            self.missed = self.missed.saturating_add(length);
        }
        None
    }

    /// A document had to be read: if it is known, it was only not expected, and the one behind it comes next.
    pub fn read(&mut self, digest: Digest) {
        let ahead = self.before.extents.iter().skip(self.next).take(TAKEN_OUT);
        if let Some(passed) = ahead
            .map(|extent| extent.digest)
            .position(|known| known == digest)
        {
            self.next += passed + 1;
        }
    }
}

/// Whether a document of a list may end before `behind`: that costs less to see than what it was.
fn ends(behind: &[u8]) -> bool {
    let blank = |byte: &u8| b" \t\r\n".contains(byte);
    let next = behind.iter().take(BLANKS).find(|byte| !blank(byte));
    matches!(next, Some(b',' | b']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(lengths: impl IntoIterator<Item = usize>) -> Tracing {
        let digester = Digester::default();
        let extents = lengths.into_iter().map(|length| Extent {
            digest: digester.digest("another"),
            length: u32::try_from(length).unwrap(),
            ours: true,
        });
        let outline = Outline::new(digester.clone(), None, extents.collect());
        Tracing::new(Arc::new(outline), None)
    }

    #[test]
    fn what_is_hashed_for_nothing_follows_the_page() {
        // As long as the listing before was made of few long documents, each end of which is one of a short one here.
        let page = "1,".repeat(50_000);
        let mut tracing = before([70_001; EDITED]);
        tracing.begin_page(page.len());
        for begins in (0..page.len()).step_by(2) {
            assert_eq!(tracing.known(&page.as_bytes()[begins..]), None);
        }
        assert!(tracing.missed > page.len(), "it was looked for");
        assert!(
            tracing.missed <= page.len() * EDITED + 70_001,
            "{}",
            tracing.missed
        );
        tracing.begin_page(page.len());
        assert_eq!(tracing.missed, 0, "each page has its own");
    }

    #[test]
    fn where_no_document_can_end_nothing_is_hashed() {
        let blanks = " ".repeat(BLANKS);
        for behind in ["1", "", "}", "\"", &format!("{blanks},")] {
            let mut tracing = before([3]);
            let text = format!("abc{behind}");
            tracing.begin_page(text.len());
            assert_eq!(tracing.known(text.as_bytes()), None);
            assert_eq!(tracing.missed, 0, "{behind:?}");
        }
        for behind in [",", "]", "\r\n\t ]"] {
            let mut tracing = before([3]);
            tracing.begin_page(3);
            assert_eq!(tracing.known(format!("abc{behind}").as_bytes()), None);
            assert_eq!(tracing.missed, 3, "{behind:?}");
        }
    }
}
