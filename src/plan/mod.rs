//! Plans: one job document of either dialect, normalised.
//!
//! [`parse`] takes one document's JSON text and gives a [`Plan`], or [`Problem`]s that name the job, the
//! field, the text and what is allowed. Strings or integers, nulls, unknown keys: all normal.
//! PURE. May use: `schedule`. Must not use: any other room.

mod authority;
mod digest;
mod parse;
mod problem;
mod raw;
mod retries;
mod state;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use arcstr::ArcStr;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::schedule::Schedule;

pub use authority::trust_of;
pub use digest::{Digest, Digester, Digests};
pub use parse::{Parsed, parse};
pub use problem::{Problem, printable};
pub use state::event;

/// The API's `job_id`; opaque.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct JobId(ArcStr);

/// A Keystone trust by which a plan's user lets this node act in their project: `user_credentials.trust_id`.
/// Good for nobody but its trustee, so it is no secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct TrustId(ArcStr);

/// The API's `project_id`; opaque.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ProjectId(ArcStr);

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// From its text.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(ArcStr::from(text))
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
text_id!(JobId);

/// In a map it is found by its text, too.
impl Borrow<str> for JobId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_id!(ProjectId);
text_id!(TrustId);

impl ProjectId {
    /// Whether somebody else holds this very one too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        // None of a text that is part of the program: everybody holds it.
        ArcStr::strong_count(&self.0) != Some(1)
    }
}

/// Which API a document speaks. One with a top-level `status` or `disabled` is Virtuozzo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenStack Freezer: state lives in `job_schedule`.
    Upstream,
    /// Virtuozzo Hybrid Infrastructure: state lives at the top level.
    Virtuozzo,
}

/// Whether a plan may run by itself, as its document says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It may.
    Active,
    /// Its user stopped it: `status` is `stop`, or an `event` stop, abort or remove waits for its answer.
    /// An unanswered `event: start` wins over the status.
    Stopped,
    /// It is disabled (Virtuozzo `disabled: true`).
    Disabled,
}

/// What the document says of its last run, for those who merge or show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reported {
    /// `status`: stop, scheduled, running, completed ...; empty when absent. A plan that is to run once and
    /// says `completed` has run.
    pub status: String,
    /// `result`: success, fail, aborted; empty when absent.
    pub result: String,
    /// `event`: start, stop, abort, remove; empty when absent (which is normal).
    pub event: String,
    /// `time_started` / `started_at`.
    pub started: Option<DateTime<Utc>>,
    /// `time_ended` / `ended_at`.
    pub ended: Option<DateTime<Utc>>,
}

/// The session a plan belongs to: plans of several nodes that run as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    /// `session_id`; never empty.
    pub id: Arc<str>,
    /// `session_tag`: the last round of the session that this plan was in.
    pub tag: i64,
}

/// One `job_actions` entry. Its `Debug` shows no value of `freezer_action`: some hold passwords.
#[derive(Clone, PartialEq)]
pub struct Action {
    /// The `freezer_action` object, as it came.
    pub freezer_action: Map<String, Value>,
    /// Further tries after a failed one, within bounds: a run keeps its place while it waits for the next.
    pub max_retries: u32,
    /// Seconds between tries.
    pub max_retries_interval: u32,
    /// Runs although an earlier action failed.
    pub mandatory: bool,
}

impl Action {
    /// A text of `freezer_action`, as `action`, `mode`, `storage`, `engine_name`; empty when absent.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.freezer_action
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

impl Action {
    /// Whether its backup gets a record before it is made, for the agent to fill in: Cinder's own backups, which
    /// then carry the record's id, unless the plan names one itself.
    #[must_use]
    pub fn is_recorded_first(&self) -> bool {
        let named = |id: &Value| !matches!(id, Value::Null | Value::Bool(false)) && *id != "";
        self.text("action") == "backup"
            && self.text("mode") == "cindernative"
            && !self.freezer_action.get("backup_id").is_some_and(named)
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action")
            .field("freezer_action", &self.freezer_action.keys().collect::<Vec<_>>())
            .field("max_retries", &self.max_retries)
            .field("max_retries_interval", &self.max_retries_interval)
            .field("mandatory", &self.mandatory)
            .finish()
    }
}

/// One job document, normalised. Its `Debug` leaves the document's text out: it may hold passwords.
#[derive(Clone, PartialEq)]
pub struct Plan {
    /// `job_id`.
    pub id: JobId,
    /// `project_id`.
    pub project: Option<ProjectId>,
    /// `name`, else `description`, else the id; fit to be printed (see [`printable`]).
    pub name: String,
    /// `client_id`; empty when absent.
    pub client_id: String,
    /// In whose name it runs, where that is not this node's: `user_credentials.trust_id`.
    pub trust: Option<TrustId>,
    /// Which API it speaks.
    pub dialect: Dialect,
    /// Whether it may run by itself.
    pub standing: Standing,
    /// The compiled schedule; equal ones are not yet shared.
    pub schedule: Arc<Schedule>,
    /// `created_at`.
    pub created: Option<DateTime<Utc>>,
    /// `updated_at`.
    pub updated: Option<DateTime<Utc>>,
    /// What it does, in order.
    pub actions: Vec<Action>,
    /// What it says of its last run.
    pub reported: Reported,
    /// Which session it belongs to, if one.
    pub session: Option<Box<Session>>,
    /// The document's text, as it came.
    pub document: Arc<str>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("id", &self.id)
            .field("project", &self.project)
            .field("name", &self.name)
            .field("client_id", &self.client_id)
            .field("trust", &self.trust)
            .field("dialect", &self.dialect)
            .field("standing", &self.standing)
            .field("schedule", &self.schedule)
            .field("created", &self.created)
            .field("updated", &self.updated)
            .field("actions", &self.actions)
            .field("reported", &self.reported)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
