//! The words of a run's life: states, verdicts, outcomes, and the durable records of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::{JobId, ProjectId};
use crate::schedule::DueTime;

use super::{Membership, Metadata, Queued, Report, RunId, SessionEnd, Sighting, Skipped};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every action succeeded.
    Success,
    /// An action failed after its last retry.
    Fail,
    /// It was told to stop.
    Aborted,
    /// Evidence of a crash: it was started, is gone, and left no exit status.
    Lost,
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Decided; waits for a free place or for its window.
    Queued,
    /// Handed to the launcher; not yet known to have started.
    Starting,
    /// Its agent was started.
    Running,
    /// Over, with this outcome.
    Done(Outcome),
}

impl RunState {
    /// Where it is, or how it ended, in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Done(outcome) => outcome.word(),
        }
    }
}

/// Why a due time did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The plan's last run still runs.
    Overlap,
    /// Due longer ago than `catch_up`.
    Expired,
    /// The plan is disabled.
    Disabled,
    /// The plan is stopped.
    Stopped,
    /// This node cannot do one of its actions (capabilities), or it has none.
    Unsupported,
    /// It has an `exec` action and `allow_exec` is off.
    ExecDenied,
    /// Outside the backup windows, and so configured.
    OutsideWindow,
    /// The plan was edited or removed before this could start.
    Superseded,
    /// freezerd runs in shadow: it decides and records, and launches nothing.
    Shadow,
    /// Its session did not let it start, and so configured.
    SessionRefused,
    /// The API could not be asked whether it may start with its session, and so configured.
    SessionUnreachable,
    /// A central client runs plans in their users' names, and it came without a trust.
    NoTrust,
}

impl Reason {
    /// All of them. ([`Reason::word`] fails to compile when one is missing there; a test compares the two.)
    pub const ALL: [Self; 12] = [
        Self::Overlap,
        Self::Expired,
        Self::Disabled,
        Self::Stopped,
        Self::Unsupported,
        Self::ExecDenied,
        Self::OutsideWindow,
        Self::Superseded,
        Self::Shadow,
        Self::SessionRefused,
        Self::SessionUnreachable,
        Self::NoTrust,
    ];

    /// As it is written: in the log, in metrics, in `freezerd why`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::Stopped => "stopped",
            Self::Unsupported => "unsupported",
            Self::ExecDenied => "exec-denied",
            Self::OutsideWindow => "outside-window",
            Self::Superseded => "superseded",
            Self::Shadow => "shadow",
            Self::SessionRefused => "session-refused",
            Self::SessionUnreachable => "session-unreachable",
            Self::NoTrust => "no-trust",
        }
    }
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Success, Self::Fail, Self::Aborted, Self::Lost];

    /// As it is written: in the log, in metrics, in `freezerd history`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Fail => "fail",
            Self::Aborted => "aborted",
            Self::Lost => "lost",
        }
    }
}

/// What became of one due time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is, or was, run by this run.
    Run(RunId),
    /// Taken together with this run.
    Coalesced(RunId),
    /// It did not run.
    Skipped(Reason),
}

/// A verdict over `count` due times of one plan, from `first` to `last`. (Mostly one; after downtime, what was missed.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictRecord {
    /// Whose.
    pub job: JobId,
    /// The earliest due time it covers.
    pub first: DueTime,
    /// The latest.
    pub last: DueTime,
    /// How many.
    pub count: u64,
    /// What became of them.
    pub verdict: Verdict,
    /// When that was decided.
    pub decided: DateTime<Utc>,
}

/// The durable state of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Its name.
    pub id: RunId,
    /// Its plan.
    pub job: JobId,
    /// Its plan's project, for fairness and reports.
    pub project: Option<ProjectId>,
    /// The due time it serves.
    pub due: DueTime,
    /// The earliest due time it serves: earlier than `due` when others were missed.
    pub first: DueTime,
    /// How many due times there are from `first` to `due`.
    pub count: u64,
    /// The latest due time it serves: later than `due` when others were coalesced into it while it waited.
    pub covers: DueTime,
    /// Seconds from `due` to the plan's next due time when it was decided: its cadence. `None`: no next.
    pub cadence: Option<i64>,
    /// Where it is.
    pub state: RunState,
    /// Not to be started before: its backup window opens then, or its session is asked again.
    pub not_before: Option<DueTime>,
    /// When it was decided.
    pub queued: DateTime<Utc>,
    /// When its agent was started.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// Process id of the agent (or its supervisor), while it runs.
    pub pid: Option<u32>,
    /// What the launcher said of its end: exit status, failed action, last lines.
    pub detail: String,
    /// Its part in its plan's session, from when it first asked.
    pub session: Option<Box<Membership>>,
}

impl RunRecord {
    /// A run for this one due time, as it is when it was just decided: it waits, and nothing is known of its plan's project
    /// or cadence.
    #[must_use]
    pub fn new(job: JobId, due: DueTime, queued: DateTime<Utc>) -> Self {
        Self {
            id: RunId::new(&job, due),
            job,
            project: None,
            due,
            first: due,
            count: 1,
            covers: due,
            cadence: None,
            state: RunState::Queued,
            not_before: None,
            queued,
            started: None,
            ended: None,
            pid: None,
            detail: String::new(),
            session: None,
        }
    }
}

/// What is remembered of a run that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// The due time it served.
    pub due: DueTime,
    /// The latest due time it served.
    pub covers: DueTime,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// Its part in a session, if it had one.
    pub session: Option<Box<Membership>>,
}

impl From<&RunRecord> for LastRun {
    fn from(run: &RunRecord) -> Self {
        Self {
            due: run.due,
            covers: run.covers,
            ended: run.ended,
            session: run.session.clone(),
        }
    }
}

/// One durable change. All of one decision's are committed in ONE transaction before anything is carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A plan as last seen. `document` is its text; `first_seen` anchors intervals; `covered`: every due
    /// time up to and including this one has its verdict.
    Plan {
        /// Whose.
        job: JobId,
        /// Its name, for those who look it up by that.
        name: String,
        /// Its project, if it has one.
        project: Option<ProjectId>,
        /// The document's text; `None`: unchanged.
        document: Option<std::sync::Arc<str>>,
        /// What waiting needs of that; `None`: it is found out when it is needed.
        brief: Option<Box<super::Brief>>,
        /// When it was first seen.
        first_seen: DueTime,
        /// Up to where its due times are decided.
        covered: DueTime,
    },
    /// Only `covered` moved.
    Covered {
        /// Whose.
        job: JobId,
        /// Up to where.
        covered: DueTime,
    },
    /// Since when a plan has its schedule and may run: what its lateness is measured from. Without it: since it was first
    /// seen.
    Since {
        /// Whose.
        job: JobId,
        /// Since when.
        since: DueTime,
    },
    /// A plan that is gone: its document goes, its history stays.
    Forget {
        /// Whose.
        job: JobId,
    },
    /// A verdict. It takes the place of one of the same plan and `first`, and `covered` moves on to its `last`.
    Verdict(VerdictRecord),
    /// The same verdict for many plans: as one [`Record::Verdict`] for each, in this order.
    Skipped(Skipped),
    /// The same for many plans whose runs wait: as one [`Record::Run`] and one [`Record::Verdict`] for each, in this order.
    Queued(Queued),
    /// A run, new or changed.
    Run(RunRecord),
    /// A run that never started goes, and its due time's verdict. (Another of `first` to `due` follows, or is to come.)
    Withdraw {
        /// Which.
        run: RunId,
    },
    /// A report for the outbox.
    Report {
        /// About which plan.
        job: JobId,
        /// About which run, if one.
        run: Option<RunId>,
        /// What.
        report: Report,
    },
    /// What an agent said of a backup it made, for the outbox. Of one step of one run there is one, ever: said
    /// again, it changes nothing. The run's own record comes before it.
    Backup {
        /// By which run.
        run: RunId,
        /// What, and of which step.
        metadata: Metadata,
    },
    /// The end of a run for its session, for the outbox. Of a plan and a session there is one: the newest.
    SessionEnd {
        /// Of which plan.
        job: JobId,
        /// Of which run.
        run: RunId,
        /// What.
        end: SessionEnd,
    },
    /// A run of another scheduler. Of one plan and start there is one: told again, its end and result are brought up to date.
    Sighting(Sighting),
    /// A complete listing was taken in at this time.
    Polled {
        /// When.
        at: DateTime<Utc>,
    },
}

impl Record {
    /// How many there would be if none was of many plans.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Skipped(skipped) => skipped.jobs.len(),
            Self::Queued(queued) => queued.jobs.len(),
            _ => 1,
        }
    }

    /// The verdicts that it gives, one for each plan.
    #[must_use]
    pub fn verdicts(&self) -> Vec<VerdictRecord> {
        match self {
            Self::Verdict(verdict) => vec![verdict.clone()],
            Self::Skipped(skipped) => skipped.verdicts().collect(),
            Self::Queued(queued) => queued.verdicts().collect(),
            _ => Vec::new(),
        }
    }
}
