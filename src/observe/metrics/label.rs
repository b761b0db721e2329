//! Label values: closed sets of words, and foreign text made safe.

use std::fmt::Write;

use prometheus_client::encoding::EncodeLabelSet;
use sha2::{Digest, Sha256};

use crate::planner::{Outcome, Reason, Verdict};

/// Bytes of a label value that may be foreign text (a plan's name, an id).
const LONGEST: usize = 96;

/// The word for a verdict that needs no reason.
const NO_REASON: &str = "none";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VersionLabel {
    pub(super) version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabel {
    pub(super) state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VerdictLabels {
    pub(super) verdict: &'static str,
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabel {
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabel {
    pub(super) kind: &'static str,
}

/// What became of due times, without which run it was: a verdict as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerdictKind {
    /// They ran.
    Run,
    /// They were taken together with another due time's run.
    Coalesced,
    /// They did not run.
    Skipped(Reason),
}

impl From<&Verdict> for VerdictKind {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Run(_) => Self::Run,
            Verdict::Coalesced(_) => Self::Coalesced,
            Verdict::Skipped(reason) => Self::Skipped(*reason),
        }
    }
}

impl VerdictKind {
    /// Every kind there is.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Run, Self::Coalesced]
            .into_iter()
            .chain(Reason::ALL.into_iter().map(Self::Skipped))
    }

    /// Its `verdict` and `reason` labels.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Run => ("run", NO_REASON),
            Self::Coalesced => ("coalesced", NO_REASON),
            Self::Skipped(reason) => ("skipped", reason.word()),
        }
    }
}

impl From<Outcome> for OutcomeLabel {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome: outcome_word(outcome),
        }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Fail => "fail",
        Outcome::Aborted => "aborted",
        Outcome::Lost => "lost",
    }
}

/// Why a poll of the source brought no listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PollFailure {
    /// Nobody answers: refused, unreachable, no such host, TLS.
    Connect,
    /// It took too long.
    Timeout,
    /// Keystone or the API does not accept the credentials.
    Auth,
    /// The API answered with an error.
    Api,
    /// What came is no listing.
    Malformed,
    /// What came passes the bounds on size.
    TooLarge,
    /// A file or folder could not be read.
    File,
}

impl PollFailure {
    /// Every kind there is.
    pub(super) const ALL: [Self; 7] = [
        Self::Connect,
        Self::Timeout,
        Self::Auth,
        Self::Api,
        Self::Malformed,
        Self::TooLarge,
        Self::File,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::Api => "api",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::File => "file",
        }
    }
}

/// Foreign text as a label value: no control characters, at most [`LONGEST`] bytes, its end cut off.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for character in text.chars() {
        let character = if character.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        };
        if out.len() + character.len_utf8() > LONGEST {
            let cut = out.floor_char_boundary(LONGEST - '\u{2026}'.len_utf8());
            out.truncate(cut);
            out.push('\u{2026}');
            break;
        }
        out.push(character);
    }
    out
}

/// A foreign id as a label value: as [`shown`], but two ids never become one. (A series that appears twice
/// would make Prometheus refuse the whole scrape.) One that had to change carries a digest of the original.
pub(super) fn identity(text: &str) -> String {
    let safe = shown(text);
    if safe == text {
        return safe;
    }
    let mut out = safe;
    out.truncate(out.floor_char_boundary(LONGEST - 17));
    out.push('~');
    for byte in Sha256::digest(text.as_bytes()).iter().take(8) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_those_of_the_ledger() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.word());
        }
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome_word(outcome));
        }
    }

    #[test]
    fn every_word_is_listed_once() {
        let mut reasons: Vec<_> = Reason::ALL.into_iter().map(Reason::word).collect();
        reasons.sort_unstable();
        reasons.dedup();
        assert_eq!(reasons.len(), Reason::ALL.len());
        // serde knows all variants: asked for a nonsense one, it lists what it would take.
        let known = serde_json::from_str::<Reason>("\"?\"").unwrap_err().to_string();
        assert_eq!(known.matches('`').count() / 2 - 1, Reason::ALL.len(), "{known}");
        let known = serde_json::from_str::<Outcome>("\"?\"").unwrap_err().to_string();
        assert_eq!(known.matches('`').count() / 2 - 1, Outcome::ALL.len(), "{known}");
    }

    #[test]
    fn foreign_text_is_bounded_and_clean() {
        assert_eq!(shown("daily \"etc\" \\ \u{fc}"), "daily \"etc\" \\ \u{fc}");
        assert_eq!(shown("a\nb\u{1b}[31m\0"), "a\u{fffd}b\u{fffd}[31m\u{fffd}");
        assert_eq!(shown(&"x".repeat(96)), "x".repeat(96));
        assert_eq!(shown(&"x".repeat(97)), format!("{}\u{2026}", "x".repeat(93)));
    }

    proptest! {
        #[test]
        fn any_text_fits(text in "\\PC{0,200}|(?s).{0,200}") {
            for value in [shown(&text), identity(&text)] {
                prop_assert!(value.len() <= LONGEST);
                prop_assert!(!value.chars().any(char::is_control));
            }
        }

        #[test]
        fn two_ids_stay_two(a in "[a\\n]{90,110}", b in "[a\\n]{90,110}") {
            prop_assume!(a != b);
            prop_assert_ne!(identity(&a), identity(&b));
        }
    }
}
