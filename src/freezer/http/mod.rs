//! One bounded exchange over HTTP, and when to try it again.
//!
//! Every limit is kept while the bytes arrive, whatever `Content-Length` claims. Redirects are errors,
//! nothing is decompressed, and what a server says in an error is shortened and cleaned before it is shown.
//! May use: `clock`. Must not use: anything that knows what a job is.

mod client;
mod failure;
mod json;
mod retry;
pub(super) mod said;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use super::access::{Access, Patience};
use super::error::ApiError;
use crate::clock::Clock;
use client::OverHttp;

pub use json::NotJson;
pub(super) use json::{ITEMS, List, parse, parse_object};
pub use retry::rest;
pub(super) use retry::{Tries, random};
pub use wire::{Answer, Ask, Exchange, Peer, Wire};

/// The client for all exchanges.
pub(super) struct Http {
    wire: Arc<dyn Wire>,
    patience: Patience,
    clock: Arc<dyn Clock>,
}

impl Http {
    /// Over HTTP. Reads the file of authorities, if there is one; contacts nobody.
    pub fn new(access: &Access, clock: Arc<dyn Clock>) -> Result<Self, ApiError> {
        let wire = Arc::new(OverHttp::new(access)?);
        Ok(Self::over(access, clock, wire))
    }

    /// Over this wire.
    pub fn over(access: &Access, clock: Arc<dyn Clock>, wire: Arc<dyn Wire>) -> Self {
        Self {
            wire,
            patience: access.patience,
            clock,
        }
    }

    /// A fresh count of tries.
    pub fn tries(&self) -> Tries {
        Tries::new(self.patience)
    }

    /// One exchange, once. An answer of any status is an answer, but for redirects.
    pub async fn send(&self, ask: &Ask<'_>) -> Result<Answer, ApiError> {
        self.wire.exchange(ask).await
    }

    /// The time by the clock that measures lengths.
    pub fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The answer if its status is good, else the error that it means.
    pub fn good(&self, ask: &Ask<'_>, answer: Answer) -> Result<Answer, ApiError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let said = said::said(&answer.body, &ask.secrets());
        let wait = retry::retry_after(&answer.headers, self.clock.now());
        Err(failure::refusal(ask, answer.status, said, wait))
    }
}
