//! What goes over the wire: requests, answers, and whoever carries them.

use std::pin::Pin;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};

use crate::freezer::error::ApiError;
use crate::freezer::secret::Secret;

/// Whom an exchange is with; an error's advice depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Keystone, being asked for a token.
    Keystone,
    /// The Freezer API.
    Freezer,
}

/// One request.
#[derive(Debug)]
pub struct Ask<'a> {
    /// How.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Whom.
    pub peer: Peer,
    /// Sent as `X-Auth-Token`.
    pub token: Option<&'a Secret>,
    /// What the body holds that must not come back in an error.
    pub secrets: Vec<&'a Secret>,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// Bytes of a good answer.
    pub limit: u64,
}

impl Ask<'_> {
    /// What it holds that nobody may say.
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        self.secrets.iter().copied().chain(self.token).collect()
    }

    /// For errors: method and address.
    #[must_use]
    pub fn at(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

/// One answer, of any status but a redirect.
#[derive(Debug)]
pub struct Answer {
    /// How it went.
    pub status: StatusCode,
    /// What came before the body.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether this 404 may have been said by the API about a document, and not by something in front of it about
    /// an address: the API's has no body, or a JSON one.
    #[must_use]
    pub fn is_document_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
            && (self.body.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok())
    }
}

/// An exchange under way.
pub type Exchange<'a> = Pin<Box<dyn Future<Output = Result<Answer, ApiError>> + Send + 'a>>;

/// Carries a request there and its answer back, once. [`super::client`] does so over HTTP; the simulator has servers of its
/// own, with the whole of this room before them.
pub trait Wire: Send + Sync {
    /// One exchange. An answer of any status is an answer, but for redirects.
    fn exchange<'a>(&'a self, ask: &'a Ask<'a>) -> Exchange<'a>;
}
