//! What cannot be started is not tried without end: a continuous plan is, less and less often.

use freezerd::schedule::Kind;

use super::{History, Version};

/// Tries of a plan until the pause between them is as long as it gets, and one that a death made void.
const UNTIL_LONGEST: usize = 12;
/// Less than the longest pause, in seconds.
const PAUSE: i64 = 256;

pub(super) fn check(history: &History, faults: &mut Vec<String>) {
    let continuous = |version: &Version| {
        let plan = version.plan.as_ref();
        plan.is_none_or(|plan| plan.schedule.kind() == Kind::Continuous)
    };
    for (id, versions) in &history.users {
        let tries = history.unstarted.iter().filter(|tried| tried.job == *id);
        let tries: Vec<i64> = tries.map(|tried| tried.at).collect();
        let ([first, .., last], true) = (&tries[..], versions.iter().all(continuous)) else {
            continue;
        };
        // Each of these may begin it anew.
        let ran = history.evidence.iter().filter(|seen| seen.job == *id).count();
        let times = 1 + ran + versions.len() + history.afresh;
        let most = times * UNTIL_LONGEST + usize::try_from((last - first) / PAUSE).expect("in order");
        if tries.len() > most {
            faults.push(format!(
                "{id} could not be started and was tried {} times, {most} at most would do",
                tries.len()
            ));
        }
    }
}
