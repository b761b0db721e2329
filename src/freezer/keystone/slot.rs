//! The place of one scope's token, and what can be in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::freezer::endpoint::Endpoint;
use crate::freezer::error::ApiError;
use crate::freezer::secret::Secret;

/// One token and what came with it.
#[derive(Debug, Clone)]
pub(in crate::freezer) struct Session {
    pub token: Secret,
    pub project: String,
    pub endpoint: Endpoint,
    /// On the monotonic clock: from then on, get another.
    pub(super) renew: Duration,
    /// On the monotonic clock: from then on, this one is no good.
    pub(super) dead: Duration,
}

/// What is known of one scope: our own, or a trust's.
#[derive(Debug)]
pub(super) enum Held {
    /// A token.
    Good(Arc<Session>),
    /// Keystone does not give one by this trust.
    Refused {
        error: ApiError,
        /// On the monotonic clock: not asked again before.
        until: Duration,
    },
}

/// The place of one scope's token. Those who ask while one is being got wait for that one.
#[derive(Debug, Default)]
pub(super) struct Slot(pub(super) Mutex<Option<Held>>);
