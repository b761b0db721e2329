//! The current tokens: each got once for all who wait, renewed before it expires, replaced when it is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;

use super::catalog::{self, Service};
use super::slot::{Held, Session, Slot};
use super::trusts::Trusts;
use super::{credentials, tokens_url};
use crate::clock::Clock;
use crate::freezer::access::Access;
use crate::freezer::endpoint::Endpoint;
use crate::freezer::error::ApiError;
use crate::freezer::http::said::without;
use crate::freezer::http::{Ask, Http, Peer, parse_object, random};
use crate::freezer::secret::Secret;
use crate::plan::TrustId;

/// Bytes of Keystone's answer. The catalogues of large clouds have some hundred thousand.
const ANSWER_BYTES: u64 = 4 << 20;
/// How long before its end a token is replaced, at most; a random part of as much again is added.
const MARGIN: Duration = Duration::from_secs(300);
/// How long a token that could not be replaced in time is used before that is tried again.
const POSTPONED: Duration = Duration::from_secs(30);
/// How long a trust that was refused is not asked about again: nobody gives one back in less.
const REFUSED: Duration = Duration::from_secs(60);

/// Keeps the tokens: our own, and those by plans' trusts.
pub(in crate::freezer) struct Keystone {
    http: Arc<Http>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
    tokens: Url,
    own: Arc<Slot>,
    /// Until when, on the monotonic clock in milliseconds, Keystone's last token for our own credentials is good; 0: it did
    /// not take them. Beside the slot, which is locked while a token is renewed.
    known_until: AtomicU64,
    trusts: Trusts,
}

impl Keystone {
    pub fn new(http: Arc<Http>, access: Arc<Access>, clock: Arc<dyn Clock>) -> Result<Self, ApiError> {
        let tokens = tokens_url(&access.auth_url)?;
        Ok(Self {
            http,
            access,
            clock,
            tokens,
            own: Arc::default(),
            known_until: AtomicU64::new(0),
            trusts: Trusts::default(),
        })
    }

    /// A token that is still good for a while: our own, or by this trust.
    pub async fn session(&self, trust: Option<&TrustId>) -> Result<Arc<Session>, ApiError> {
        let now = self.clock.monotonic();
        let slot = self.slot(trust, now);
        let mut held = slot.0.lock().await;
        let old = match &*held {
            Some(Held::Good(session)) if now < session.renew => return Ok(Arc::clone(session)),
            Some(Held::Refused { error, until }) if now < *until => return Err(error.clone()),
            Some(Held::Good(session)) if now < session.dead => Some(Arc::clone(session)),
            _ => None,
        };
        match (self.fetch(trust).await, old) {
            // The old one is still good: a Keystone that is away for a moment stops nothing.
            (Err(error), Some(old)) if !error.is_refused_trust() => {
                tracing::warn!(%error, "the token could not be renewed; the old one is used while it lasts");
                let postponed = Arc::new(Session {
                    renew: now + POSTPONED,
                    ..Session::clone(&old)
                });
                *held = Some(Held::Good(Arc::clone(&postponed)));
                Ok(postponed)
            }
            (fetched, _) => self.keep(&mut held, fetched),
        }
    }

    /// Another token than `refused`, which the API did not take: got now, unless somebody already has.
    pub async fn instead_of(
        &self,
        refused: &Session,
        trust: Option<&TrustId>,
    ) -> Result<Arc<Session>, ApiError> {
        let slot = self.slot(trust, self.clock.monotonic());
        let mut held = slot.0.lock().await;
        if let Some(Held::Good(session)) = &*held
            && session.token != refused.token
        {
            return Ok(Arc::clone(session));
        }
        let fetched = self.fetch(trust).await;
        self.keep(&mut held, fetched)
    }

    fn slot(&self, trust: Option<&TrustId>, now: Duration) -> Arc<Slot> {
        trust.map_or_else(|| Arc::clone(&self.own), |trust| self.trusts.slot(trust, now))
    }

    fn keep(
        &self,
        held: &mut Option<Held>,
        fetched: Result<Arc<Session>, ApiError>,
    ) -> Result<Arc<Session>, ApiError> {
        *held = match &fetched {
            Ok(session) => Some(Held::Good(Arc::clone(session))),
            Err(error) if error.is_refused_trust() => Some(Held::Refused {
                error: error.clone(),
                until: self.clock.monotonic() + REFUSED,
            }),
            Err(_) => None,
        };
        fetched
    }

    async fn fetch(&self, trust: Option<&TrustId>) -> Result<Arc<Session>, ApiError> {
        let Some(trust) = trust else {
            let own = self.ask(None).await;
            match &own {
                Ok(session) => self.known_until.store(millis(session.dead), Ordering::Relaxed),
                Err(ApiError::Auth { .. }) => self.known_until.store(0, Ordering::Relaxed),
                Err(_) => {}
            }
            return own;
        };
        self.ask(Some(trust)).await.map_err(|error| match error {
            ApiError::Refused { at, status, said, .. } => refused(trust, at, status, said),
            ApiError::Forbidden { at, said, .. } => refused(trust, at, 403, said),
            // With a wrong password nobody is served; else it is the trust, or its user.
            ApiError::Auth { at, said, .. } if self.is_known() => refused(trust, at, 401, said),
            other => other,
        })
    }

    /// Whether Keystone lately took our own credentials.
    fn is_known(&self) -> bool {
        millis(self.clock.monotonic()) < self.known_until.load(Ordering::Relaxed)
    }

    async fn ask(&self, trust: Option<&TrustId>) -> Result<Arc<Session>, ApiError> {
        let ask = Ask {
            method: Method::POST,
            url: self.tokens.clone(),
            peer: Peer::Keystone,
            token: None,
            secrets: vec![credentials::secret(&self.access.auth)],
            body: Some(
                credentials::body(&self.access.auth, trust)
                    .to_string()
                    .into_bytes(),
            ),
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
        let Body { token: details } = parse_object(&answer.body)
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
            // What is in our own project's address is not for another's.
            Some(url) if trust.is_some() => Endpoint::new("backup_url", url, &project)?.moved_to(&project),
            Some(url) => Endpoint::new("backup_url", url, &project)?,
            None => {
                // Each service by itself: what is odd about another one is not our concern.
                let entries = details.catalog.unwrap_or_default().into_iter();
                let services: Vec<Service> = entries
                    .filter_map(|entry| serde_json::from_value(entry).ok())
                    .collect();
                let (interface, region) = (self.access.interface, self.access.region.as_deref());
                let secret = credentials::secret(&self.access.auth);
                let url = catalog::find(&services, interface, region, secret)?;
                Endpoint::new("the catalogue's endpoint", url, &project).map_err(|error| match error {
                    ApiError::Setting { setting, message } => ApiError::Setting {
                        setting,
                        message: without(message, &[secret]),
                    },
                    other => other,
                })?
            }
        };
        let by_catalog = self.access.backup_url.is_none() && trust.is_none();
        if by_catalog && self.tokens.scheme() == "https" && endpoint.is_in_clear() {
            tracing::warn!(
                url = %endpoint.jobs(),
                "Keystone is asked by https, and its catalogue gives the API an http:// address: the token goes over \
                 the network in clear; have the endpoint mended, or set backup_url"
            );
        }
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn refused(trust: &TrustId, at: String, status: u16, said: String) -> ApiError {
    ApiError::Trust {
        at,
        trust: trust.to_string(),
        status,
        said,
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
