//! What freezerd on a machine is given to do, and what became of it.

use chrono::{DateTime, Utc};
use freezerd::clock::{Clock, SystemClock};
use serde::Deserialize;
use serde_json::json;

use crate::node::{BED, Node};
use crate::until::until;

/// A run as `freezerd history` has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    pub run_id: String,
    pub job_id: String,
    pub state: String,
    pub outcome: Option<String>,
    pub started: Option<DateTime<Utc>>,
    pub detail: String,
}

impl Node {
    /// A file that an agent writes: waits until it is there and has a whole line.
    pub fn line(&self, name: &str) -> String {
        until(&format!("an agent writes {BED}/{name}"), || {
            let (_, text) = self.ask(&format!("cat {BED}/{name} 2>/dev/null"));
            (!text.is_empty()).then_some(text)
        })
    }

    /// Lets every agent go on that does `read x <PIPE`.
    pub fn release(&self, pipe: &str) {
        self.sh(&format!("echo go >{BED}/{pipe}"));
    }

    pub fn pipe(&self, name: &str) {
        self.sh(&format!("mkfifo {BED}/{name}"));
    }

    /// A plan that runs once, as soon as it is seen: `script` is its agent's, and `$BED` its folder.
    pub fn plan(&self, name: &str, script: &str) {
        self.put(name, SystemClock::new().now(), script, &json!({}));
    }

    /// A plan that runs once, at this time, which comes after it was made: so it runs, however late it is seen.
    pub fn plan_at(&self, name: &str, made: DateTime<Utc>, due: &str, script: &str) {
        self.put(name, made, script, &json!({"schedule_date": due}));
    }

    fn put(&self, name: &str, made: DateTime<Utc>, script: &str, schedule: &serde_json::Value) {
        self.write(&format!("{BED}/{name}"), &format!("BED={BED}\n{script}\n"));
        let made = made.to_rfc3339();
        let action = json!({"action": "backup", "mode": "fs", "backup_name": name});
        let plan = json!({
            "job_id": name, "description": name, "created_at": made, "updated_at": made, "job_schedule": schedule,
            "job_actions": [{"freezer_action": action, "max_retries": 0, "max_retries_interval": 1}],
        });
        self.write(&format!("/etc/freezerd/plans/{name}.conf"), &plan.to_string());
    }

    /// Edits the plan's events, as a user does through the API: `abort`.
    pub fn event(&self, name: &str, event: &str) {
        let path = format!("/etc/freezerd/plans/{name}.conf");
        let text = self.sh(&format!("cat {path}"));
        let mut plan: serde_json::Value = serde_json::from_str(&text).expect("a plan");
        plan["job_schedule"]["event"] = json!(event);
        self.write(&path, &plan.to_string());
    }

    /// The plan's runs, latest first.
    pub fn runs(&self, plan: &str) -> Vec<Run> {
        #[derive(Deserialize)]
        struct History {
            runs: Vec<Run>,
        }
        let (_, text) = self.ask("freezerd history --format json 2>/dev/null");
        let history: Option<History> = serde_json::from_str(&text).ok();
        let runs = history.map(|history| history.runs).unwrap_or_default();
        runs.into_iter().filter(|run| run.job_id == plan).collect()
    }

    /// The plan's only run, once it is as far.
    pub fn run(&self, plan: &str, state: &str) -> Run {
        let seen = until(&format!("{plan} is {state}"), || {
            let runs = self.runs(plan);
            runs.iter().any(|run| run.state == state).then_some(runs)
        });
        assert_eq!(seen.len(), 1, "{seen:?}\n{}", self.journal());
        let started = self.sh(&format!("cat {BED}/started-{plan} 2>/dev/null | wc -l"));
        assert!(
            started == "1" || seen[0].started.is_none(),
            "{plan} was started {started} times"
        );
        seen[0].clone()
    }

    /// The plan's only run, once it is done: its outcome and what is said of it. Whatever became of the daemon meanwhile,
    /// its log told the end once, and one verdict has led to it.
    pub fn done(&self, plan: &str) -> (String, String) {
        let run = self.run(plan, "done");
        let outcome = run.outcome.expect("it is done");
        let told = until(&format!("the end of {} is told", run.run_id), || {
            let ends = self.ends(&run.run_id);
            (!ends.is_empty()).then_some(ends)
        });
        let [one] = told.as_slice() else {
            panic!("the end was told {} times: {told:#?}", told.len());
        };
        let word = match outcome.as_str() {
            "success" => "run succeeded",
            "fail" => "run failed",
            "aborted" => "run aborted",
            _ => "run lost",
        };
        assert!(one.contains(word), "{one}");
        let why: serde_json::Value =
            serde_json::from_str(&self.sh(&format!("freezerd why {plan} --format json"))).expect("why");
        let verdicts = why["verdicts"].as_array().expect("verdicts");
        let led: Vec<_> = verdicts
            .iter()
            .map(|one| (&one["verdict"], &one["count"]))
            .collect();
        assert_eq!(led, [(&json!("run"), &json!(1))], "{why}");
        (outcome, run.detail)
    }

    /// The lines of the log, over all boots, that tell how this run ended.
    fn ends(&self, run: &str) -> Vec<String> {
        let said = self.sh("journalctl --no-pager -o cat -u freezerd");
        let words = ["run succeeded", "run failed", "run aborted", "run lost"];
        let ends = said.lines().filter(|line| {
            let named = line.split_whitespace().any(|field| field == format!("run={run}"));
            named && words.iter().any(|word| line.contains(word))
        });
        ends.map(str::to_owned).collect()
    }

    /// Waits until nothing is left of any run: no unit, and no folder.
    pub fn until_nothing_is_left(&self) {
        until("nothing is left of a run", || {
            let left = self.sh(
                "systemctl list-units --all --no-legend 'freezerd-run-*'; ls /var/lib/freezerd/runs /run/freezerd/runs",
            );
            (left == "/run/freezerd/runs:\n\n/var/lib/freezerd/runs:").then_some(())
        });
    }

    /// What the unit of the plan's only run is called, whether it runs or not.
    pub fn unit_name(&self, plan: &str) -> String {
        until(&format!("{plan} has a run"), || {
            let run = self.runs(plan).pop()?;
            Some(format!("freezerd-run-{}.service", run.run_id))
        })
    }

    /// The unit of the plan's only run, which runs.
    pub fn unit(&self, plan: &str) -> String {
        let unit = self.unit_name(plan);
        until(&format!("{unit} is active"), || {
            self.ask(&format!("systemctl is-active {unit}")).0.then_some(())
        });
        unit
    }
}
