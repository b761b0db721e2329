//! From a plan to the recipe its run is executed by.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::launch::ini::{self, IniError};
use crate::launch::{Limits, Recipe, Step};
use crate::plan::{Action, Plan};
use crate::planner::RunRecord;

/// How runs are started on this node.
#[derive(Debug, Clone)]
pub struct Recipes {
    /// The agent's path.
    pub agent: PathBuf,
    /// Seconds from SIGTERM to SIGKILL when a run is aborted.
    pub kill_grace: u32,
    /// Bytes kept of each step's outputs.
    pub keep_output: u64,
    /// Runs are started elsewhere: what an agent of this node would need is left out.
    pub elsewhere: bool,
    /// What a run may use up.
    pub limits: Limits,
    /// The agent's credentials: `OS_*`.
    pub credentials: BTreeMap<String, String>,
}

/// A plan that cannot be executed.
#[derive(Debug, thiserror::Error)]
#[error("job_actions[{index}].freezer_action: {source}")]
pub struct RecipeError {
    index: usize,
    source: IniError,
}

impl Recipes {
    /// What a supervisor needs to execute `run` of `plan` without us.
    ///
    /// # Errors
    /// When an action has a value that the agent's INI cannot hold.
    pub fn recipe(&self, run: &RunRecord, plan: &Plan) -> Result<Recipe, RecipeError> {
        let actions = if self.elsewhere { &[][..] } else { &plan.actions };
        let steps = actions
            .iter()
            .enumerate()
            .map(|(index, action)| step(action).map_err(|source| RecipeError { index, source }))
            .collect::<Result<Vec<Step>, RecipeError>>()?;
        let mut environment = self.credentials.clone();
        environment.insert("FREEZERD_JOB_ID".to_owned(), run.job.to_string());
        environment.insert("FREEZERD_RUN_ID".to_owned(), run.id.to_string());
        environment.insert("FREEZERD_DUE".to_owned(), run.due.to_string());
        Ok(Recipe {
            run: run.id.clone(),
            job: run.job.clone(),
            agent: self.agent.clone(),
            steps,
            environment,
            kill_grace: self.kill_grace,
            keep_output: self.keep_output,
            limits: self.limits.clone(),
            journal: false,
        })
    }
}

fn step(action: &Action) -> Result<Step, IniError> {
    let label = [
        action.text("action"),
        action.text("mode"),
        action.text("backup_name"),
    ];
    let label: Vec<&str> = label.into_iter().filter(|text| !text.is_empty()).collect();
    Ok(Step {
        label: label.join(" "),
        ini: ini::render(&action.freezer_action)?,
        max_retries: action.max_retries,
        retry_after: action.max_retries_interval,
        mandatory: action.mandatory,
    })
}
