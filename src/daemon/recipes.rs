//! From a plan to the recipe its run is executed by.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::launch::ini::{self, IniError};
use crate::launch::{Limits, Recipe, Step};
use crate::plan::{Action, Dialect, Plan, TrustId};
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
    /// Whether those can be used with a plan's trust.
    pub trusts: bool,
    /// Whether there is an API to get things ready with before a run.
    pub prepares: bool,
}

/// The ids of records that were made before a run's backups, by its steps' numbers.
pub type Drafts = BTreeMap<u32, String>;

/// What a run by a trust must not be told: the agent would ask for its token by the project instead. As
/// freezer-scheduler has it.
const OWN_PROJECT: [&str; 4] = [
    "OS_PROJECT_NAME",
    "OS_PROJECT_ID",
    "OS_PROJECT_DOMAIN_NAME",
    "OS_PROJECT_DOMAIN_ID",
];

/// A plan that cannot be executed.
#[derive(Debug, thiserror::Error)]
#[error("job_actions[{index}].freezer_action: {source}")]
pub struct RecipeError {
    index: usize,
    source: IniError,
}

impl Recipes {
    /// The trust by which a run of `plan` acts, if it does.
    #[must_use]
    pub fn trust<'a>(&self, plan: &'a Plan) -> Option<&'a TrustId> {
        plan.trust.as_ref().filter(|_| self.trusts)
    }

    /// Whether something has to be asked of the API before `plan` can run.
    #[must_use]
    pub fn needs_preparation(&self, plan: &Plan) -> bool {
        self.prepares
            && !self.elsewhere
            && plan.dialect == Dialect::Upstream
            && (self.trust(plan).is_some() || plan.actions.iter().any(Action::is_recorded_first))
    }

    /// What a supervisor needs to execute `run` of `plan` without us.
    ///
    /// # Errors
    /// When an action has a value that the agent's INI cannot hold.
    pub fn recipe(&self, run: &RunRecord, plan: &Plan, drafts: &Drafts) -> Result<Recipe, RecipeError> {
        let trust = self.trust(plan);
        let actions = if self.elsewhere { &[][..] } else { &plan.actions };
        let steps = actions
            .iter()
            .enumerate()
            .map(|(index, action)| {
                let draft = u32::try_from(index).ok().and_then(|step| drafts.get(&step));
                step(action, trust, draft).map_err(|source| RecipeError { index, source })
            })
            .collect::<Result<Vec<Step>, RecipeError>>()?;
        let mut environment = self.credentials.clone();
        let mut without = Vec::new();
        if let Some(trust) = trust {
            environment.retain(|name, _| !OWN_PROJECT.contains(&name.as_str()));
            environment.insert("OS_TRUST_ID".to_owned(), trust.to_string());
            without.extend(OWN_PROJECT.map(str::to_owned));
        }
        environment.insert("FREEZERD_JOB_ID".to_owned(), run.job.to_string());
        environment.insert("FREEZERD_RUN_ID".to_owned(), run.id.to_string());
        environment.insert("FREEZERD_DUE".to_owned(), run.due.to_string());
        Ok(Recipe {
            run: run.id.clone(),
            job: run.job.clone(),
            agent: self.agent.clone(),
            steps,
            environment,
            without,
            kill_grace: self.kill_grace,
            keep_output: self.keep_output,
            limits: self.limits.clone(),
            journal: false,
            further: false,
            open_files: None,
        })
    }
}

fn step(action: &Action, trust: Option<&TrustId>, draft: Option<&String>) -> Result<Step, IniError> {
    let mut options = Cow::Borrowed(&action.freezer_action);
    let ours = [
        ("os_trust_id", trust.map(TrustId::as_str)),
        ("backup_id", draft.map(String::as_str)),
    ];
    for (key, value) in ours {
        if let Some(value) = value {
            options.to_mut().insert(key.to_owned(), Value::from(value));
        }
    }
    let label = [
        action.text("action"),
        action.text("mode"),
        action.text("backup_name"),
    ];
    let label: Vec<&str> = label.into_iter().filter(|text| !text.is_empty()).collect();
    Ok(Step {
        label: label.join(" "),
        ini: ini::render(&options)?,
        max_retries: action.max_retries,
        retry_after: action.max_retries_interval,
        mandatory: action.mandatory,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::plan;
    use crate::planner::RunState;
    use crate::schedule::DueTime;

    fn plan(trust: &str) -> Plan {
        let document = format!(
            r#"{{"job_id": "j1", {trust} "job_actions": [
                {{"freezer_action": {{"action": "backup", "mode": "cindernative", "cindernative_vol_id": "v"}}}},
                {{"freezer_action": {{"action": "admin", "mode": "cindernative", "os_trust_id": "another"}}}}]}}"#
        );
        plan::parse(&document, "a test").expect("a plan").plan
    }

    fn recipes() -> Recipes {
        let credentials = [
            ("OS_USERNAME", "freezer"),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_NAME", "service"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ];
        Recipes {
            agent: PathBuf::from("agent"),
            kill_grace: 1,
            keep_output: 1,
            limits: Limits::default(),
            credentials: credentials
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            elsewhere: false,
            trusts: true,
            prepares: true,
        }
    }

    fn recipe(recipes: &Recipes, plan: &Plan, drafts: &Drafts) -> Recipe {
        let due = DueTime::from_epoch(1_772_326_800);
        let run = RunRecord {
            state: RunState::Starting,
            ..RunRecord::new(plan.id.clone(), due, DateTime::UNIX_EPOCH)
        };
        recipes.recipe(&run, plan, drafts).expect("a recipe")
    }

    const TRUSTED: &str = r#""user_credentials": {"trust_id": "t1", "trustor_user_id": "u1"},"#;

    #[test]
    fn by_a_trust_the_agent_is_told_of_it_and_of_no_project() {
        let made = recipe(&recipes(), &plan(TRUSTED), &Drafts::new());
        let of_keystone: Vec<_> = made
            .environment
            .iter()
            .filter(|(name, _)| name.starts_with("OS_"))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            of_keystone,
            [
                "OS_TRUST_ID=t1",
                "OS_USERNAME=freezer",
                "OS_USER_DOMAIN_NAME=Default"
            ]
        );
        assert_eq!(made.without, OWN_PROJECT);
        for step in &made.steps {
            assert_eq!(step.ini.matches("os_trust_id = t1\n").count(), 1, "{}", step.ini);
            assert!(!step.ini.contains("another"), "{}", step.ini);
        }
    }

    #[test]
    fn without_a_trust_or_without_credentials_for_one_it_is_as_ever() {
        let unable = Recipes {
            trusts: false,
            ..recipes()
        };
        for (recipes, plan) in [(recipes(), plan("")), (unable, plan(TRUSTED))] {
            let made = recipe(&recipes, &plan, &Drafts::new());
            assert!(made.environment.contains_key("OS_PROJECT_NAME") && made.without.is_empty());
            assert!(!made.environment.contains_key("OS_TRUST_ID"));
            assert!(!made.steps[0].ini.contains("os_trust_id"));
        }
    }

    #[test]
    fn a_step_is_told_the_record_that_was_made_for_it() {
        let made = recipe(&recipes(), &plan(""), &Drafts::from([(0, "b1".to_owned())]));
        assert!(made.steps[0].ini.contains("\nbackup_id = b1\n"));
        assert!(!made.steps[1].ini.contains("backup_id"));
    }

    #[test]
    fn only_cinders_own_backups_and_runs_by_a_trust_are_prepared() {
        let of = |action: &str, more: &str| {
            let document =
                format!(r#"{{"job_id": "j", {more} "job_actions": [{{"freezer_action": {action}}}]}}"#);
            recipes().needs_preparation(&plan::parse(&document, "a test").expect("a plan").plan)
        };
        let native = r#"{"action": "backup", "mode": "cindernative"}"#;
        assert!(of(native, ""));
        assert!(of(
            r#"{"action": "backup", "mode": "cindernative", "backup_id": null}"#,
            ""
        ));
        assert!(!of(
            r#"{"action": "backup", "mode": "cindernative", "backup_id": "b"}"#,
            ""
        ));
        assert!(!of(r#"{"action": "admin", "mode": "cindernative"}"#, ""));
        assert!(!of(r#"{"action": "backup", "mode": "cinder"}"#, ""));
        assert!(of("{}", TRUSTED));
        assert!(
            !of(native, r#""disabled": false,"#),
            "Virtuozzo's API keeps its own account"
        );
    }
}
