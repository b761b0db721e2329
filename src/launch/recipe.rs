//! What a run is to do: the daemon's word to the supervisor.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::JobId;
use crate::planner::RunId;

/// One action of a run, ready to be executed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Step {
    /// For messages: `backup fs`, or the like.
    pub label: String,
    /// The agent's INI, whole.
    pub ini: String,
    /// Further tries after a failed one.
    pub max_retries: u32,
    /// Seconds between tries.
    pub retry_after: u32,
    /// Runs although an earlier step failed.
    pub mandatory: bool,
}

/// All a supervisor needs to execute one run without the daemon. Holds secrets: 0600, runtime directory.
#[derive(Clone, Serialize, Deserialize)]
pub struct Recipe {
    /// Which run.
    pub run: RunId,
    /// Of which plan.
    pub job: JobId,
    /// The agent's path.
    pub agent: PathBuf,
    /// In order; none when the plan is started elsewhere.
    pub steps: Vec<Step>,
    /// Added to the agent's environment: `FREEZERD_JOB_ID`, `FREEZERD_RUN_ID`, `FREEZERD_DUE`, `OS_*`.
    pub environment: BTreeMap<String, String>,
    /// Left out of what the agent inherits from us.
    #[serde(default)]
    pub without: Vec<String>,
    /// Seconds from SIGTERM to SIGKILL when the run is aborted.
    pub kill_grace: u32,
    /// Bytes kept of each step's standard output (from its start) and standard error (its end); at most 4 MiB.
    pub keep_output: u64,
    /// What it may use up.
    #[serde(default)]
    pub limits: Limits,
    /// The supervisor's standard error is the journal: what agents print on theirs is to be found there, too.
    #[serde(default)]
    pub journal: bool,
    /// How many files an agent may have open unless it asks for more; `None`: as many as the supervisor may. (The daemon has
    /// raised its own limit, and what inherited that must not be surprised by it.)
    #[serde(default)]
    pub open_files: Option<u64>,
    /// Whoever started the supervisor may have another run for it when this one is over: it is to ask.
    #[serde(default)]
    pub further: bool,
}

/// What a run may use up; `None`: as much as it likes. Who holds the last three against it is the systemd launcher's
/// unit; the others are held by every supervisor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds from the start of the run to its end, all tries and pauses in it.
    pub runtime_max: Option<u32>,
    /// Its niceness, -20 to 19.
    pub nice: Option<i32>,
    /// Bytes of memory.
    pub memory_max: Option<u64>,
    /// Its share of the processors when they are all busy, 1 to 10000; who says nothing has 100.
    pub cpu_weight: Option<u64>,
    /// Its share of the disks, likewise.
    pub io_weight: Option<u64>,
}

/// Why a run was ended that took longer than `limit` seconds.
pub(super) fn too_long(limit: u32) -> String {
    format!("took longer than {limit} s (dispatch.limits.runtime_max)")
}

/// Shows no INI: it may hold passwords.
impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Step")
            .field("label", &self.label)
            .field("ini", &"(redacted)")
            .field("max_retries", &self.max_retries)
            .field("retry_after", &self.retry_after)
            .field("mandatory", &self.mandatory)
            .finish()
    }
}

/// Shows the names of the environment, not its values.
impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipe")
            .field("run", &self.run)
            .field("job", &self.job)
            .field("agent", &self.agent)
            .field("steps", &self.steps)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("without", &self.without)
            .field("kill_grace", &self.kill_grace)
            .field("keep_output", &self.keep_output)
            .field("limits", &self.limits)
            .field("journal", &self.journal)
            .field("open_files", &self.open_files)
            .field("further", &self.further)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Recipe, Step};
    use crate::plan::JobId;
    use crate::planner::RunId;

    #[test]
    fn debug_tells_no_secret() {
        let recipe = Recipe {
            run: RunId::from_stored("a-20260101T000000Z".to_owned()),
            job: JobId::new("a"),
            agent: "/usr/bin/freezer-agent".into(),
            steps: vec![Step {
                label: "backup fs".to_owned(),
                ini: "[action]\nssh_password = hunter2\n".to_owned(),
                max_retries: 0,
                retry_after: 0,
                mandatory: false,
            }],
            environment: [("OS_PASSWORD".to_owned(), "hunter2".to_owned())].into(),
            without: Vec::new(),
            kill_grace: 10,
            keep_output: 1024,
            limits: Limits::default(),
            journal: false,
            further: false,
            open_files: None,
        };
        let shown = format!("{recipe:?}");
        assert!(
            shown.contains("OS_PASSWORD") && shown.contains("backup fs"),
            "{shown}"
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
