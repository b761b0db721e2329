//! What agents are told, and what they say of the backups they made.

use freezerd::launch::{Recipe, StepReport};
use freezerd::planner::{Outcome, RunId};
use serde_json::json;

use super::machine::Machine;
use super::rng::Rng;

/// The record that each step is to fill in.
pub fn told(recipe: &Recipe) -> Vec<Option<String>> {
    let record = |ini: &str| {
        let mut lines = ini.lines();
        lines.find_map(|line| line.strip_prefix("backup_id = ").map(str::to_owned))
    };
    recipe.steps.iter().map(|step| record(&step.ini)).collect()
}

/// The trust by which it acts: as the environment has it, and each step.
pub fn trust(recipe: &Recipe) -> Option<String> {
    let trust = recipe.environment.get("OS_TRUST_ID").cloned();
    let line = trust.as_ref().map(|trust| format!("os_trust_id = {trust}"));
    for step in &recipe.steps {
        let said = step.ini.lines().find(|line| line.starts_with("os_trust_id"));
        assert_eq!(said, line.as_deref(), "a step acts as its environment says");
    }
    trust
}

impl Machine {
    /// What the steps of a run print, when it ends so: that of its last step, if it failed, is nothing.
    pub fn said(&self, job: &str, run: &RunId, told: &[Option<String>], outcome: Outcome) -> Vec<String> {
        let good = match outcome {
            Outcome::Success => told.len(),
            Outcome::Fail => told.len().saturating_sub(1),
            Outcome::Aborted | Outcome::Lost => 0,
        };
        let steps = told[..good].iter().enumerate();
        steps
            .map(|(step, record)| self.prints(job, &format!("{run}/{step}"), record.as_deref()))
            .collect()
    }

    fn prints(&self, job: &str, step: &str, record: Option<&str>) -> String {
        let mut rng = Rng::of(self.seed, step);
        let kind = rng.within(1, 10);
        let mut said = json!({});
        if kind > 3 {
            said = json!({"action": "backup", "mode": "fs", "backup_name": job, "level": rng.within(0, 6)});
            if let Some(id) = record.filter(|_| rng.chance(50)) {
                said["backup_id"] = json!(id);
                said["status"] = json!("available");
            }
        }
        // It deletes the oldest one, and perhaps one that is not there.
        if kind == 2 || rng.chance(15) {
            let cloud = self.cloud.lock().expect("no thread panics with it");
            let done = |status: &Option<String>| status.as_deref() != Some("creating");
            let mut records = cloud.backups.there.values();
            let oldest = records.find(|one| one.metadata["job_id"] == job && done(&one.status));
            let ids: Vec<&str> = oldest.iter().map(|one| one.id.as_str()).chain(["b0"]).collect();
            said["deleted_freezer_backup_ids"] = json!(ids);
        }
        match kind {
            1 => "Backup done.".to_owned(),
            _ if said.as_object().is_some_and(serde_json::Map::is_empty) => String::new(),
            _ => said.to_string(),
        }
    }
}

/// As the supervisor leaves it.
pub fn steps(said: &[String]) -> Vec<StepReport> {
    let step = |stdout: &String| StepReport {
        label: "backup".to_owned(),
        tries: 1,
        end: "exit 0".to_owned(),
        ok: true,
        stdout: stdout.clone(),
        stderr: String::new(),
    };
    said.iter().map(step).collect()
}
