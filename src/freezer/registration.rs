//! Registration: the entry by which users see a node, and give it plans, before it has run any.

use reqwest::Method;
use serde::Serialize;

use super::api::{Api, Called};
use super::error::ApiError;
use super::keystone::Session;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// Under which plans name it.
    pub client_id: String,
    /// Its host's name.
    pub hostname: String,
    /// Whether it runs the plans of every project. To say so takes the role `admin` or `service`.
    pub is_central: bool,
    /// Values of `action` that it runs; the API refuses its plans that have others.
    pub supported_actions: Vec<String>,
    /// Values of `mode`.
    pub supported_modes: Vec<String>,
    /// Values of `storage`.
    pub supported_storages: Vec<String>,
    /// Values of `engine_name`.
    pub supported_engines: Vec<String>,
}

impl Registration {
    /// A plain client with the capabilities that freezer-scheduler has by default, which are all the words that
    /// the API knows: it takes no others, so "everything" cannot be said in any other way.
    #[must_use]
    pub fn new(client_id: impl Into<String>, hostname: impl Into<String>) -> Self {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Self {
            client_id: client_id.into(),
            hostname: hostname.into(),
            is_central: false,
            supported_actions: words("backup restore info admin exec"),
            supported_modes: words("fs mongo mysql sqlserver cinder glance cindernative nova"),
            supported_storages: words("local swift ssh s3 ftp ftps"),
            supported_engines: words("tar rsync rsyncv2 nova osbrick glance"),
        }
    }
}

impl Api {
    /// Registers a client of our project, or brings its entry up to date: to do it again is harmless. (The API
    /// never changes `is_central` of an entry that is there.)
    ///
    /// # Errors
    /// When it was not taken: [`ApiError::Forbidden`] above all for `is_central`.
    pub async fn register(&self, registration: &Registration) -> Result<(), ApiError> {
        let body = serde_json::to_vec(registration).map_err(|error| ApiError::Protocol {
            at: "POST clients".to_owned(),
            message: format!("the registration cannot be written as JSON: {error}"),
        })?;
        let url = |session: &Session| Ok(session.endpoint.clients());
        let (mut tries, limit) = (self.tries(), self.access.bounds.document_bytes);
        loop {
            match self.call(Method::POST, url, Some(body.clone()), limit).await {
                Err(error) if tries.again(&error).await => {}
                done => return done.map(|Called { .. }| ()),
            }
        }
    }
}
