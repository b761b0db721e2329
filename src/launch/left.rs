//! What the state directory knows of runs when the ledger does not: their traces name them.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;

use crate::planner::RunId;

use super::run_dir::{RUNS, RunDir, read_json};

/// A run of which there are traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Which.
    pub run: RunId,
    /// Its plan's id. (Of an odd id, after a reboot, only the digest of it that stands in the run's name.)
    pub job: String,
    /// The due time it serves.
    pub due: DateTime<Utc>,
}

/// The part of a recipe that names the plan.
#[derive(Deserialize)]
struct Named {
    environment: BTreeMap<String, String>,
}

/// Every run that has traces below these directories, whatever became of it. What does not look like a run is
/// passed over.
///
/// # Errors
/// When the directory cannot be read; that there is none is fine.
pub fn left(state_dir: &Path, runtime_dir: &Path) -> std::io::Result<Vec<Left>> {
    let (state_runs, runtime_runs) = (state_dir.join(RUNS), runtime_dir.join(RUNS));
    let entries = match std::fs::read_dir(&state_runs) {
        Ok(entries) => entries,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(problem) => return Err(problem),
    };
    let mut all = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let Some((stem, stamp)) = name.to_str().and_then(|name| name.rsplit_once('-')) else {
            continue;
        };
        let Ok(due) = NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ") else {
            continue;
        };
        let run = RunId::from_stored(format!("{stem}-{stamp}"));
        let Ok(dir) = RunDir::of_run(&state_runs, &runtime_runs, &run) else {
            continue;
        };
        let named: Option<Named> = read_json(&dir.recipe()).ok();
        let job = named.and_then(|named| named.environment.get("FREEZERD_JOB_ID").cloned());
        all.push(Left {
            run,
            job: job.unwrap_or_else(|| stem.to_owned()),
            due: due.and_utc(),
        });
    }
    all.sort_by(|a, b| a.run.cmp(&b.run));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::left;

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
        let found = left(&state, &runtime).expect("two");
        let jobs: Vec<_> = found
            .iter()
            .map(|left| (left.run.as_str(), left.job.as_str()))
            .collect();
        assert_eq!(
            jobs,
            [
                ("a-b-20260301T010203Z", "a-b"),
                ("xdigest-20260301T010203Z", "ödd id")
            ]
        );
        assert_eq!(found[0].due.to_rfc3339(), "2026-03-01T01:02:03+00:00");
    }
}
