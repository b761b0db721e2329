//! What a daemon knows and must not tell: not in its log, however much is logged, and not in its files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use freezerd::planner::RunState;
use serde_json::json;

use crate::bed::{SUCCESS, at_once};
use crate::cloud::{Cloud, PASSWORD};
use crate::process::Daemon;
use crate::until::until_is;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|sort| sort.is_dir()) {
            files(&entry.path(), found);
        }
    }
}

#[test]
fn secrets_are_in_nobodys_sight() {
    let (cloud, mut bed) = Cloud::new("");
    bed.environment
        .insert("FREEZERD_LOG".to_owned(), "trace".to_owned());
    let mut job = at_once("a", "gate");
    job["job_actions"][0]["freezer_action"]["encrypt_key"] = json!("s3cr3t-key");
    cloud.put(&job);
    let daemon = Daemon::start(&bed);
    until_is("it runs", &vec![RunState::Running], || bed.states("a"));

    let mut kept = Vec::new();
    for folder in ["state", "runtime"] {
        kept.push(bed.path(folder));
        files(&bed.path(folder), &mut kept);
    }
    assert!(kept.len() > 8, "{kept:?}");
    let run = &bed.runs("a")[0];
    let supervisor = run
        .pid
        .map(|pid| format!("/proc/{pid}/cmdline"))
        .expect("it runs");
    let commands = fs::read_to_string(supervisor).expect("its command line")
        + &fs::read_to_string(format!("/proc/{}/cmdline", daemon.pid())).expect("its command line");
    // A folder that others may not enter keeps what is in it.
    let shown = |path: &PathBuf| {
        let mode = fs::symlink_metadata(path).map_or(0, |about| about.permissions().mode());
        mode & 0o077 != 0
    };
    let roots = [bed.path("state"), bed.path("runtime")];
    let open: Vec<&PathBuf> = kept
        .iter()
        .filter(|path| shown(path) && !roots.contains(path))
        .collect();
    assert!(open.is_empty(), "others may read {open:?}");

    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("a"));
    until_is("it is reported", &json!("success"), || {
        cloud.job_schedule("a")["result"].clone()
    });
    daemon.signal(rustix::process::Signal::TERM);
    let (status, log) = daemon.ended();
    assert!(status.success());
    assert!(log.contains(r#""level":"DEBUG""#), "much is logged");
    for secret in [PASSWORD, "token-1", "s3cr3t-key"] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!commands.contains(secret), "{secret} is in a command line");
    }
}
