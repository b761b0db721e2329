//! Digests of documents: whether one is still as it was, without keeping it.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

/// Stands for a document's whole text. By chance two texts have one digest in one of 2^64 cases; nobody who does
/// not know the seed can bring that about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u64);

impl Digest {
    /// As it is kept.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// From [`Self::number`].
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// The digests of many documents.
pub type Digests = HashSet<Digest, foldhash::fast::RandomState>;

/// Makes digests. Those of one seed can be compared.
#[derive(Debug, Clone)]
pub struct Digester(foldhash::quality::FixedState);

impl Digester {
    /// With this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(foldhash::quality::FixedState::with_seed(seed))
    }

    /// A seed that nobody knows.
    #[must_use]
    pub fn random_seed() -> u64 {
        foldhash::quality::RandomState::default().hash_one(0)
    }

    /// The digest of a document's text.
    #[must_use]
    pub fn digest(&self, document: &str) -> Digest {
        self.digest_bytes(document.as_bytes())
    }

    /// The digest of a document of which it is not known that it is text.
    #[must_use]
    pub fn digest_bytes(&self, document: &[u8]) -> Digest {
        // As a text is hashed: what is digested now is compared with what the ledger has.
        let mut hasher = self.0.build_hasher();
        hasher.write(document);
        hasher.write_u8(0xff);
        Digest(hasher.finish())
    }
}

impl Default for Digester {
    /// For those who keep no digests.
    fn default() -> Self {
        Self::seeded(0)
    }
}
