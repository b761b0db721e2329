//! Without the API: a folder of job documents, as `freezer-scheduler --no-api` takes it; and the copy that both
//! keep of the listing, which is such a folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Pair, not_now};
use crate::daemon::Daemon;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};
use crate::node::Node;

/// A document that freezer-scheduler takes: it dies without an `event`.
pub(super) fn document(job_actions: &Value) -> Value {
    json!({
        "job_id": "by-hand",
        "description": "by hand",
        "job_schedule": { "event": "start", "status": "" },
        "job_actions": job_actions,
    })
}

/// freezerd's node is to take its plans from its folder `jobs`; gives the options for freezer-scheduler to do so.
pub(super) fn from_folder(ours: &Node) -> Options {
    let folder = ours.path("jobs").display().to_string();
    ours.configure(&format!("[source]\nkind = \"folder\"\npath = {folder:?}\n"));
    Options {
        no_api: Some("jobs"),
        ..Options::default()
    }
}

#[test]
fn the_same_folder_runs_and_nobody_writes_to_it() {
    let pair = Pair::new("folder");
    let by_hand =
        |node: &Node| document(&json!([{ "freezer_action": node.backup_action(), "max_retries": 0 }]));
    for node in [&pair.incumbent, &pair.ours] {
        fs::create_dir(node.path("jobs")).expect("a folder");
        node.write("jobs/by-hand.conf", &by_hand(node));
    }
    let no_api = from_folder(&pair.ours);
    let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &no_api);
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    for node in [&pair.incumbent, &pair.ours] {
        node.await_agent_runs(2);
        let left = fs::read_to_string(node.path("jobs/by-hand.conf")).expect("the document");
        assert_eq!(left, by_hand(node).to_string());
    }
    pair.await_outcome("by-hand", "success");

    // A document that comes later: freezerd sees it.
    let mut later = by_hand(&pair.ours);
    later["job_id"] = json!("later");
    for node in [&pair.incumbent, &pair.ours] {
        node.write("jobs/later.conf", &later);
    }
    pair.await_outcome("later", "success");
    // incumbent: it has read the folder once.
    assert_eq!(pair.incumbent.agent_runs().len(), 2);
}

/// The documents in a folder, by their ids.
fn copied(folder: &Path, job: &str) -> Result<Value, String> {
    let text =
        fs::read_to_string(folder.join(format!("job_{job}.conf"))).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
}

#[test]
fn both_copy_the_listing_under_the_same_names() {
    let pair = Pair::new("copy");
    let jobs = pair.plans(&not_now());
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let folder = pair.ours.path("copy");
    pair.ours
        .configure(&format!("[source]\ncopy = {:?}\n", folder.display().to_string()));
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    let folders = [pair.incumbent.path("incumbent"), folder];
    for ((folder, job), user) in folders.iter().zip(&jobs).zip(pair.users()) {
        pair.stack.await_written(job, "status", "scheduled");
        let copy = eventually(Duration::from_secs(120), "the copy follows", || {
            let copy = copied(folder, job)?;
            if copy["job_schedule"]["status"] == "scheduled" {
                Ok(copy)
            } else {
                Err(copy.to_string())
            }
        });
        assert_eq!(copy["job_actions"], user.plan(job)["job_actions"]);
        user.delete_plan(job);
    }
    eventually(
        Duration::from_secs(120),
        "it is gone from the copy",
        || match copied(&folders[1], &jobs[1]) {
            Ok(copy) => Err(copy.to_string()),
            Err(_) => Ok(()),
        },
    );
    // incumbent: what was removed stays in its copy, for whoever starts it with --no-api.
    incumbent.await_polls(2);
    assert!(copied(&folders[0], &jobs[0]).is_ok());
}
