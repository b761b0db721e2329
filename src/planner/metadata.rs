//! What a step's agent says of the backup it made: the metadata that `backups` is to hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::IgnoredAny;

/// What a step's agent printed on standard output, if it is for the API: a JSON object that tells of a backup,
/// or of backups that it deleted. Kept as it was printed; its `Debug` shows none of it, for it may name a
/// proxy and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata {
    step: u32,
    text: Arc<str>,
}

/// Why what an agent printed is no metadata, though it printed something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMetadata {
    /// More than we keep.
    #[error("it printed {bytes} bytes, and at most {} are kept", Metadata::LIMIT)]
    TooLong {
        /// How much.
        bytes: usize,
    },
    /// Text, a list, or an object that was cut off.
    #[error("it printed something other than one JSON object: {0}")]
    NoObject(String),
}

impl Metadata {
    /// Longest metadata kept, in bytes. The agent's own is about 1 KiB; only a list of deleted backups grows.
    pub const LIMIT: usize = 1 << 20;
    /// Keys without which there is nothing to tell the API. (`action` marks the metadata of a backup.)
    const TELLING: [&'static str; 3] = ["action", "backup_id", "deleted_freezer_backup_ids"];

    /// From what the agent of a run's step (its number, from 0) printed. `None`: nothing for the API.
    ///
    /// # Errors
    /// When it printed something that is no metadata at all. The error holds nothing of it.
    pub fn printed(step: u32, stdout: &str) -> Result<Option<Self>, NoMetadata> {
        let text = stdout.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > Self::LIMIT {
            return Err(NoMetadata::TooLong { bytes: text.len() });
        }
        // The parser's words name a place and what was expected there, never what stood there.
        let object: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).map_err(|error| {
            NoMetadata::NoObject(format!(
                "{:?} error at line {}, column {}",
                error.classify(),
                error.line(),
                error.column()
            ))
        })?;
        let tells = Self::TELLING.iter().any(|key| object.contains_key(*key));
        Ok(tells.then(|| Self::from_stored(step, text)))
    }

    /// From stored text (the ledger's), unchecked.
    #[must_use]
    pub fn from_stored(step: u32, text: &str) -> Self {
        Self {
            step,
            text: text.into(),
        }
    }

    /// Which step of the run, from 0.
    #[must_use]
    pub fn step(&self) -> u32 {
        self.step
    }

    /// The JSON object, as the agent printed it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("step", &self.step)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_of_a_backup_is_kept_as_it_was_printed() {
        for text in [
            r#"{"action": "backup",  "n": 1.50}"#,
            r#"{"backup_id": ""}"#,
            r#"{"deleted_freezer_backup_ids": []}"#,
        ] {
            let printed = Metadata::printed(3, &format!(" {text}\n")).expect("metadata");
            assert_eq!(printed, Some(Metadata::from_stored(3, text)));
        }
    }

    #[test]
    fn nothing_to_tell_is_nothing() {
        for text in ["", " \n", "{}", r#"{"other": {"action": 1}}"#] {
            assert_eq!(Metadata::printed(0, text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_object_is_an_error_that_shows_nothing_of_it() {
        for text in [
            "s3cr3t",
            r#"["s3cr3t"]"#,
            r#""s3cr3t""#,
            r#"{"action": "s3cr3t"#,
            r#"{"action": s3cr3t}"#,
            r#"{"action": 1} s3cr3t"#,
        ] {
            let error = Metadata::printed(0, text).expect_err(text);
            let shown = format!("{error} {error:?}");
            assert!(
                matches!(error, NoMetadata::NoObject(_)) && !shown.contains("s3cr3t"),
                "{shown}"
            );
        }
    }

    #[test]
    fn it_is_bounded_and_its_debug_shows_none_of_it() {
        let of = |bytes: usize| {
            let frame = r#"{"action":""}"#.len();
            format!(r#"{{"action":"{}"}}"#, "x".repeat(bytes - frame))
        };
        let most = Metadata::printed(0, &of(Metadata::LIMIT)).expect("metadata");
        assert_eq!(
            format!("{:?}", most.expect("some")),
            "Metadata { step: 0, bytes: 1048576, .. }"
        );
        assert_eq!(
            Metadata::printed(0, &of(Metadata::LIMIT + 1)),
            Err(NoMetadata::TooLong {
                bytes: Metadata::LIMIT + 1
            })
        );
    }
}
