//! Every agent's end is in the ledger as it was, and the API was told of it, once.

use std::collections::BTreeMap;

use freezerd::planner::{Outcome, RunId, RunRecord, RunState, VerdictRecord};
use serde_json::Value;

use super::{Evidence, History, Refusal, Told, another_dialect};

/// The keys of a `job_schedule` that the daemon writes.
const OURS: [&str; 6] = [
    "status",
    "result",
    "event",
    "time_started",
    "time_ended",
    "current_pid",
];

/// Every run is over, and ended as its agent saw it; `lost` needs a crash.
pub(super) fn ends(history: &History, faults: &mut Vec<String>) {
    let evidence: BTreeMap<&RunId, &Evidence> =
        history.evidence.iter().map(|seen| (&seen.run, seen)).collect();
    for run in history.runs.values() {
        let RunState::Done(outcome) = run.state else {
            faults.push(format!("{} never ended: {:?}", run.id, run.state));
            continue;
        };
        let seen = evidence.get(&run.id);
        let unstarted = history.unstarted.iter().rev().find(|tried| tried.run == run.id);
        let expected = match (seen, unstarted) {
            (seen, Some(tried)) if seen.is_none_or(|seen| seen.began < tried.at) => Some(Outcome::Fail),
            (seen, _) => seen.and_then(|seen| match seen.ended {
                Some((_, outcome)) => Some(outcome),
                None => seen.crashed.map(|_| Outcome::Lost),
            }),
        };
        if Some(outcome) != expected && !aborted_first(history, run) {
            faults.push(format!(
                "{} is {outcome:?} in the ledger, but its agent saw {expected:?}",
                run.id
            ));
        }
    }
    for seen in &history.evidence {
        // What ran on a clock that was more than a day ahead was never due; when it is, it may be withdrawn.
        let due = |record: &&VerdictRecord| {
            let times = record.first.epoch()..=record.last.epoch();
            record.job.as_str() == seen.job && times.contains(&seen.due)
        };
        let void = history.rules.set_back > 86_400 && history.verdicts.iter().any(|record| due(&record));
        if !history.runs.contains_key(&seen.run) && !void {
            faults.push(format!("{} ran and is not in the ledger", seen.run));
        }
    }
}

/// A run that its user aborted while the API was asked for what it needs.
fn aborted_first(history: &History, run: &RunRecord) -> bool {
    let user = history.users.iter().find(|(id, _)| id == run.job.as_str());
    let stopped = user.is_some_and(|(_, versions)| versions.iter().any(|version| version.stopped));
    let started = history.evidence.iter().any(|seen| seen.run == run.id);
    let by_launcher = |tried: &super::Unstarted| tried.run == run.id && tried.by == Refusal::Launcher;
    run.state == RunState::Done(Outcome::Aborted)
        && stopped
        && !started
        && !history.unstarted.iter().any(by_launcher)
}

/// How often each run ran: once, but where the clock was set back far, and what ran was never due, or is due again.
fn ran(history: &History) -> BTreeMap<&RunId, u32> {
    let mut ran = BTreeMap::new();
    let seen = history.evidence.iter().map(|seen| &seen.run);
    // In a second that came round again its start may have failed again.
    let unstarted = history.unstarted.iter().map(|tried| &tried.run);
    let unstarted = unstarted.filter(|_| history.rules.set_back > 600);
    for run in seen.chain(unstarted) {
        *ran.entry(run).or_default() += 1;
    }
    ran
}

/// The end of every run was put into the outbox once, and nothing waits there for ever.
pub(super) fn reports(history: &History, faults: &mut Vec<String>) {
    let ran = ran(history);
    let mut put: BTreeMap<&RunId, u32> = BTreeMap::new();
    for run in &history.reports {
        *put.entry(run).or_default() += 1;
    }
    for run in history.runs.values() {
        let id = run.job.as_str();
        let there = history.plans.contains(id) && !another_dialect(history, id);
        let times = put.get(&run.id).copied().unwrap_or_default();
        let most = ran.get(&run.id).copied().unwrap_or_default().max(1);
        if times > most || (times == 0 && there) {
            faults.push(format!("{} was reported {times} times", run.id));
        }
    }
    if history.waiting > 0 {
        faults.push(format!("{} reports still wait", history.waiting));
    }
    let mut told = BTreeMap::new();
    for one in &history.told {
        let times: &mut u32 = told.entry(one).or_default();
        *times += 1;
        if *times == most(history, &ran, one) + 1 {
            faults.push(format!("{}: the API was told twice of one end: {one:?}", one.job));
        }
    }
}

/// How often the API may be told this.
fn most(history: &History, ran: &BTreeMap<&RunId, u32>, one: &Told) -> u32 {
    // One that ran again may have ended at the same time of that day again; and in the second in which one ended the
    // next may not have started.
    let of_job = || history.runs.values().filter(|run| run.job.as_str() == one.job);
    let again = of_job().filter_map(|run| ran.get(&run.id)).max();
    let ended = |run: &&RunRecord| run.ended.is_some_and(|at| at.timestamp() == one.ended);
    let ends = u32::try_from(of_job().filter(ended).count()).expect("few");
    again.map_or(ends, |again| ends.max(*again)).max(1)
}

/// The same, where it heard each time.
pub(super) fn ends_at(history: &History, one: &Told) -> u32 {
    most(history, &ran(history), one)
}

/// As the API has it.
pub(super) fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Aborted => "aborted",
        Outcome::Fail | Outcome::Lost => "fail",
    }
}

/// In the end every job says how its last run ended, and its schedule is what its user wrote last.
pub(super) fn documents(history: &History, faults: &mut Vec<String>) {
    for (id, job) in &history.jobs {
        let mut schedule = job["job_schedule"].clone();
        if let (Some(schedule), Some(wanted)) = (schedule.as_object_mut(), history.wanted.get(id)) {
            schedule.retain(|key, _| !OURS.contains(&key.as_str()));
            if Value::Object(schedule.clone()) != *wanted {
                faults.push(format!(
                    "{id}: its user wrote {wanted}, and the API has {schedule:?}"
                ));
            }
        }
        let of_job = history.evidence.iter().filter(|seen| seen.job == *id);
        let ends = of_job.map(|seen| (seen.over(), &seen.run));
        let unstarted = history.unstarted.iter().filter(|tried| tried.job == *id);
        let ends = ends.chain(unstarted.map(|tried| (Some(tried.at), &tried.run)));
        let last = ends.max_by_key(|(over, _)| *over);
        let last = last.and_then(|(_, run)| history.runs.get(run));
        let Some(RunState::Done(outcome)) = last.map(|run| run.state) else {
            continue;
        };
        let result = result(outcome);
        let ended = last.and_then(|run| run.ended).map(|at| at.timestamp());
        let said = &job["job_schedule"];
        let right = said["result"] == result && said["time_ended"].as_i64() == ended;
        let of_job = |run: &&RunRecord| run.job.as_str() == id;
        let aborted = history
            .runs
            .values()
            .filter(of_job)
            .any(|run| aborted_first(history, run));
        let aborted = aborted || another_dialect(history, id);
        if !right && !aborted && !history.wiped.contains(id) && history.plans.contains(id) {
            faults.push(format!(
                "{id}: its last run ended as {result} at {ended:?}, and the API says {said}"
            ));
        }
    }
}
