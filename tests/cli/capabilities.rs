//! A plan that this node does not support: every command that speaks of it names the same value of the same key.

use std::path::Path;
use std::process::Command;

use freezerd::ledger::Ledger;
use freezerd::plan::JobId;
use freezerd::planner::{Reason, Record, Verdict, VerdictRecord};
use freezerd::schedule::DueTime;

use crate::{done, freezerd};

const PLAN: &str = r#"{"job_id": "a", "name": "volumes", "job_schedule": {"schedule_hour": "1"},
    "job_actions": [{"freezer_action": {"action": "backup", "mode": "hci-volumes"}}]}"#;
const SENTENCE: &str = "this node does not support mode \"hci-volumes\" (see [capabilities])";

fn node(capabilities: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("plans.json"),
        format!("{{\"jobs\": [{PLAN}]}}"),
    )
    .unwrap();
    let config = format!(
        "timezone = \"UTC\"\nstate_dir = \"state\"\nruntime_dir = \"state\"\n[source]\nkind = \"file\"\n\
         path = \"plans.json\"\n[dispatch]\nagent = \"/bin/sh\"\n[capabilities]\n{capabilities}\n"
    );
    std::fs::write(folder.path().join("freezerd.toml"), config).unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    folder
}

fn command(folder: &Path, name: &str) -> Command {
    let mut command = freezerd();
    command
        .arg(name)
        .arg("--config")
        .arg(folder.join("freezerd.toml"));
    command
}

/// `dry-run` of one day that has one due time.
fn forecast(folder: &Path) -> serde_json::Value {
    let mut command = command(folder, "dry-run");
    done(command.args([
        "--from",
        "2026-03-01T00:00:00Z",
        "--for",
        "1d",
        "--format",
        "json",
    ]))
    .json()
}

#[test]
fn check_and_dry_run_name_it() {
    let folder = node("supported_modes = [\"fs\", \"mysql\"]");
    let checked = done(&mut command(folder.path(), "check"));
    let line = format!("warn  a (volumes): job_actions: will be skipped: {SENTENCE}");
    assert!(checked.stdout.contains(&line), "{}", checked.stdout);
    assert_eq!(checked.code, Some(0), "another node may be there for it");

    let forecast = forecast(folder.path());
    assert_eq!(forecast["runs"], serde_json::json!([]));
    assert_eq!(forecast["not_scheduled"][0]["reason"], SENTENCE);
}

#[test]
fn without_a_list_it_runs() {
    let folder = node("supported_storages = [\"local\"]");
    let checked = done(&mut command(folder.path(), "check")).fine();
    assert!(!checked.contains("hci-volumes"), "{checked}");
    let forecast = forecast(folder.path());
    assert_eq!(forecast["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn why_names_it() {
    let folder = node("supported_modes = [\"fs\"]");
    let due: DueTime = DueTime::floor("2026-03-01T01:00:00Z".parse().unwrap());
    let job = JobId::new("a");
    let plan = Record::Plan {
        job: job.clone(),
        name: "volumes".to_owned(),
        project: None,
        document: Some(PLAN.into()),
        brief: None,
        first_seen: due.plus(-60),
        covered: due.plus(-60),
    };
    let verdict = Record::Verdict(VerdictRecord {
        job,
        first: due,
        last: due,
        count: 1,
        verdict: Verdict::Skipped(Reason::Unsupported),
        decided: due.instant(),
    });
    let mut ledger = Ledger::open(&folder.path().join("state/ledger.db")).unwrap();
    ledger.commit(&[plan, verdict]).unwrap();
    let told = done(command(folder.path(), "why").arg("volumes")).fine();
    assert!(told.contains(&format!("unsupported: {SENTENCE}")), "{told}");
    let verdict = told
        .lines()
        .find(|line| line.contains("skipped"))
        .unwrap_or_default();
    assert!(verdict.contains(SENTENCE), "{told}");
}
