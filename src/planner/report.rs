//! What the API is told about a run, in the words its clients read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::{Dialect, Plan, Standing};
use crate::schedule::{DueTime, Kind, Timetable, Zone};

use super::{Admission, Common, Outcome, RunRecord, session};

const SCHEDULED: &str = "scheduled";
const COMPLETED: &str = "completed";
/// As far as any zone is from UTC, and more.
const ANY_ZONE: i64 = 86_400;

/// What we tell the API about a run. The whole state each time: a later one replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// `scheduled`, `running`, `completed`, `stop`, `removed`.
    pub status: String,
    /// `success`, `fail`, `aborted`, or empty while it runs. `None`: as it was.
    pub result: Option<String>,
    /// `time_started`, epoch seconds.
    pub time_started: Option<i64>,
    /// `time_ended`, epoch seconds; -1 while it runs.
    pub time_ended: Option<i64>,
    /// `current_pid`.
    pub current_pid: Option<u32>,
    /// The `event` this answers, if any: cleared in the API if it is still the same there.
    pub answers_event: Option<String>,
    /// The round of its session that the run joined: written as the job's `session_tag` if it is still in it.
    pub session: Option<SessionTag>,
}

impl Report {
    /// Its `status` in the document as it is by now, which is `plan`.
    ///
    /// A report may be older than an edit (it waited for the API), and a status that keeps a plan from running is only
    /// so where its user still asks for that, or its schedule is over: of any other plan it says `scheduled`.
    #[must_use]
    pub fn status_in(&self, plan: &Plan) -> &str {
        let ends = match self.status.as_str() {
            "stop" | "removed" => true,
            COMPLETED => plan.reported.status != COMPLETED && self.goes_on(plan),
            _ => false,
        };
        let withdrawn = plan.dialect == Dialect::Upstream && plan.standing == Standing::Active;
        if ends && withdrawn {
            SCHEDULED
        } else {
            &self.status
        }
    }

    /// Whether `plan` recurs, and is due again after the end that this tells of.
    fn goes_on(&self, plan: &Plan) -> bool {
        match plan.schedule.kind() {
            Kind::Once | Kind::Date | Kind::Manual => false,
            Kind::Continuous => true,
            Kind::Calendar | Kind::Interval => {
                let changed = || plan.updated.map(|at| at.timestamp());
                let ended = DueTime::from_epoch(self.time_ended.or_else(changed).unwrap_or_default());
                let anchor = plan.created.map_or(ended, DueTime::floor);
                // The node's zone does not matter: it is the end of a plan's life that is looked for, not a due time.
                Timetable::new(Arc::clone(&plan.schedule), Arc::new(Zone::utc()), anchor)
                    .next(ended.plus(ANY_ZONE))
                    .is_some()
            }
        }
    }
}

/// The round of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTag {
    /// Which session.
    pub session: String,
    /// Which round.
    pub tag: i64,
}

/// The round that a run has joined, if it did.
fn joined(run: &RunRecord) -> Option<SessionTag> {
    let mine = run.session.as_ref()?;
    (mine.admission == Admission::Joined).then(|| SessionTag {
        session: mine.session.clone(),
        tag: mine.tag,
    })
}

/// The run's agent was started.
pub(super) fn running(run: &RunRecord) -> Report {
    Report {
        status: "running".to_owned(),
        result: Some(String::new()),
        time_started: run.started.map(|at| at.timestamp()),
        time_ended: Some(-1),
        current_pid: run.pid,
        answers_event: None,
        session: joined(run),
    }
}

/// The run is over, and what its plan says now cannot be read.
pub(super) fn ended_unreadable(run: &RunRecord, outcome: Outcome) -> Report {
    Report {
        status: SCHEDULED.to_owned(),
        result: Some(session::result(outcome).to_owned()),
        time_started: run.started.map(|at| at.timestamp()),
        time_ended: run.ended.map(|at| at.timestamp()),
        current_pid: None,
        answers_event: None,
        session: joined(run),
    }
}

/// The run is over. `next`: when the plan will be due again, for all its schedule says.
pub(super) fn ended(run: &RunRecord, outcome: Outcome, plan: &Common, next: Option<DueTime>) -> Report {
    let kind = plan.schedule.kind();
    let stopped = plan.standing != Standing::Active;
    let one_shot = matches!(kind, Kind::Date | Kind::Once);
    let removed = *plan.event == *"remove";
    let again = !stopped && !one_shot && (next.is_some() || kind == Kind::Continuous);
    Report {
        status: match (again, removed) {
            (true, _) => SCHEDULED,
            (false, true) => "removed",
            (false, false) => COMPLETED,
        }
        .to_owned(),
        // What was asked for during the run is done with its end.
        answers_event: matches!(&*plan.event, "stop" | "abort" | "remove").then(|| plan.event.to_string()),
        ..ended_unreadable(run, outcome)
    }
}
