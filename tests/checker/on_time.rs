//! What could start did: nothing waits for another plan's trouble, or for the API's.

use freezerd::plan::ProjectId;
use freezerd::schedule::Kind;

use super::{Evidence, History, Version};

/// Longer than anything takes that a start waits for on a node in order: the API is asked for 30 seconds at most.
const SOON: i64 = 120;
/// How long after a trouble everything goes its way again.
const AFTER: i64 = 90;

pub(super) fn check(history: &History, faults: &mut Vec<String>) {
    // By a clock that was set, what is due is not what was due.
    if history.rules.stepped {
        return;
    }
    for seen in &history.evidence {
        let waits = seen.began - seen.due;
        if waits > SOON && plain(history, seen) && could_start(history, seen) {
            faults.push(format!("{} started {waits} s late, for nothing", seen.run));
        }
    }
}

/// A plan that was known when it was due, and waits for no window, no session, and no agent.
fn plain(history: &History, seen: &Evidence) -> bool {
    let free = !history.windows.contains_key(&seen.job)
        && !history.members.contains(&seen.job)
        && !history.unstarted.iter().any(|tried| tried.job == seen.job);
    let user = history.users.iter().find(|(id, _)| *id == seen.job);
    let versions = user.map_or(&[][..], |(_, versions)| versions);
    let last = versions.iter().rev().find(|version| version.from <= seen.due);
    let known = |version: &Version| {
        let kind = version.plan.as_ref().map(|plan| plan.schedule.kind());
        let arises = matches!(kind, None | Some(Kind::Continuous | Kind::Once));
        !arises && version.known.is_some_and(|known| known < seen.due)
    };
    free && last.is_some_and(known)
}

/// Whether there was a time, between when it was due and when it started, with no trouble and with a free place, for so
/// long that it should have.
fn could_start(history: &History, seen: &Evidence) -> bool {
    let last = seen.began - SOON;
    let over = history.evidence.iter().filter_map(Evidence::over);
    let ends = history.troubles.iter().map(|(_, until)| until + AFTER);
    let times = [seen.due + 1]
        .into_iter()
        .chain(over.map(|over| over + 1))
        .chain(ends);
    times
        .filter(|at| (seen.due..=last).contains(at))
        .any(|at| is_free(history, seen, at, at + SOON))
}

fn is_free(history: &History, seen: &Evidence, from: i64, to: i64) -> bool {
    let trouble = |(since, until): &(i64, i64)| *since <= to && until + AFTER > from;
    if history.troubles.iter().any(trouble) {
        return false;
    }
    let runs = |other: &&Evidence| other.began <= to && other.over().is_none_or(|over| over >= from);
    let running: Vec<&Evidence> = history.evidence.iter().filter(runs).collect();
    let places = history.rules.max_concurrent;
    // The last one of several is kept from a project that holds all the others, where there is another one.
    let own = |job: &str| project(history, job) == project(history, &seen.job);
    let alone = running.iter().all(|other| own(&other.job)) && history.users.iter().any(|(id, _)| !own(id));
    let places = places - usize::from(alone && places > 1);
    running.len() < places && running.iter().all(|other| other.job != seen.job)
}

/// Whose a plan is.
fn project<'a>(history: &'a History, job: &str) -> Option<&'a ProjectId> {
    let (_, versions) = history.users.iter().find(|(id, _)| id == job)?;
    let mut plans = versions.iter().filter_map(|version| version.plan.as_ref());
    plans.next()?.project.as_ref()
}
