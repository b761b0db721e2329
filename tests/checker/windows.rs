//! Nothing starts outside its window, and what was skipped for that was outside.

use std::sync::Arc;

use freezerd::planner::{Outside, Window};
use freezerd::schedule::{DueTime, Zone};

use super::History;

fn is_open(window: &Window, at: i64, zone: &Arc<Zone>) -> bool {
    let at = DueTime::from_epoch(at);
    window.windows.opens(at, zone).is_some_and(|opens| opens <= at)
}

pub(super) fn check(history: &History, faults: &mut Vec<String>) {
    for seen in &history.evidence {
        let Some(window) = history.windows.get(&seen.job) else {
            continue;
        };
        // Data that was replaced in this very second may have been the old or the new.
        let ended = |at: usize| history.zones.get(at + 1).map_or(i64::MAX, |(until, _)| *until);
        let mut in_force = history
            .zones
            .iter()
            .enumerate()
            .filter(|(at, (since, _))| *since <= seen.began && seen.began <= ended(*at));
        if !in_force.any(|(_, (_, zone))| is_open(window, seen.started, zone)) {
            faults.push(format!("{} started outside its window", seen.run));
        }
    }
}

/// Why a due time of `id` was not skipped, at `decided`, for being outside its window.
pub(super) fn untrue(history: &History, id: &str, decided: i64) -> Option<&'static str> {
    let Some(window) = history.windows.get(id) else {
        return Some("it may run at any time");
    };
    if window.outside == Outside::Wait {
        return Some("it waits for its window");
    }
    let shut = |(_, zone): &(i64, Arc<Zone>)| !is_open(window, decided, zone);
    (!history.zones.iter().any(shut)).then_some("its window was open")
}
