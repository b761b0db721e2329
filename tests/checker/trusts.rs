//! A plan with a trust runs by that trust, or not at all; and only where Keystone does not refuse it.

use super::{Asked, Given, History, Refusal};

/// How long a refusal is believed, in seconds.
const BELIEVED: i64 = 60;

/// How long a run waits for an answer, in seconds.
const PATIENCE: i64 = 30;

pub(super) fn check(history: &History, faults: &mut Vec<String>) {
    for seen in &history.evidence {
        let trust = history.trusts.get(&seen.job);
        if seen.trust.as_ref() != trust || seen.project == trust.is_some() {
            faults.push(format!(
                "{} acted by {:?}, and its plan came with {trust:?}",
                seen.run, seen.trust
            ));
        }
        let Some(trust) = trust else {
            if history.rules.central {
                faults.push(format!("{} ran in no user's name", seen.run));
            }
            continue;
        };
        let by_then = |asked: &&Asked| asked.trust == *trust && asked.at <= seen.began;
        // In the very second it may have been given back, or taken, since.
        let last = history.asked.iter().rev().find(by_then);
        // What was asked for this run may be older than what another asked meanwhile.
        let lately = |asked: &Asked| asked.at >= seen.began - PATIENCE && asked.given != Given::Refused;
        let else_said = history.asked.iter().filter(by_then).any(lately);
        if last.is_some_and(|last| last.given == Given::Refused && last.at < seen.began) && !else_said {
            faults.push(format!("{} ran by a trust that Keystone had refused", seen.run));
        }
    }
    for tried in history
        .unstarted
        .iter()
        .filter(|tried| tried.by == Refusal::Trust)
    {
        let trust = history.trusts.get(&tried.job);
        let refused = |asked: &Asked| {
            let lately = asked.at <= tried.at && awake(history, asked.at, tried.at) <= BELIEVED;
            Some(&asked.trust) == trust && asked.given == Given::Refused && lately
        };
        if !history.asked.iter().any(refused) {
            faults.push(format!(
                "{} failed for its trust, which Keystone had not refused",
                tried.run
            ));
        }
    }
}

/// How much of the time from then to then the node was not asleep, or in other trouble.
fn awake(history: &History, from: i64, to: i64) -> i64 {
    let asleep = |(since, until): &(i64, i64)| (to.min(*until) - from.max(*since)).max(0);
    to - from - history.troubles.iter().map(asleep).sum::<i64>()
}

/// Why a due time of `id` was not skipped for want of a trust.
pub(super) fn untrue(history: &History, id: &str) -> Option<&'static str> {
    if !history.rules.central {
        return Some("nobody asks for a trust");
    }
    history.trusts.contains_key(id).then_some("it came with a trust")
}
