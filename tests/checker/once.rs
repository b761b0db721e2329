//! What the API took, and the daemon could hear and note, is not told again; and where nothing is in the way, each end is
//! told: once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freezerd::planner::{Admission, RunRecord, RunState};

use super::{Between, History, Said, Told, another_dialect, outcomes};

pub(super) fn check(history: &History, faults: &mut Vec<String>) {
    if history.between == Between::Doubt {
        return;
    }
    reports(history, faults);
    sessions(history, faults);
    records(history, faults);
}

fn reports(history: &History, faults: &mut Vec<String>) {
    let mut written: BTreeMap<&Told, u32> = BTreeMap::new();
    for one in &history.written {
        *written.entry(one).or_default() += 1;
    }
    for (one, times) in &written {
        let most = outcomes::ends_at(history, one);
        if *times > most {
            faults.push(format!("{}: an end was written {times} times: {one:?}", one.job));
        }
    }
    if history.between == Between::Refusals {
        return;
    }
    for run in history.runs.values() {
        let id = run.job.as_str();
        let there = history.jobs.contains_key(id) && history.plans.contains(id);
        let (true, false, Some(ended), RunState::Done(outcome)) =
            (there, another_dialect(history, id), run.ended, run.state)
        else {
            continue;
        };
        let one = Told {
            job: id.to_owned(),
            ended: ended.timestamp(),
            result: outcomes::result(outcome).to_owned(),
        };
        // Only the newest report of a plan waits: in the second in which a run ended the next one may have started, or
        // failed to.
        let at = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp());
        let began = |next: &RunRecord| at(next.started.or(next.ended));
        let overtaken = |next: &RunRecord| next.job == run.job && began(next) == at(run.ended);
        let overtaken = history
            .runs
            .values()
            .any(|next| next.id != run.id && overtaken(next));
        if !overtaken && !written.contains_key(&one) {
            faults.push(format!("{} ended, and its job was never told: {one:?}", run.id));
        }
    }
}

/// Each round that a plan joined it ends once, and what ran without its session tells how it ended, too: once.
fn sessions(history: &History, faults: &mut Vec<String>) {
    let alone = |run: &&RunRecord| {
        let mine = run.session.as_deref();
        mine.is_some_and(|mine| mine.admission == Admission::Alone)
    };
    for job in &history.members {
        let of_job = history.runs.values().filter(|run| run.job.as_str() == job);
        let alone = u32::try_from(of_job.filter(alone).count()).expect("few");
        let mut rounds: Vec<(i64, u32)> = Vec::new();
        for spoken in history.spoken.iter().filter(|spoken| spoken.job == *job) {
            match (&spoken.said, rounds.last_mut()) {
                (Said::Joined(tag), _) => rounds.push((*tag, 0)),
                (Said::Ended(_), Some((_, ends))) => *ends += 1,
                _ => {}
            }
        }
        let calm = history.between == Between::Nothing;
        for (tag, ends) in &rounds {
            if *ends > 1 + alone || (*ends == 0 && calm) {
                faults.push(format!("{job}: its session was told {ends} ends of round {tag}"));
            }
        }
        let all: u32 = rounds.iter().map(|(_, ends)| ends).sum();
        let most = alone + u32::try_from(rounds.len()).expect("few");
        if all > most {
            faults.push(format!(
                "{job}: its session was told {all} ends, and there were {most}"
            ));
        }
    }
}

/// Only an answer that was lost leads to two records, one of which goes.
fn records(history: &History, faults: &mut Vec<String>) {
    let mark = |record: &super::Recorded| record.metadata["freezerd_run"].clone();
    for record in &history.removed {
        if history.records.iter().any(|other| mark(other) == mark(record)) {
            faults.push(format!("the record {} was one too many", record.id));
        }
    }
}
