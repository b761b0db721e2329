//! What one run does: several actions, of which some fail.
//!
//! From a folder of job documents: of those that are made at the API, `mandatory` does not come back.

use std::fs;

use serde_json::{Value, json};

use super::Pair;
use super::folder::{document, from_folder};
use crate::daemon::Daemon;
use crate::incumbent::Incumbent;
use crate::node::Node;

/// One that fails and is tried again, one that is not wanted then, and one that is wanted all the same.
fn job_actions(node: &Node) -> Value {
    let mut broken = node.backup_action();
    broken["path_to_backup"] = json!(node.path("not there"));
    json!([
        { "freezer_action": broken, "max_retries": 1, "max_retries_interval": 1 },
        { "freezer_action": node.backup_action(), "max_retries": 0 },
        { "freezer_action": node.backup_action(), "max_retries": 0, "mandatory": true },
    ])
}

#[test]
fn what_fails_is_tried_again_and_then_only_the_mandatory_runs() {
    let pair = Pair::new("actions");
    let nodes = [&pair.incumbent, &pair.ours];
    for node in nodes {
        fs::create_dir(node.path("jobs")).expect("a folder");
        node.write("jobs/by-hand.conf", &document(&job_actions(node)));
    }
    let no_api = from_folder(&pair.ours);
    let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &no_api);
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    for node in nodes {
        node.await_agent_runs(6);
        let failed: Vec<bool> = node
            .agent_runs()
            .iter()
            .filter(|line| line.starts_with("end "))
            .map(|line| !line.ends_with(" 0"))
            .collect();
        assert_eq!(failed, [true, true, false]);
    }
    pair.await_outcome("by-hand", "fail");
}
