//! The checker: what must be true of any history, from what users did, what the agents themselves saw, what the
//! API was left with, and the ledger. It shares no decision with the planner; of the code under test it uses
//! only the schedules.
//!
//! tests/sim hands it lives of virtual time. All times are seconds since the epoch: of the
//! node's wall clock, but where it says "true time", which only ever goes forward.

mod outcomes;
mod sessions;
mod verdicts;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freezerd::plan::Plan;
use freezerd::planner::{CatchUp, Outcome, RunId, RunRecord, SessionRefused, VerdictRecord, Window};
use freezerd::schedule::Zone;
use serde_json::Value;

/// One state of a plan, as its user left it.
#[derive(Debug, Clone)]
pub struct Version {
    pub from: i64,
    /// `None`: deleted.
    pub plan: Option<Plan>,
    pub zone: Arc<Zone>,
    pub stopped: bool,
    /// When the daemon certainly knew.
    pub known: Option<i64>,
    /// Up to when the daemon certainly decided by it at the latest: other zone data came, or an earlier time did once more.
    /// (`i64::MAX`: neither did. When the next version was made is counted apart from this.)
    pub until: i64,
}

/// What an agent itself saw: written outside the ledger.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub run: RunId,
    pub job: String,
    pub due: i64,
    /// By the wall clock.
    pub started: i64,
    /// The same in true time.
    pub began: i64,
    /// When it ended (true time), and how.
    pub ended: Option<(i64, Outcome)>,
    /// When it was ended without a word (true time): by a reboot, or by the kernel.
    pub crashed: Option<i64>,
}

impl Evidence {
    /// When it was over, however that came.
    pub fn over(&self) -> Option<i64> {
        self.ended.map(|(at, _)| at).or(self.crashed)
    }
}

/// What the API was told about a run that is over, as often as it took that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    pub job: String,
    /// `time_ended`.
    pub ended: i64,
    /// `result`.
    pub result: String,
}

/// The rules the daemon lived by.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub max_concurrent: usize,
    pub catch_up: CatchUp,
    /// How far the wall clock was set back, all in all: times of before and after are only that certain.
    pub set_back: i64,
    pub session_refused: SessionRefused,
}

/// What was said between a plan and its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The plan is in this round.
    Joined(i64),
    Refused,
    /// There was no answer.
    Nothing,
    /// The plan told how it ended.
    Ended(String),
}

/// One exchange of a plan with its session, as the API knows it.
#[derive(Debug, Clone)]
pub struct Spoken {
    pub job: String,
    /// True time.
    pub at: i64,
    pub said: Said,
    /// The daemon certainly took it in.
    pub heard: bool,
}

/// A plan that a complete listing did not show, and that the API then said is gone.
#[derive(Debug, Clone)]
pub struct Missing {
    pub job: String,
    /// How many agents had been started when that listing was taken in, and when it was known that the plan is gone.
    pub listed: usize,
    pub known: usize,
}

/// All that is left of a life, for the checker.
#[derive(Debug, Clone)]
pub struct History {
    pub users: Vec<(String, Vec<Version>)>,
    pub evidence: Vec<Evidence>,
    pub rules: Rules,
    /// The ledger's.
    pub verdicts: Vec<VerdictRecord>,
    pub runs: BTreeMap<RunId, RunRecord>,
    /// Plans that the ledger still has.
    pub plans: BTreeSet<String>,
    /// Runs for whose end the outbox was given a report, once for each time.
    pub reports: Vec<RunId>,
    /// Reports that still wait in the outbox.
    pub waiting: usize,
    /// When the last complete listing was taken in.
    pub polled: i64,
    /// What the API took, in order.
    pub told: Vec<Told>,
    /// The jobs as the API has them in the end.
    pub jobs: BTreeMap<String, Value>,
    /// Those of which a user has wiped the result since.
    pub wiped: BTreeSet<String>,
    /// The `job_schedule` that each user wrote last, without what is the daemon's.
    pub wanted: BTreeMap<String, Value>,
    pub missing: Vec<Missing>,
    /// Plans that may not start at any time.
    pub windows: BTreeMap<String, Window>,
    /// The zone's data, and since when (true time).
    pub zones: Vec<(i64, Arc<Zone>)>,
    /// Plans that are in the session.
    pub members: BTreeSet<String>,
    /// With it, in order.
    pub spoken: Vec<Spoken>,
}

/// Everything that is wrong with a history.
pub fn check(history: &History) -> Vec<String> {
    let mut faults = Vec::new();
    agents(history, &mut faults);
    for (id, versions) in &history.users {
        verdicts::check(history, id, versions, &mut faults);
    }
    outcomes::ends(history, &mut faults);
    outcomes::reports(history, &mut faults);
    outcomes::documents(history, &mut faults);
    windows::check(history, &mut faults);
    sessions::check(history, &mut faults);
    missing(history, &mut faults);
    faults
}

/// One run for one due time, one at a time for one plan, none early, never more than the cap.
fn agents(history: &History, faults: &mut Vec<String>) {
    let mut served = BTreeSet::new();
    for seen in &history.evidence {
        // What ran on a clock that was more than a day ahead was never due then.
        if !served.insert((&seen.job, seen.due)) && history.rules.set_back <= 86_400 {
            faults.push(format!("{} ran twice", seen.run));
        }
        if seen.started < seen.due {
            faults.push(format!("{} ran {} s early", seen.run, seen.due - seen.started));
        }
    }
    let mut in_order: Vec<&Evidence> = history.evidence.iter().collect();
    in_order.sort_by_key(|seen| seen.began);
    let mut running: Vec<&Evidence> = Vec::new();
    for one in in_order {
        running.retain(|other| other.over().is_none_or(|over| over > one.began));
        if running.iter().any(|other| other.job == one.job) {
            faults.push(format!("{} started while its plan still ran", one.run));
        }
        running.push(one);
        if running.len() > history.rules.max_concurrent {
            faults.push(format!("{} started above the cap", one.run));
        }
    }
}

/// Of a plan that is gone nothing starts any more once a listing has not shown it.
fn missing(history: &History, faults: &mut Vec<String>) {
    for gone in &history.missing {
        let since = history.evidence.get(gone.listed..gone.known).unwrap_or_default();
        for seen in since.iter().filter(|seen| seen.job == gone.job) {
            faults.push(format!(
                "{} started when its plan was missing from the listing",
                seen.run
            ));
        }
    }
}
