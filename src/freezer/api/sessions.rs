//! Sessions: may a run start with its session, and how did it go.
//!
//! Asking twice does no harm: within the hold-off the old tag is let in again, and later the session's own
//! account of our job says that it is in.

use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::records::Place;
use super::{Answer, Api, Called, not_json};
use crate::freezer::error::ApiError;
use crate::freezer::http::parse;
use crate::freezer::keystone::Session;
use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::{Refusal, SessionAnswer, SessionAsk, SessionEnd, SessionState};
use crate::schedule::DueTime;

/// The hold-off of a session that has none, in seconds: the API's own.
const HOLD_OFF: i64 = 60;

/// What the API says to a start.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    result: String,
    #[serde(default)]
    session_tag: Option<i64>,
}

/// A session's document, as far as it matters here. The API checks few of its values.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    session_tag: Value,
    #[serde(default)]
    hold_off: Value,
    #[serde(default)]
    time_start: Value,
    #[serde(default)]
    jobs: Value,
}

impl Document {
    fn job(&self, id: &JobId) -> Option<&Map<String, Value>> {
        self.jobs.get(id.as_str())?.as_object()
    }

    fn state(&self, job: &JobId) -> SessionState {
        let instant = |value: &Value| value.as_i64().filter(|at| *at > 0).map(DueTime::from_epoch);
        let joined = self.job(job).and_then(|ours| instant(ours.get("time_started")?));
        SessionState {
            tag: self.session_tag.as_i64().unwrap_or_default(),
            hold_off: self.hold_off.as_i64().unwrap_or(HOLD_OFF),
            started: instant(&self.time_start),
            joined,
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
                let said: Said = parse(&answer.body).map_err(|error| not_json(at.clone(), &error))?;
                (said, at)
            }
            // It does not say what is wrong in a way to rely on. The session does.
            Err(
                error @ ApiError::Refused {
                    status: 400 | 404, ..
                },
            ) => {
                let Some(session) = self.session(&ask.session, place).await? else {
                    return Ok(SessionAnswer::NoSession);
                };
                let state = session.state(&ask.job);
                let why = match session.job(&ask.job) {
                    None => Refusal::NotMember,
                    Some(_) if state.tag < ask.tag => Refusal::OutOfSync,
                    Some(_) => return Err(error),
                };
                return Ok(SessionAnswer::Refused { why, session: state });
            }
            Err(error) => return Err(error),
        };
        let why = match said {
            (
                Said {
                    result,
                    session_tag: Some(tag),
                },
                _,
            ) if result == "success" => {
                return Ok(SessionAnswer::Joined { tag });
            }
            (said, _) if said.result == "hold-off" => Refusal::HoldOff,
            (said, _) if said.result == "out-of-sync" => Refusal::OutOfSync,
            (_, at) => {
                let message = String::from("the answer is none of success, hold-off and out-of-sync");
                return Err(ApiError::Protocol { at, message });
            }
        };
        let Some(session) = self.session(&ask.session, place).await? else {
            return Ok(SessionAnswer::NoSession);
        };
        let session = session.state(&ask.job);
        Ok(SessionAnswer::Refused { why, session })
    }

    /// Tells a session how a run of `job` ended. Telling it twice does no harm.
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
        let body = json!({
            "end": {"job_id": job.as_str(), "current_tag": end.tag, "result": end.result}
        });
        let mut tries = self.tries();
        loop {
            match self.act(&end.session, place, &body).await {
                Err(error) if tries.again(&error).await => {}
                done => return done.map(|_| ()),
            }
        }
    }

    async fn act(&self, session: &str, place: Place<'_>, body: &Value) -> Result<Called, ApiError> {
        let url = |token: &Session| address(token, session, &["action"], place.project);
        let body = body.to_string().into_bytes();
        self.call_by(place.trust, Method::POST, url, Some(body), |_| false)
            .await
    }

    /// The session as it is now; `None`: there is none.
    async fn session(&self, session: &str, place: Place<'_>) -> Result<Option<Document>, ApiError> {
        let url = |token: &Session| address(token, session, &[], place.project);
        let Called { at, answer } = self
            .call_by(place.trust, Method::GET, url, None, Answer::is_document_missing)
            .await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        parse(&answer.body)
            .map(Some)
            .map_err(|error| not_json(at, &error))
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
