//! A text that must not be seen: a password, an application credential's secret, a token.

/// A secret text. It has no `Display` and no `Serialize`, and its `Debug` shows nothing of it, so that it
/// cannot slip into a log line, an error or a file by accident. [`Secret::expose`] is the one way to it.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// From its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text: for the wire, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(not shown)")
    }
}
