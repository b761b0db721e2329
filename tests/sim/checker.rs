//! The checker: what must be true of any life, from what users did, what agents saw, and the ledger.
//! It shares no decision with the planner; of the code under test it uses only the schedules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freezerd::planner::{CatchUp, Outcome, Reason, RunId, RunState, Verdict, VerdictRecord};
use freezerd::schedule::{DueTime, Timetable, Zone};

use super::machine::Evidence;
use super::story::{Life, Version};

/// Everything that is wrong with a life.
pub fn check(life: &Life) -> Vec<String> {
    let mut faults = Vec::new();
    agents(life, &mut faults);
    for (id, versions) in &life.users {
        verdicts(life, id, versions, &mut faults);
    }
    outcomes(life, &mut faults);
    faults
}

/// One run for one due time, one at a time for one plan, none early, never more than the cap.
fn agents(life: &Life, faults: &mut Vec<String>) {
    let mut served = BTreeSet::new();
    for seen in &life.evidence {
        if !served.insert((&seen.job, seen.due)) {
            faults.push(format!("{} ran twice", seen.run));
        }
        if seen.started < seen.due {
            faults.push(format!("{} ran {} s early", seen.run, seen.due - seen.started));
        }
    }
    let mut in_order: Vec<&Evidence> = life.evidence.iter().collect();
    in_order.sort_by_key(|seen| seen.started);
    let mut running: Vec<&Evidence> = Vec::new();
    for one in in_order {
        running.retain(|other| other.over().is_none_or(|over| over > one.started));
        if running.iter().any(|other| other.job == one.job) {
            faults.push(format!("{} started while its plan still ran", one.run));
        }
        running.push(one);
        if running.len() > life.policy.max_concurrent {
            faults.push(format!("{} started above the cap", one.run));
        }
    }
}

struct Known<'a> {
    version: &'a Version,
    timetable: Timetable,
    /// When the next version was made, and when it was known at the latest.
    next: (i64, i64),
}

fn known(versions: &[Version]) -> Vec<Known<'_>> {
    let mut all = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let Some(plan) = version.plan.clone() else {
            continue;
        };
        let anchor = DueTime::floor(plan.created.expect("a creation time"));
        let timetable = Timetable::new(plan.schedule, Arc::new(Zone::utc()), anchor);
        let made = versions.get(index + 1).map_or(i64::MAX, |next| next.from);
        let known = versions
            .iter()
            .skip(index + 1)
            .find_map(|next| next.known)
            .unwrap_or(i64::MAX);
        all.push(Known {
            version,
            timetable,
            next: (made, known),
        });
    }
    all
}

/// The due times of a verdict: by the version of the plan under which it could have been given.
fn due_times(record: &VerdictRecord, versions: &[Known<'_>]) -> Option<Vec<i64>> {
    versions.iter().find_map(|known| {
        if record.first.epoch() <= known.version.from || record.last.epoch() > known.next.1 {
            return None;
        }
        let mut times = Vec::new();
        let mut after = record.first.plus(-1);
        while let Some(next) = known.timetable.next(after).filter(|next| next.due <= record.last) {
            times.push(next.due.epoch());
            after = next.due;
        }
        let whole =
            times.first() == Some(&record.first.epoch()) && times.last() == Some(&record.last.epoch());
        (whole && times.len() as u64 == record.count).then_some(times)
    })
}

/// Every due time has exactly one verdict, and what it says is true.
fn verdicts(life: &Life, id: &str, versions: &[Version], faults: &mut Vec<String>) {
    let known = known(versions);
    let mut given: BTreeMap<i64, &VerdictRecord> = BTreeMap::new();
    for record in life
        .shelf
        .verdicts
        .values()
        .filter(|record| record.job.as_str() == id)
    {
        let Some(times) = due_times(record, &known) else {
            faults.push(format!(
                "{id}: no version of the plan has these due times: {record:?}"
            ));
            continue;
        };
        for time in times {
            if let Some(other) = given.insert(time, record) {
                faults.push(format!("{id}: {time} has two verdicts: {other:?} and {record:?}"));
            }
        }
        if let Some(fault) = untrue(life, record, versions) {
            faults.push(format!("{id}: {fault}: {record:?}"));
        }
    }
    let end = life.shelf.polled.map_or(0, |polled| polled.timestamp());
    for known in &known {
        let Some(since) = known.version.known else {
            continue;
        };
        let until = known.next.0.min(end);
        let mut after = DueTime::from_epoch(since);
        while let Some(next) = known
            .timetable
            .next(after)
            .filter(|next| next.due.epoch() <= until)
        {
            if !given.contains_key(&next.due.epoch()) {
                faults.push(format!("{id}: {} has no verdict", next.due));
            }
            after = next.due;
        }
    }
}

/// Why a verdict is not true.
fn untrue(life: &Life, record: &VerdictRecord, versions: &[Version]) -> Option<String> {
    let decided = record.decided.timestamp();
    let stopped = |stopped: bool| {
        versions
            .iter()
            .any(|one| one.stopped == stopped && one.from <= decided)
    };
    match &record.verdict {
        Verdict::Run(run) => {
            (!life.shelf.runs.contains_key(run)).then(|| "its run is not in the ledger".to_owned())
        }
        Verdict::Coalesced(run) => {
            // The due time it names has a verdict of its own, even if its run was withdrawn later.
            let stamp = run.as_str().rsplit('-').next().unwrap_or_default();
            let due = chrono::NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").expect("a run's name");
            let due = DueTime::floor(due.and_utc());
            let served = life.shelf.verdicts.contains_key(&(record.job.clone(), due));
            (!served).then(|| "it is coalesced into nothing".to_owned())
        }
        Verdict::Skipped(Reason::Overlap) => {
            let overlaps = life.shelf.runs.values().any(|run| {
                run.job == record.job
                    && run.queued.timestamp() <= decided
                    && run.ended.is_none_or(|ended| {
                        ended.timestamp() >= decided || run.state == RunState::Done(Outcome::Lost)
                    })
            });
            (!overlaps).then(|| "nothing of its plan ran then".to_owned())
        }
        Verdict::Skipped(Reason::Expired) => match life.policy.catch_up {
            CatchUp::Within(seconds) if decided - record.last.epoch() > seconds => None,
            _ => Some("it was not too late".to_owned()),
        },
        Verdict::Skipped(Reason::Stopped) => (!stopped(true)).then(|| "it was never stopped".to_owned()),
        Verdict::Skipped(Reason::Superseded) => {
            let edited = versions.iter().skip(1).any(|one| one.from <= decided);
            (!edited).then(|| "it was never edited or removed".to_owned())
        }
        Verdict::Skipped(reason) => Some(format!("{reason:?} cannot be in this world")),
    }
}

/// Every agent's end is in the ledger as it was, once, and was reported once.
fn outcomes(life: &Life, faults: &mut Vec<String>) {
    let evidence: BTreeMap<&RunId, &Evidence> = life.evidence.iter().map(|seen| (&seen.run, seen)).collect();
    let mut told: BTreeMap<&RunId, u32> = BTreeMap::new();
    for (_, run, report) in &life.shelf.reports {
        if let (Some(run), false) = (run, report.result.as_deref().unwrap_or_default().is_empty()) {
            *told.entry(run).or_default() += 1;
        }
    }
    for run in life.shelf.runs.values() {
        let seen = evidence.get(&run.id).copied();
        let expected = match seen {
            None => None,
            Some(Evidence {
                ended: Some((_, outcome)),
                ..
            }) => Some(*outcome),
            Some(Evidence { crashed: Some(_), .. }) => Some(Outcome::Lost),
            Some(_) => None,
        };
        let RunState::Done(outcome) = run.state else {
            faults.push(format!("{} never ended: {:?}", run.id, run.state));
            continue;
        };
        if Some(outcome) != expected {
            faults.push(format!(
                "{} is {outcome:?} in the ledger, but its agent saw {expected:?}",
                run.id
            ));
        }
        let there = life.shelf.plans.contains_key(&run.job);
        let told = told.get(&run.id).copied().unwrap_or_default();
        if told > 1 || (told == 0 && there) {
            faults.push(format!("{} was reported {told} times", run.id));
        }
    }
    for seen in &life.evidence {
        if !life.shelf.runs.contains_key(&seen.run) {
            faults.push(format!("{} ran and is not in the ledger", seen.run));
        }
    }
}
