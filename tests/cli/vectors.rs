//! The due times of `dry-run` against lists that were computed elsewhere.

use serde_json::{Value, json};

use crate::run;

fn vectors(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/schedule/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The due times `dry-run` prints for one schedule, and those it should.
fn check(vector: &Value, zone: &str, until: &Value) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let listing = json!({"jobs": [{"job_id": "v", "job_schedule": vector["job_schedule"],
        "job_actions": [{"freezer_action": {"action": "backup"}}]}]});
    std::fs::write(file.path(), listing.to_string()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let answer = run(&[
        "dry-run",
        "--jobs",
        file.path().to_str().unwrap(),
        "--timezone",
        zone,
        "--from",
        &text(&vector["after"]),
        "--until",
        &text(until),
        "--format",
        "json",
    ])
    .json();
    let due: Vec<&Value> = answer["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["due"])
        .collect();
    let wanted: Vec<&Value> = vector["fires"].as_array().unwrap().iter().collect();
    assert_eq!(due, wanted, "{vector}");
    for run in answer["runs"].as_array().unwrap() {
        let local = chrono::DateTime::parse_from_rfc3339(run["local"].as_str().unwrap()).unwrap();
        assert_eq!(
            local.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            run["due"].as_str().unwrap()
        );
    }
}

#[test]
fn when_the_clocks_change() {
    let all = vectors("clock-changes.json");
    assert!(all.len() >= 80);
    for vector in &all {
        check(vector, vector["timezone"].as_str().unwrap(), &vector["until"]);
    }
}

#[test]
fn in_utc() {
    let all = vectors("apscheduler-utc.json");
    let some: Vec<_> = all
        .iter()
        .filter(|vector| !vector["fires"].as_array().unwrap().is_empty())
        .step_by(25)
        .collect();
    assert!(some.len() >= 50);
    for vector in some {
        // Up to its last known due time; what comes later was not written down.
        check(vector, "UTC", vector["fires"].as_array().unwrap().last().unwrap());
    }
}
