//! One request with a token: our own, or one by a plan's trust.

use reqwest::{Method, Url};

use super::Api;
use crate::freezer::error::ApiError;
use crate::freezer::http::{Answer, Ask, Peer};
use crate::freezer::keystone::Session;
use crate::plan::TrustId;

/// A good answer, or one that the caller said it can read, and where it came from.
pub(in crate::freezer) struct Called {
    pub at: String,
    pub answer: Answer,
}

impl Api {
    /// Whether Keystone gives a token by this trust: got now, unless one is there.
    ///
    /// # Errors
    /// [`ApiError::Trust`] when it does not; others say that it cannot be told now.
    pub async fn try_trust(&self, trust: &TrustId) -> Result<(), ApiError> {
        let mut tries = self.tries();
        loop {
            match self.keystone.session(self.usable(Some(trust))).await {
                Err(error) if tries.again(&error).await => {}
                done => return done.map(|_| ()),
            }
        }
    }

    /// One request with our own token. `limit`: bytes of its answer.
    pub(in crate::freezer) async fn call(
        &self,
        method: Method,
        url: impl Fn(&Session) -> Result<Url, ApiError>,
        body: Option<Vec<u8>>,
        limit: u64,
    ) -> Result<Called, ApiError> {
        let readable = |_: &Answer| false;
        self.call_as(None, &method, &url, body.as_ref(), &readable, limit)
            .await
    }

    /// One request in the name of whoever gave `trust`. A trust that is refused leaves what the API's policy
    /// lets us do as who we are: what became of a run can still be told. `limit`: bytes of its answer.
    pub(in crate::freezer) async fn call_by(
        &self,
        trust: Option<&TrustId>,
        method: Method,
        url: impl Fn(&Session) -> Result<Url, ApiError>,
        body: Option<Vec<u8>>,
        readable: impl Fn(&Answer) -> bool,
        limit: u64,
    ) -> Result<Called, ApiError> {
        let body = body.as_ref();
        match self
            .call_as(self.usable(trust), &method, &url, body, &readable, limit)
            .await
        {
            Err(refused) if refused.is_refused_trust() => {
                match self.call_as(None, &method, &url, body, &readable, limit).await {
                    Err(ApiError::Forbidden { .. } | ApiError::Auth { .. }) => Err(refused),
                    done => done,
                }
            }
            done => done,
        }
    }

    /// The same, about one document; `None`: the API says that there is none. It says so with an empty body, and so may
    /// whatever stands in front of it and knows no way to it: it counts only if the API lists its jobs at that moment.
    pub(in crate::freezer) async fn call_about(
        &self,
        trust: Option<&TrustId>,
        method: Method,
        url: impl Fn(&Session) -> Result<Url, ApiError>,
        body: Option<Vec<u8>>,
    ) -> Result<Option<Called>, ApiError> {
        let limit = self.access.bounds.document_bytes;
        let called = self
            .call_by(trust, method, url, body, Answer::is_document_missing, limit)
            .await?;
        if called.answer.status.is_success() {
            return Ok(Some(called));
        }
        self.must_list(trust).await?;
        Ok(None)
    }

    /// The trust, if our credentials can be used with one.
    fn usable<'a>(&self, trust: Option<&'a TrustId>) -> Option<&'a TrustId> {
        trust.filter(|_| self.access.auth.takes_trusts())
    }

    /// A token that is refused is replaced, once.
    async fn call_as(
        &self,
        trust: Option<&TrustId>,
        method: &Method,
        url: &impl Fn(&Session) -> Result<Url, ApiError>,
        body: Option<&Vec<u8>>,
        readable: &impl Fn(&Answer) -> bool,
        limit: u64,
    ) -> Result<Called, ApiError> {
        let mut session = self.keystone.session(trust).await?;
        let mut fresh = false;
        loop {
            let ask = Ask {
                method: method.clone(),
                url: url(&session)?,
                peer: Peer::Freezer,
                token: Some(&session.token),
                secrets: Vec::new(),
                body: body.cloned(),
                limit,
            };
            let answer = self.http.send(&ask).await?;
            if answer.status == reqwest::StatusCode::UNAUTHORIZED && !fresh {
                fresh = true;
                let replaced = self.keystone.instead_of(&session, trust).await?;
                session = replaced;
                continue;
            }
            let at = ask.at();
            if readable(&answer) {
                return Ok(Called { at, answer });
            }
            return Ok(Called {
                answer: self.http.good(&ask, answer)?,
                at,
            });
        }
    }
}
