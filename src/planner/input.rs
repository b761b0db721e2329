//! What the planner is told, and what it answers.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::plan::{Digester, Digests, JobId, Plan};
use crate::schedule::DueTime;

use super::{
    Brief, LastRun, Metadata, Outcome, Policy, Reason, Record, RunId, RunRecord, SessionAnswer, SessionAsk,
    Shared,
};

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A due time, or the opening of a window, may have come.
    Tick,
    /// The wall clock was set.
    ClockStepped,
    /// Some plans of a listing that is being read: those that are new, or not as they were in the one before.
    Page(Vec<Plan>),
    /// That listing broke off: there is no more of it.
    BrokenOff,
    /// That listing is complete.
    Listed {
        /// When it was asked for: what happened later it may not know.
        began: DateTime<Utc>,
        /// The digests of all of its plans' documents.
        digests: Arc<Digests>,
        /// Jobs that are listed but whose document cannot be used.
        broken: Vec<Broken>,
    },
    /// A complete listing, all at once.
    Listing {
        /// When it was asked for: what happened later it may not know.
        began: DateTime<Utc>,
        /// Every plan of it.
        plans: Vec<Plan>,
        /// Jobs that are listed but whose document cannot be used.
        broken: Vec<Broken>,
    },
    /// A plan that a listing missed was asked for by itself, and is still there.
    Seen(Box<Plan>),
    /// A plan that a listing missed was asked for by itself, and is not there (or not ours) any more.
    Gone(JobId),
    /// A run's first agent was started.
    Started {
        /// Which run.
        run: RunId,
        /// Its supervisor's process id; 0: it has none here.
        pid: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// A run is over (or could not be started: then `started` is `None`).
    Ended {
        /// Which run.
        run: RunId,
        /// How.
        end: End,
    },
    /// What the API says to a question about a run's session.
    Session {
        /// What was asked.
        ask: Box<SessionAsk>,
        /// What it says.
        answer: SessionAnswer,
    },
    /// A launch came to nothing, though nothing is wrong with the run: no trace of it is left.
    NotStarted {
        /// Which run.
        run: RunId,
        /// Why.
        why: NotStarted,
    },
    /// What the launcher knows, at a start of the daemon, of a run that the ledger believes was launched.
    Found {
        /// Which run.
        run: RunId,
        /// What is known.
        found: Found,
    },
    /// The configuration was read again.
    Policy(Box<Policy>),
    /// The first listing does not come: go on with what the ledger knows.
    Begin,
    /// The ledger cannot be written, so these launches were not carried out: they wait on, and nothing is
    /// launched until [`Input::Release`].
    Hold(Vec<RunId>),
    /// The ledger can be written again.
    Release,
    /// The daemon stops: decide and launch nothing more.
    Halt,
}

/// A job that is listed but whose document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub job: JobId,
    /// Its document's text.
    pub document: Arc<str>,
    /// What its user asks for (start, stop, abort, remove); empty: nothing.
    pub event: String,
}

/// Why a launch came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotStarted {
    /// Who was to start it cannot be asked at present: it waits, and is tried again.
    Away {
        /// For people: what is the matter.
        detail: String,
    },
    /// It may not start at this moment, by [`Planner::may_start`](super::Planner::may_start): it waits again.
    Shut,
    /// Its plan may not start, or need not: its due time gets this verdict.
    For(Reason),
}

/// The end of a run, as told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// How.
    pub outcome: Outcome,
    /// When its first agent was started; `None`: none was.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// For people: why.
    pub detail: String,
    /// What its agents said of the backups they made.
    pub metadata: Vec<Metadata>,
}

/// What became, while the daemon was away, of a run it had launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It was never started: there is no trace of it.
    Never,
    /// It lives.
    Alive {
        /// Its supervisor's process id.
        pid: u32,
        /// When its first agent was started, if it got that far.
        started: Option<DateTime<Utc>>,
    },
    /// It ended.
    Ended(End),
    /// It was started, is gone, and left nothing: evidence of a crash.
    Lost {
        /// The evidence.
        detail: String,
    },
}

/// What follows: first commit `records`, all or none; then carry out `orders`; then sleep until `wake`.
#[derive(Debug, Default)]
pub struct Decision {
    /// Durable changes, in order.
    pub records: Vec<Record>,
    /// To be carried out once the records are safe.
    pub orders: Vec<Order>,
    /// When to send [`Input::Tick`].
    pub wake: Option<DueTime>,
    /// Only those of many that get a place were decided: there is more, as soon as this is carried out.
    pub more: bool,
}

/// Something to be carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Start this run.
    Launch {
        /// The run. What it runs is its plan's document, as it was last recorded.
        run: RunRecord,
    },
    /// Ask the API whether this run may start with its session; answer with [`Input::Session`].
    AskSession(Box<SessionAsk>),
    /// Stop this run: its user asked for that. Its end will be told.
    Abort(RunId),
    /// Ask whether a plan that a listing missed is really gone; answer with [`Input::Seen`] or [`Input::Gone`].
    ConfirmGone(JobId),
    /// Read the next listing whole: what is in the last one is not all known here.
    ReadWhole,
    /// The traces of this run may be removed: its outcome is recorded.
    ForgetRun(RunId),
}

/// What the ledger knows, for [`super::Planner::restore`].
#[derive(Debug, Default)]
pub struct Past {
    /// The plans last seen.
    pub plans: Vec<LedgerPlan>,
    /// Every run that was not over.
    pub open: Vec<RunRecord>,
    /// Plans whose document cannot be used any more.
    pub aside: Vec<Aside>,
    /// When the last complete listing was taken in.
    pub polled: Option<DateTime<Utc>>,
    /// When the ledger of before was lost, if it was and no listing was taken in since: what ran before that is not
    /// known.
    pub lost: Option<DateTime<Utc>>,
    /// Makes the digests of documents: those of `plans` are by it.
    pub digester: Digester,
    /// What plans have in common: whoever gathers many shares it at once, by [`Shared::brief`].
    pub shared: Shared,
}

/// A plan as the ledger has it, but for its document, which cannot be used.
#[derive(Debug)]
pub struct Aside {
    /// Which.
    pub job: JobId,
    /// When it was first seen.
    pub first_seen: DueTime,
    /// Up to where its due times are decided.
    pub covered: DueTime,
    /// Its last run that is over.
    pub last: Option<LastRun>,
    /// Its last run that succeeded.
    pub success: Option<LastRun>,
}

/// A plan as the ledger has it.
#[derive(Debug)]
pub struct LedgerPlan {
    /// What waiting needs of its document.
    pub plan: Brief,
    /// When it was first seen.
    pub first_seen: DueTime,
    /// Since when it has its schedule and may run; `None`: since it was first seen.
    pub since: Option<DueTime>,
    /// Up to where its due times are decided.
    pub covered: DueTime,
    /// Its last run that is over.
    pub last: Option<LastRun>,
    /// Its last run that succeeded.
    pub success: Option<LastRun>,
}
