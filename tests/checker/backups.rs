//! What agents said of their backups is in the API's `backups`: one record each, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use freezerd::planner::{Outcome, RunState};
use serde_json::{Map, Value};

use super::{Evidence, History, Recorded, another_dialect};

/// What one step's agent said.
struct Said<'a> {
    seen: &'a Evidence,
    object: Map<String, Value>,
}

impl Said<'_> {
    /// It tells of a backup, not only of deleted ones.
    fn is_backup(&self) -> bool {
        self.object.contains_key("action") || self.object.contains_key("backup_id")
    }

    fn deleted(&self) -> impl Iterator<Item = &str> {
        let ids = self.object.get("deleted_freezer_backup_ids");
        ids.and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }
}

fn mark(record: &Recorded) -> &str {
    record.metadata["freezerd_run"].as_str().unwrap_or_default()
}

/// By the marks that their records bear. A run that ran again says so again.
fn said(history: &History) -> BTreeMap<String, Vec<Said<'_>>> {
    let mut said: BTreeMap<String, Vec<Said<'_>>> = BTreeMap::new();
    for seen in &history.evidence {
        for (step, text) in seen.said.iter().enumerate() {
            if let Ok(Value::Object(object)) = serde_json::from_str(text) {
                let mark = format!("{}/{step}", seen.run);
                said.entry(mark).or_default().push(Said { seen, object });
            }
        }
    }
    said
}

pub(super) fn check(history: &History, faults: &mut Vec<String>) {
    let said = said(history);
    let mut records: BTreeMap<&str, Vec<&Recorded>> = BTreeMap::new();
    for record in &history.records {
        records.entry(mark(record)).or_default().push(record);
    }
    let all = || said.values().flatten();
    let deleted: BTreeSet<&str> = all().flat_map(Said::deleted).collect();
    let untold = |said: &&Said<'_>| another_dialect(history, &said.seen.job);
    let told_of: BTreeSet<&str> = all()
        .filter(|said| !untold(said))
        .flat_map(Said::deleted)
        .collect();
    for record in &history.records {
        if told_of.contains(record.id.as_str()) {
            faults.push(format!(
                "the record {} stays, and its backup is deleted",
                record.id
            ));
        }
        let told = said.get(mark(record)).map_or(&[][..], Vec::as_slice);
        if let Some(fault) = untrue(history, record, told) {
            faults.push(format!("the record {}: {fault}: {record:?}", record.id));
        }
    }
    for (mark, told) in &said {
        let backups = told.iter().filter(|told| told.is_backup()).count();
        let of_it = records.get(mark.as_str()).map_or(&[][..], Vec::as_slice);
        let there = of_it
            .iter()
            .filter(|record| !came_to_nothing(record, told))
            .count();
        let gone = |record: &&Recorded| self::mark(record) == mark && deleted.contains(record.id.as_str());
        let gone = history.removed.iter().filter(gone).count();
        // Where the clock was set back so far that a run was void, nobody need know of what it said the first time.
        let void =
            history.rules.set_back > 600 && told.len() > 1 || !history.runs.contains_key(&told[0].seen.run);
        let fewest = if void || untold(&&told[0]) { 0 } else { backups };
        if !void && gone > 0 && there + gone > backups.max(1) {
            faults.push(format!(
                "{mark}: its backup was deleted, and a record of it made anew"
            ));
        }
        if there + gone < fewest || there > backups.max(if void { told.len() } else { 1 }) {
            faults.push(format!(
                "{mark}: its agent told of {backups} backups, and {there} are recorded, {gone} were deleted"
            ));
        }
    }
    for record in &history.removed {
        // Of two that an answer that was lost has led to, one is left.
        let left = records.contains_key(mark(record))
            || history.removed.iter().any(|other| {
                mark(other) == mark(record) && other.id != record.id && deleted.contains(other.id.as_str())
            });
        if !deleted.contains(record.id.as_str()) && !left {
            faults.push(format!(
                "the record {} is gone, and nobody deleted its backup",
                record.id
            ));
        }
    }
    for (mark, of_it) in &records {
        let told = said.get(*mark).map_or(&[][..], Vec::as_slice);
        let nothing = |record: &&&Recorded| !came_to_nothing(record, told);
        let there = of_it.iter().filter(nothing).count();
        if there > told.len().max(1) {
            faults.push(format!("{mark} has {there} records"));
        }
    }
}

/// As its agent said it, but for what is ours.
fn is_as_said(record: &Recorded, said: &Said<'_>) -> bool {
    let mut all = said.object.iter().filter(|(key, _)| *key != "backup_id");
    said.is_backup() && all.all(|(key, value)| key == "status" || record.metadata[key] == *value)
}

/// It was made before a backup that was not made: its run was withdrawn, and perhaps decided anew.
fn came_to_nothing(record: &Recorded, told: &[Said<'_>]) -> bool {
    record.status.as_deref() == Some("error")
        && record.metadata["mode"] == "cindernative"
        && !told.iter().any(|said| is_as_said(record, said))
}

/// Why a record is not what it should be.
fn untrue(history: &History, record: &Recorded, told: &[Said<'_>]) -> Option<String> {
    let (run, _) = mark(record).rsplit_once('/').unwrap_or_default();
    let job = record.metadata["job_id"].as_str().unwrap_or_default();
    if !run.starts_with(job) || run.is_empty() || !history.users.iter().any(|(id, _)| id == job) {
        return Some("it is of no run".to_owned());
    }
    let document = history.jobs.get(job).map(|document| &document["project_id"]);
    if document.is_some_and(|project| *project != record.project) {
        return Some(format!("it is not in the project of {job}"));
    }
    let status = record.status.as_deref();
    if status == Some("creating") {
        return Some("it is still `creating`".to_owned());
    }
    if told.iter().any(|said| is_as_said(record, said)) {
        return None;
    }
    // Of what such a plan's agents say nothing is kept.
    let told = if another_dialect(history, job) {
        &[][..]
    } else {
        told
    };
    if told.iter().any(Said::is_backup) && came_to_nothing(record, told) {
        return None;
    }
    if told.iter().any(Said::is_backup) {
        return Some("its agent said otherwise".to_owned());
    }
    // It was made before its backup, of which no agent said anything.
    let state = history.runs.values().find(|known| known.id.as_str() == run);
    let succeeded = state.is_some_and(|run| run.state == RunState::Done(Outcome::Success));
    let expected = if succeeded { "available" } else { "error" };
    if record.metadata["mode"] != "cindernative" {
        return Some("no agent said so".to_owned());
    }
    let again = history.rules.set_back > 600;
    (status != Some(expected) && !again).then(|| format!("nothing is known of its backup but `{expected}`"))
}
