//! What the state directory knows of runs when the ledger does not: their traces name them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;

use crate::planner::RunId;

use super::event::ASKED;
use super::run_dir::{RUNS, RunDir, read_json};

/// A run of which there are traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Which.
    pub run: RunId,
    /// Its plan's id. (Of an odd id, if a power cut took the note of it, only the digest that stands in the run's name.)
    pub job: String,
    /// The due time it serves.
    pub due: DateTime<Utc>,
}

/// The part of a recipe that names the plan.
#[derive(Deserialize)]
struct Named {
    environment: BTreeMap<String, String>,
}

/// The part of a trace that names the plan.
#[derive(Deserialize)]
struct Asked {
    job: String,
}

/// The names of all runs that have traces in this directory, by whatever launcher.
///
/// # Errors
/// When it cannot be read; that nothing is there is fine.
pub fn traced(state_dir: &Path) -> std::io::Result<BTreeSet<RunId>> {
    let mut all = BTreeSet::new();
    for (folder, suffix) in [(RUNS, ""), (ASKED, ".json")] {
        for name in names(&state_dir.join(folder))? {
            let run = name.strip_suffix(suffix).and_then(due_of).map(|(run, ..)| run);
            all.extend(run);
        }
    }
    Ok(all)
}

/// A run's id, what stands before its due time in it, and that; `None`: it is no run's.
fn due_of(name: &str) -> Option<(RunId, &str, DateTime<Utc>)> {
    let (stem, stamp) = name.rsplit_once('-')?;
    let due = NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").ok()?;
    Some((RunId::from_stored(name.to_owned()), stem, due.and_utc()))
}

/// What is in a folder, if there is one; names that are no text are none of ours.
fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(problem) => return Err(problem),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

/// Every run that has traces below these directories, whatever became of it. What does not look like a run is
/// passed over.
///
/// # Errors
/// When the directory cannot be read; that there is none is fine.
pub fn left(state_dir: &Path, runtime_dir: &Path) -> std::io::Result<Vec<Left>> {
    let (state_runs, runtime_runs) = (state_dir.join(RUNS), runtime_dir.join(RUNS));
    let mut all = Vec::new();
    for name in names(&state_runs)? {
        let Some((run, stem, due)) = due_of(&name) else {
            continue;
        };
        let Ok(dir) = RunDir::of_run(&state_runs, &runtime_runs, &run) else {
            continue;
        };
        let named: Option<Named> = read_json(&dir.recipe()).ok();
        let job = named.and_then(|named| named.environment.get("FREEZERD_JOB_ID").cloned());
        // Once it was taken its recipe is gone.
        let job = job.or_else(|| Some(dir.read_claim()?.job?.as_str().to_owned()));
        all.push(Left {
            run,
            job: job.unwrap_or_else(|| stem.to_owned()),
            due,
        });
    }
    // Those that run elsewhere.
    let asked = state_dir.join(ASKED);
    for name in names(&asked)? {
        if let Some((run, stem, due)) = name.strip_suffix(".json").and_then(due_of) {
            let trace: Option<Asked> = read_json(&asked.join(&name)).ok();
            all.push(Left {
                run,
                job: trace.map_or_else(|| stem.to_owned(), |trace| trace.job),
                due,
            });
        }
    }
    all.sort_by(|a, b| a.run.cmp(&b.run));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{left, traced};

    #[test]
    fn traces_name_their_runs() {
        let bed = tempfile::tempdir().expect("a folder");
        let (state, runtime) = (bed.path().join("state"), bed.path().join("runtime"));
        assert_eq!(left(&state, &runtime).expect("none"), []);
        for name in [
            "a-b-20260301T010203Z",
            "xdigest-20260301T010203Z",
            ".gone-a",
            "odd",
        ] {
            fs::create_dir_all(state.join("runs").join(name)).expect("a folder");
        }
        let recipe = runtime.join("runs/xdigest-20260301T010203Z");
        fs::create_dir_all(&recipe).expect("a folder");
        let text = r#"{"environment": {"FREEZERD_JOB_ID": "ödd id"}, "more": 1}"#;
        fs::write(recipe.join("recipe.json"), text).expect("written");
        let taken = state.join("runs/xtaken-20260301T010203Z");
        fs::create_dir(&taken).expect("a folder");
        fs::write(taken.join("lock"), r#"{"pid": 7, "kill_grace": 1, "job": "a.b"}"#).expect("written");
        let found = left(&state, &runtime).expect("three");
        let jobs: Vec<_> = found
            .iter()
            .map(|left| (left.run.as_str(), left.job.as_str()))
            .collect();
        assert_eq!(
            jobs,
            [
                ("a-b-20260301T010203Z", "a-b"),
                ("xdigest-20260301T010203Z", "ödd id"),
                ("xtaken-20260301T010203Z", "a.b")
            ]
        );
        assert_eq!(found[0].due.to_rfc3339(), "2026-03-01T01:02:03+00:00");

        fs::create_dir(state.join("asked")).expect("a folder");
        for name in ["c-20260301T010203Z.json", "c-20260301T010204Z", "odd.json"] {
            fs::write(state.join("asked").join(name), "").expect("written");
        }
        let trace = r#"{"job": "ü c", "more": 1}"#;
        fs::write(state.join("asked/xc-20260301T010205Z.json"), trace).expect("written");
        let found = left(&state, &runtime).expect("five");
        let jobs: Vec<_> = found.iter().map(|left| left.job.as_str()).collect();
        assert_eq!(jobs, ["a-b", "c", "ü c", "ödd id", "a.b"]);
        let all = traced(&state).expect("all");
        let all: Vec<_> = all.iter().map(|run| run.as_str()).collect();
        assert_eq!(
            all,
            [
                "a-b-20260301T010203Z",
                "c-20260301T010203Z",
                "xc-20260301T010205Z",
                "xdigest-20260301T010203Z",
                "xtaken-20260301T010203Z"
            ]
        );
    }
}
