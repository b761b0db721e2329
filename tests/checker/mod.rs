//! The checker: what must be true of any history, from what users did, what the agents themselves saw, what the
//! API was left with, and the ledger. It shares no decision with the planner; of the code under test it uses
//! only the schedules.
//!
//! tests/sim hands it lives of virtual time. All times are seconds since the epoch: of the
//! node's wall clock, but where it says "true time", which only ever goes forward.

mod back_off;
mod backups;
mod on_time;
mod once;
mod outcomes;
mod sessions;
mod trusts;
mod verdicts;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freezerd::plan::Plan;
use freezerd::planner::{CatchUp, Outcome, Reason, RunId, RunRecord, SessionRefused, VerdictRecord, Window};
use freezerd::schedule::{Kind, Zone};
use serde_json::Value;

/// One state of a plan, as its user left it.
#[derive(Debug, Clone)]
pub struct Version {
    pub from: i64,
    /// `None`: deleted.
    pub plan: Option<Plan>,
    pub zone: Arc<Zone>,
    pub stopped: bool,
    /// Why else it may not run here: disabled, unsupported, or with commands that this node does not execute.
    pub hindered: BTreeSet<Reason>,
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
    /// What each step's agent printed, once it had ended.
    pub said: Vec<String>,
    /// The trust by which it acted.
    pub trust: Option<String>,
    /// It was told the node's own project.
    pub project: bool,
}

impl Evidence {
    /// When it was over, however that came.
    pub fn over(&self) -> Option<i64> {
        self.ended.map(|(at, _)| at).or(self.crashed)
    }
}

/// Who did not let a run start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The launcher could not.
    Launcher,
    /// Its plan's trust was refused.
    Trust,
}

/// A run that could not be started.
#[derive(Debug, Clone)]
pub struct Unstarted {
    pub run: RunId,
    pub job: String,
    /// True time.
    pub at: i64,
    pub by: Refusal,
}

/// One record of the API's `backups`.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub id: String,
    pub project: String,
    pub status: Option<String>,
    /// What else it holds.
    pub metadata: Value,
}

/// What Keystone gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    Token,
    Refused,
    /// It did not answer.
    Nothing,
}

/// A token that Keystone was asked for by a trust.
#[derive(Debug, Clone)]
pub struct Asked {
    pub trust: String,
    /// True time.
    pub at: i64,
    pub given: Given,
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
    /// How long, at most, the end of a run is no news yet where the runs are real.
    pub late_news: i64,
    pub session_refused: SessionRefused,
    /// Without a trust nothing runs.
    pub central: bool,
    /// The wall clock was set.
    pub stepped: bool,
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
}

/// A plan that a complete listing did not show, and that the API then said is gone.
#[derive(Debug, Clone)]
pub struct Missing {
    pub job: String,
    /// How many agents had been started when that listing was taken in, and when it was known that the plan is gone.
    pub listed: usize,
    pub known: usize,
}

/// A time in which freezerd ran in shadow.
#[derive(Debug, Clone)]
pub struct Shadow {
    /// From when to when by the wall clock.
    pub wall: (i64, i64),
    /// The same in true time.
    pub real: (i64, i64),
}

/// What came between the daemon and the API in a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Something may have been done that the daemon did not hear of, or could not note.
    Doubt,
    /// Some of what was asked was not done, or late.
    Refusals,
    Nothing,
}

impl Between {
    pub const ALL: [Self; 3] = [Self::Doubt, Self::Refusals, Self::Nothing];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Doubt => "in doubt of what was done",
            Self::Refusals => "all that was done was heard of",
            Self::Nothing => "nothing in the way",
        }
    }
}

/// All that is left of a life, for the checker.
#[derive(Debug, Clone)]
pub struct History {
    pub users: Vec<(String, Vec<Version>)>,
    pub evidence: Vec<Evidence>,
    /// As the launcher knows it, in order.
    pub unstarted: Vec<Unstarted>,
    /// How often a daemon started, its clock was set, or its rules changed.
    pub afresh: usize,
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
    /// Every end that was written, also such as were there already: the daemon's writes, one by one.
    pub written: Vec<Told>,
    pub between: Between,
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
    /// The API's `backups` in the end, and what was deleted there.
    pub records: Vec<Recorded>,
    pub removed: Vec<Recorded>,
    /// Plans that came with a trust.
    pub trusts: BTreeMap<String, String>,
    /// Keystone, for tokens by them; in order.
    pub asked: Vec<Asked>,
    /// When the daemon could not do all that it should: dead, asleep, without a disk (true time).
    pub troubles: Vec<(i64, i64)>,
    pub shadows: Vec<Shadow>,
    /// When (true time) the wall clock was set, and how far ahead of the true time it has been since.
    pub clock: Vec<(i64, i64)>,
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
    back_off::check(history, &mut faults);
    windows::check(history, &mut faults);
    sessions::check(history, &mut faults);
    backups::check(history, &mut faults);
    trusts::check(history, &mut faults);
    on_time::check(history, &mut faults);
    once::check(history, &mut faults);
    missing(history, &mut faults);
    shadows(history, &mut faults);
    faults
}

/// Plans that are, or were, continuous.
fn continuous((id, versions): &(String, Vec<Version>)) -> Option<&String> {
    let mut plans = versions.iter().filter_map(|version| version.plan.as_ref());
    plans
        .any(|plan| plan.schedule.kind() == Kind::Continuous)
        .then_some(id)
}

/// One run for one due time, one at a time for one plan, none early, never more than the cap.
fn agents(history: &History, faults: &mut Vec<String>) {
    let continuous: BTreeSet<&String> = history.users.iter().filter_map(continuous).collect();
    let set_back = history.rules.set_back;
    let mut served: BTreeMap<(&String, i64), &Evidence> = BTreeMap::new();
    for seen in &history.evidence {
        let before = served.insert((&seen.job, seen.due), seen);
        // What is due as soon as it is over may be so in a second that comes round again.
        let stepped = |before: &Evidence| seen.began - before.began > seen.started - before.started;
        let again = |before: &Evidence| set_back > 600 && stepped(before) && continuous.contains(&seen.job);
        let fault = |before: &Evidence| !again(before) && !was_set_right(history, before, seen);
        if before.is_some_and(fault) {
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

/// What ran on a clock that was more than a day ahead was never due then. So it may be due again if the clock was set back by
/// more than a day since, in one step or in several, whatever it was set to in between: whoever finds that a plan's last run
/// lies more than a day ahead believes nothing of that time.
fn was_set_right(history: &History, before: &Evidence, seen: &Evidence) -> bool {
    let mut furthest = history.ahead_at(before.began);
    let since = |(at, _): &&(i64, i64)| before.began < *at && *at <= seen.began;
    history.clock.iter().filter(since).any(|(_, ahead)| {
        furthest = furthest.max(*ahead);
        furthest - ahead > 86_400
    })
}

impl History {
    /// How far the wall clock was ahead at this true time, in seconds.
    fn ahead_at(&self, time: i64) -> i64 {
        let steps = self.clock.iter().rfind(|(at, _)| *at <= time);
        steps.map_or(0, |(_, ahead)| *ahead)
    }

    /// The true time at which the wall clock first showed this, in seconds; the last one, if it never did.
    fn true_time(&self, wall: i64) -> i64 {
        let starts = std::iter::once((i64::MIN, 0)).chain(self.clock.iter().copied());
        let ends = self.clock.iter().map(|(at, _)| *at).chain([i64::MAX]);
        let shown = |((start, ahead), end): ((i64, i64), i64)| {
            let time = (wall - ahead).max(start);
            (time < end).then_some(time)
        };
        starts.zip(ends).find_map(shown).unwrap_or(wall)
    }
}

/// A plan that was disabled was of another dialect meanwhile, whose API keeps its own account of runs and backups. (Of one
/// that is gone the others tell the dialect.)
fn another_dialect(history: &History, id: &str) -> bool {
    let disabled = |version: &Version| version.hindered.contains(&Reason::Disabled);
    let was = |(user, versions): &(String, Vec<Version>)| {
        (user == id || !history.jobs.contains_key(id)) && versions.iter().any(disabled)
    };
    history.users.iter().any(was)
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

/// In shadow nothing starts.
fn shadows(history: &History, faults: &mut Vec<String>) {
    for seen in &history.evidence {
        let within = |shadow: &Shadow| shadow.real.0 < seen.began && seen.began < shadow.real.1;
        if history.shadows.iter().any(within) {
            faults.push(format!("{} started in shadow", seen.run));
        }
    }
}
