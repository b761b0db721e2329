//! Plans: one job document of either dialect, normalised.
//!
//! [`parse`] takes one document's JSON text and gives a [`Plan`], or a [`Problem`] that names the job, the
//! field, the text and what is allowed. Strings or integers, nulls, unknown keys: all normal.
//! PURE. May use: `schedule`. Must not use: any other room.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::schedule::Schedule;

/// The API's `job_id`; opaque.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct JobId(Arc<str>);

/// The API's `project_id`; opaque.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ProjectId(Arc<str>);

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// From its text.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
text_id!(JobId);
text_id!(ProjectId);

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
    /// Its user stopped it (upstream `status: stop`, or an unanswered `event: stop`).
    Stopped,
    /// It is disabled (Virtuozzo `disabled: true`).
    Disabled,
}

/// What the document says of its last run, for those who merge or show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reported {
    /// `status`: stop, scheduled, running, completed ...; empty when absent.
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

/// One `job_actions` entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The `freezer_action` object, as it came.
    pub freezer_action: Map<String, Value>,
    /// Further tries after a failed one.
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

/// One job document, normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// `job_id`.
    pub id: JobId,
    /// `project_id`.
    pub project: Option<ProjectId>,
    /// `name`, else `description`, else the id.
    pub name: String,
    /// `client_id`; empty when absent.
    pub client_id: String,
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
    /// The document's text, as it came.
    pub document: Arc<str>,
}

/// A document, or a part of one, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// `job_id`, if the document has a readable one; else where it stands (`document 3 of the listing`, a file name).
    pub job_id: String,
    /// `name`, if readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key that is wrong, as `schedule_hour`, `job_actions[0].max_retries`; empty for the whole document.
    pub field: String,
    /// The text it has, shortened to 200 characters.
    pub text: String,
    /// What is wrong and what is allowed.
    pub error: String,
}
