//! Sessions: may a run start with its session, and how did it go.
//!
//! Asking twice does no harm: within the hold-off the old tag is let in again, and later the session's own
//! account of our job says that it is in.

use std::borrow::Cow;
use std::collections::HashMap;

use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::records::Place;
use super::{Api, Called, not_json};
use crate::freezer::error::ApiError;
use crate::freezer::http::parse_object;
use crate::freezer::keystone::Session;
use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::{Refusal, SessionAnswer, SessionAsk, SessionEnd, SessionState};
use crate::schedule::DueTime;

/// The hold-off of a session that has none, in seconds: the API's own.
const HOLD_OFF: i64 = 60;

/// What the API says to a start. It checks few of its values.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    result: Unread,
    #[serde(default)]
    session_tag: Unread,
}

/// A session's document, as far as it matters here.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    session_tag: Unread,
    #[serde(default)]
    hold_off: Unread,
    #[serde(default)]
    time_start: Unread,
    #[serde(default)]
    jobs: Unread,
}

/// What it says of one job.
#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    time_started: Unread,
    #[serde(default)]
    status: Unread,
}

/// A value as it is written. (Read as whatever it is, it may need forty times as much memory.)
#[derive(Default, Deserialize)]
struct Unread(Option<Box<RawValue>>);

impl Unread {
    /// What it is, if it is that.
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.0.as_ref()?.get()).ok()
    }

    fn instant(&self) -> Option<DueTime> {
        self.read().filter(|at| *at > 0).map(DueTime::from_epoch)
    }
}

/// A session, as it matters to one job.
struct Seen {
    state: SessionState,
    is_member: bool,
}

impl Document {
    fn seen_by(&self, job: &JobId) -> Seen {
        let jobs: HashMap<Cow<'_, str>, &RawValue> = self.jobs.read().unwrap_or_default();
        let ours = jobs.get(job.as_str());
        let ours: Option<Job> = ours.and_then(|ours| parse_object(ours.get().as_bytes()).ok());
        let joined = ours.as_ref().and_then(|ours| ours.time_started.instant());
        let status: Option<String> = ours.as_ref().and_then(|ours| ours.status.read());
        Seen {
            state: SessionState {
                running: status.as_deref() == Some("running"),
                tag: self.session_tag.read().unwrap_or_default(),
                hold_off: self.hold_off.read().unwrap_or(HOLD_OFF),
                started: self.time_start.instant(),
                joined,
            },
            is_member: ours.is_some(),
        }
    }
}

impl Api {
    /// Asks, in the name of whoever gave `trust`, whether a run may start with its session. A refusal comes with the session as it is then.
    ///
    /// # Errors
    /// When it could not be asked, or the API gives no answer that means anything.
    pub async fn start_session(
        &self,
        ask: &SessionAsk,
        trust: Option<&TrustId>,
    ) -> Result<SessionAnswer, ApiError> {
        let place = Place {
            project: ask.project.as_ref(),
            trust,
        };
        let mut tries = self.tries();
        loop {
            match self.start_once(ask, place).await {
                Err(error) if tries.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn start_once(&self, ask: &SessionAsk, place: Place<'_>) -> Result<SessionAnswer, ApiError> {
        let body = json!({"start": {"job_id": ask.job.as_str(), "current_tag": ask.tag}});
        let said = match self.act(&ask.session, place, &body).await {
            Ok(Called { at, answer }) => {
                let said: Said = parse_object(&answer.body).map_err(|error| not_json(at.clone(), error))?;
                (said.result.read::<String>(), said.session_tag.read(), at)
            }
            // It does not say what is wrong in a way to rely on. The session does.
            Err(
                error @ ApiError::Refused {
                    status: 400 | 404, ..
                },
            ) => {
                let Some(Seen { state, is_member }) = self.session(&ask.session, place, &ask.job).await?
                else {
                    return Ok(SessionAnswer::NoSession);
                };
                let why = match is_member {
                    false => Refusal::NotMember,
                    true if state.tag < ask.tag => Refusal::OutOfSync,
                    true => return Err(error),
                };
                return Ok(SessionAnswer::Refused { why, session: state });
            }
            Err(error) => return Err(error),
        };
        let (result, tag, at) = said;
        let why = match (result.as_deref(), tag) {
            (Some("success"), Some(tag)) => return Ok(SessionAnswer::Joined { tag }),
            (Some("hold-off"), _) => Refusal::HoldOff,
            (Some("out-of-sync"), _) => Refusal::OutOfSync,
            _ => {
                let message = String::from("the answer is none of success, hold-off and out-of-sync");
                return Err(ApiError::Protocol { at, message });
            }
        };
        let Some(seen) = self.session(&ask.session, place, &ask.job).await? else {
            return Ok(SessionAnswer::NoSession);
        };
        let session = seen.state;
        Ok(SessionAnswer::Refused { why, session })
    }

    /// Tells a session how a run of `job` ended. Telling it twice does no harm. One that is unsure looks at the session
    /// first, which nobody else of this plan asks anything of meanwhile.
    ///
    /// # Errors
    /// When it could not be delivered. [`ApiError::is_final`] says whether that is so for ever: the session is
    /// gone, or the job is in it no more.
    pub async fn end_session(
        &self,
        job: &JobId,
        project: Option<&ProjectId>,
        trust: Option<&TrustId>,
        end: &SessionEnd,
    ) -> Result<(), ApiError> {
        let place = Place { project, trust };
        let mut tries = self.tries();
        loop {
            match self.end_once(job, place, end).await {
                Err(error) if tries.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn end_once(&self, job: &JobId, place: Place<'_>, end: &SessionEnd) -> Result<(), ApiError> {
        let mut tag = end.tag;
        if end.unsure {
            let seen = self.session(&end.session, place, job).await?;
            let Some(seen) = seen.filter(|seen| seen.state.running) else {
                return Ok(());
            };
            tag = seen.state.tag;
        }
        let body = json!({"end": {"job_id": job.as_str(), "current_tag": tag, "result": end.result}});
        self.act(&end.session, place, &body).await.map(|_| ())
    }

    async fn act(&self, session: &str, place: Place<'_>, body: &Value) -> Result<Called, ApiError> {
        let url = |token: &Session| address(token, session, &["action"], place.project);
        let body = body.to_string().into_bytes();
        let limit = self.access.bounds.document_bytes;
        self.call_by(place.trust, Method::POST, url, Some(body), |_| false, limit)
            .await
    }

    /// The session as it is now, to this job; `None`: there is none.
    async fn session(&self, session: &str, place: Place<'_>, job: &JobId) -> Result<Option<Seen>, ApiError> {
        let url = |token: &Session| address(token, session, &[], place.project);
        let Some(Called { at, answer }) = self.call_about(place.trust, Method::GET, url, None).await? else {
            return Ok(None);
        };
        let document: Document = parse_object(&answer.body).map_err(|error| not_json(at, error))?;
        Ok(Some(document.seen_by(job)))
    }
}

fn address(
    token: &Session,
    session: &str,
    below: &[&str],
    project: Option<&ProjectId>,
) -> Result<Url, ApiError> {
    token
        .endpoint
        .session(session, below, project.map(ProjectId::as_str))
}
