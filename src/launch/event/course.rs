//! What the document of a plan says of a run that we asked for. PURE.
//!
//! Clocks of two machines are never compared: whether a run is a new one is told from what the document said
//! before we asked. `started_at`/`time_started` and `ended_at`/`time_ended` are the evidence; the words `status` and
//! `result` say how it ended, and stand in for times that an API does not give.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::{Plan, ProjectId, Reported, Standing};
use crate::planner::{Outcome, Reason};

/// What the document of a plan says, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its project.
    pub project: Option<ProjectId>,
    /// Whether it may run by itself.
    pub standing: Standing,
    /// What it says of its last run.
    pub reported: Reported,
}

impl From<&Plan> for Sight {
    fn from(plan: &Plan) -> Self {
        Self {
            project: plan.project.clone(),
            standing: plan.standing,
            reported: plan.reported.clone(),
        }
    }
}

impl Sight {
    /// Why a run must not be asked for; `None`: nothing speaks against it. A run that started longer ago than
    /// `limit` is taken for one that will never end.
    pub(super) fn hindrance(&self, now: DateTime<Utc>, limit: TimeDelta) -> Option<Reason> {
        let Reported {
            event,
            started,
            ended,
            ..
        } = &self.reported;
        match self.standing {
            Standing::Disabled => return Some(Reason::Disabled),
            Standing::Stopped => return Some(Reason::Stopped),
            Standing::Active => {}
        }
        let stale = started.is_some_and(|started| now - started > limit);
        let under_way = says_running(&self.reported) || is_unended(*started, *ended);
        let about_to = event == "start";
        (about_to || (under_way && !stale)).then_some(Reason::Overlap)
    }
}

/// What the document said of the last run before a new one was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    started: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    /// Its status was, and has been since then, a word for running: of a run that will never end.
    #[serde(default)]
    said_running: bool,
}

impl From<&Reported> for Before {
    fn from(reported: &Reported) -> Self {
        Self {
            started: reported.started,
            ended: reported.ended,
            said_running: says_running(reported),
        }
    }
}

impl Before {
    /// What of it is still so, now that this is said: a word for running that comes back is another run's.
    pub(super) fn by_now(self, seen: &Reported) -> Self {
        Self {
            said_running: self.said_running && says_running(seen),
            ..self
        }
    }
}

/// What is known of a run that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnderWay {
    /// When it started, as the API says; `None`: it does not say.
    pub(super) started: Option<DateTime<Utc>>,
    /// Its status was a word for running, so another word means that it is not.
    pub(super) said_running: bool,
}

/// How it goes with the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Course {
    /// No sign of it.
    NoSign,
    /// The API has taken the request, and has not started it yet.
    Taken,
    /// It runs.
    Running(UnderWay),
    /// It is over.
    Over {
        /// How it ended.
        outcome: Outcome,
        /// When it started, as far as the API says.
        started: Option<DateTime<Utc>>,
        /// When it ended, likewise.
        ended: Option<DateTime<Utc>>,
        /// What is to be said about that.
        detail: String,
    },
    /// It ran, does not run any more, and no end of it is told (yet).
    Vanished,
    /// It ran, and a later run of the plan was started, before an end of this one was seen.
    Replaced(DateTime<Utc>),
}

/// How it goes with a run by what `seen` says. `known`: what was known of it; `None`: no sign so far.
pub(super) fn course(before: Before, known: Option<UnderWay>, seen: &Reported) -> Course {
    let fresh = seen
        .started
        .filter(|at| before.started.is_none_or(|old| *at > old));
    let told = known.and_then(|run| run.started);
    let new_end = seen
        .ended
        .filter(|at| before.ended.is_none_or(|old| *at > old))
        .filter(|at| fresh.is_none_or(|started| *at >= started))
        // Of the run before, if that had none.
        .filter(|_| fresh.is_some() || told.is_some() || !is_unended(before.started, before.ended));
    if let (Some(told), Some(fresh)) = (told, fresh)
        && fresh > told
    {
        return Course::Replaced(fresh);
    }
    let said_running = says_running(seen);
    let not_yet = if seen.event == "start" {
        Course::Taken
    } else {
        Course::NoSign
    };
    // It still says so, of the run before.
    if said_running && before.said_running && fresh.is_none() && known.is_none() {
        return not_yet;
    }
    let started = told.or(fresh);
    let over = |ended| {
        let (outcome, detail) = outcome(seen);
        Course::Over {
            outcome,
            started,
            ended,
            detail,
        }
    };
    if said_running {
        return Course::Running(UnderWay {
            started,
            said_running,
        });
    }
    if new_end.is_some() {
        return over(new_end);
    }
    match known {
        // Where no times are told, the end of that status is the end of the run.
        Some(run) if run.said_running && (started.is_none() || !seen.result.is_empty()) => over(None),
        Some(run) if run.said_running => Course::Vanished,
        _ if started.is_some() => Course::Running(UnderWay {
            started,
            said_running,
        }),
        Some(run) => Course::Running(run),
        None => not_yet,
    }
}

/// Its status is a word for a run that is under way.
fn says_running(reported: &Reported) -> bool {
    matches!(
        reported.status.as_str(),
        "running" | "started" | "in_progress" | "in progress"
    )
}

fn is_unended(started: Option<DateTime<Utc>>, ended: Option<DateTime<Utc>>) -> bool {
    started.is_some_and(|started| ended.is_none_or(|ended| ended < started))
}

/// How a run ended, by the words of a document that says that it has: by its result; by its status where there is
/// no result. Back among the scheduled without a word of failure is a success; an unknown word is none.
fn outcome(seen: &Reported) -> (Outcome, String) {
    let (what, word) = if seen.result.is_empty() {
        ("status", seen.status.as_str())
    } else {
        ("result", seen.result.as_str())
    };
    let said = || format!("the API says: {what} {word}");
    match word {
        "success" | "succeeded" | "ok" => (Outcome::Success, String::new()),
        "scheduled" | "completed" => (Outcome::Success, said()),
        "abort" | "aborted" | "cancelled" | "canceled" => (Outcome::Aborted, said()),
        "fail" | "failed" | "failure" | "error" => (Outcome::Fail, said()),
        _ => (
            Outcome::Fail,
            format!("{}, which is no word for a success", said()),
        ),
    }
}
