//! The current token: got once for all who wait, renewed before it expires, replaced when it is refused.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::catalog::{self, Service};
use super::{credentials, tokens_url};
use crate::clock::Clock;
use crate::freezer::access::Access;
use crate::freezer::endpoint::Endpoint;
use crate::freezer::error::ApiError;
use crate::freezer::http::{Ask, Http, Peer, parse, random};
use crate::freezer::secret::Secret;

/// Bytes of Keystone's answer. The catalogues of large clouds have some hundred thousand.
const ANSWER_BYTES: u64 = 4 << 20;
/// How long before its end a token is replaced, at most; a random part of as much again is added.
const MARGIN: Duration = Duration::from_secs(300);
/// How long a token that could not be replaced in time is used before that is tried again.
const POSTPONED: Duration = Duration::from_secs(30);

/// One token and what came with it.
#[derive(Debug, Clone)]
pub(in crate::freezer) struct Session {
    pub token: Secret,
    pub project: String,
    pub endpoint: Endpoint,
    /// On the monotonic clock: from then on, get another.
    renew: Duration,
    /// On the monotonic clock: from then on, this one is no good.
    dead: Duration,
}

/// Keeps the token.
pub(in crate::freezer) struct Keystone {
    http: Arc<Http>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
    tokens: Url,
    current: Mutex<Option<Arc<Session>>>,
}

impl Keystone {
    pub fn new(http: Arc<Http>, access: Arc<Access>, clock: Arc<dyn Clock>) -> Result<Self, ApiError> {
        let tokens = tokens_url(&access.auth_url)?;
        Ok(Self {
            http,
            access,
            clock,
            tokens,
            current: Mutex::new(None),
        })
    }

    /// A token that is still good for a while. Those who ask while one is being got wait for that one.
    pub async fn session(&self) -> Result<Arc<Session>, ApiError> {
        let mut current = self.current.lock().await;
        let now = self.clock.monotonic();
        let known = current.take();
        if let Some(session) = known.as_ref().filter(|session| now < session.renew) {
            *current = known.clone();
            return Ok(session.clone());
        }
        match self.fetch().await {
            Ok(session) => Ok(current.insert(session).clone()),
            Err(error) => match known.filter(|session| now < session.dead) {
                // The old one is still good: a Keystone that is away for a moment stops nothing.
                Some(old) => {
                    tracing::warn!(%error, "the token could not be renewed; the old one is used while it lasts");
                    let postponed = Session {
                        renew: now + POSTPONED,
                        ..Session::clone(&old)
                    };
                    Ok(current.insert(Arc::new(postponed)).clone())
                }
                None => Err(error),
            },
        }
    }

    /// Another token than `refused`, which the API did not take: got now, unless somebody already has.
    pub async fn instead_of(&self, refused: &Session) -> Result<Arc<Session>, ApiError> {
        let mut current = self.current.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.token != refused.token) {
            return Ok(session.clone());
        }
        *current = None;
        Ok(current.insert(self.fetch().await?).clone())
    }

    async fn fetch(&self) -> Result<Arc<Session>, ApiError> {
        let ask = Ask {
            method: Method::POST,
            url: self.tokens.clone(),
            peer: Peer::Keystone,
            token: None,
            secrets: vec![credentials::secret(&self.access.auth)],
            body: Some(credentials::body(&self.access.auth).to_string().into_bytes()),
            limit: ANSWER_BYTES,
        };
        // Before the request: its own time counts against the token's.
        let asked = self.clock.monotonic();
        let answer = self.http.good(&ask, self.http.send(&ask).await?)?;
        let wrong = |message: &str| ApiError::Protocol {
            at: ask.at(),
            message: message.to_owned(),
        };
        let token = answer
            .headers
            .get("X-Subject-Token")
            .and_then(|value| value.to_str().ok())
            .filter(|token| !token.is_empty())
            .ok_or_else(|| wrong("the answer has no X-Subject-Token header: is this Keystone v3?"))?;
        let Body { token: details } = parse(&answer.body)
            .map_err(|error| wrong(&format!("the answer is not a Keystone v3 token: {error}")))?;
        let Some(project) = details
            .project
            .map(|project| project.id)
            .filter(|id| !id.is_empty())
        else {
            return Err(wrong(
                "the token is for no project: set the project (OS_PROJECT_NAME or OS_PROJECT_ID and its domain)",
            ));
        };
        let endpoint = match &self.access.backup_url {
            Some(url) => Endpoint::new("backup_url", url, &project)?,
            None => {
                // Each service by itself: what is odd about another one is not our concern.
                let entries = details.catalog.unwrap_or_default().into_iter();
                let services: Vec<Service> = entries
                    .filter_map(|entry| serde_json::from_value(entry).ok())
                    .collect();
                let url = catalog::find(&services, self.access.interface, self.access.region.as_deref())?;
                Endpoint::new("the catalogue's endpoint", url, &project)?
            }
        };
        let issued = details.issued_at.unwrap_or_else(|| self.clock.now());
        let life = (details.expires_at - issued).to_std().unwrap_or_default();
        let margin = MARGIN.min(life / 10);
        let early = margin + margin.mul_f64(random());
        Ok(Arc::new(Session {
            token: Secret::new(token),
            project,
            endpoint,
            renew: asked + life.saturating_sub(early),
            dead: asked + life,
        }))
    }
}

#[derive(Deserialize)]
struct Body {
    token: Details,
}

#[derive(Deserialize)]
struct Details {
    expires_at: DateTime<Utc>,
    #[serde(default)]
    issued_at: Option<DateTime<Utc>>,
    #[serde(default)]
    project: Option<Project>,
    #[serde(default)]
    catalog: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}
