//! Every agent's end is in the ledger as it was, and the API was told of it, once.

use std::collections::BTreeMap;

use freezerd::planner::{Outcome, RunId, RunState};
use serde_json::Value;

use super::{Evidence, History};

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
        let expected = evidence.get(&run.id).and_then(|seen| match seen.ended {
            Some((_, outcome)) => Some(outcome),
            None => seen.crashed.map(|_| Outcome::Lost),
        });
        if Some(outcome) != expected {
            faults.push(format!(
                "{} is {outcome:?} in the ledger, but its agent saw {expected:?}",
                run.id
            ));
        }
    }
    for seen in &history.evidence {
        if !history.runs.contains_key(&seen.run) {
            faults.push(format!("{} ran and is not in the ledger", seen.run));
        }
    }
}

/// The end of every run was put into the outbox once, and nothing waits there for ever.
pub(super) fn reports(history: &History, faults: &mut Vec<String>) {
    let mut put: BTreeMap<&RunId, u32> = BTreeMap::new();
    for run in &history.reports {
        *put.entry(run).or_default() += 1;
    }
    for run in history.runs.values() {
        let there = history.plans.contains(run.job.as_str());
        let times = put.get(&run.id).copied().unwrap_or_default();
        if times > 1 || (times == 0 && there) {
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
        if *times == 2 {
            faults.push(format!("{}: the API was told twice of one end: {one:?}", one.job));
        }
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
        let last = of_job.max_by_key(|seen| seen.over());
        let last = last.and_then(|seen| history.runs.get(&seen.run));
        let Some(RunState::Done(outcome)) = last.map(|run| run.state) else {
            continue;
        };
        let result = match outcome {
            Outcome::Success => "success",
            Outcome::Aborted => "aborted",
            Outcome::Fail | Outcome::Lost => "fail",
        };
        let ended = last.and_then(|run| run.ended).map(|at| at.timestamp());
        let said = &job["job_schedule"];
        let right = said["result"] == result && said["time_ended"].as_i64() == ended;
        if !right && !history.wiped.contains(id) && history.plans.contains(id) {
            faults.push(format!(
                "{id}: its last run ended as {result} at {ended:?}, and the API says {said}"
            ));
        }
    }
}
