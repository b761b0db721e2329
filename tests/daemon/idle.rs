//! While nothing is due and nobody asks, nothing runs.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use freezerd::clock::pause_thread;
use serde_json::json;

use crate::bed::{Bed, SUCCESS, at_once, plan};
use crate::process::Daemon;
use crate::until::{until, until_is};

/// How often each thread of a process went to sleep so far; each wake-up ends in one.
fn sleeps(pid: u32) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))
        .expect("its threads")
        .flatten()
    {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value.map(|value| value.trim().to_owned())
        };
        let Some(count) = field("voluntary_ctxt_switches:") else {
            continue;
        };
        let name = field("Name:").unwrap_or_default();
        let thread = format!("{} {name}", task.file_name().to_string_lossy());
        all.insert(thread, count.parse().expect("a number"));
    }
    all
}

#[test]
fn a_daemon_with_nothing_due_sleeps() {
    let bed = Bed::new("");
    for number in 0..20 {
        let schedule = json!({"schedule_year": "2099", "schedule_minute": number});
        bed.put(&plan(&format!("far-{number}"), &schedule, &["done"]));
    }
    // One that has run, so that everything a run leaves behind is there.
    bed.put(&at_once("once", "done"));
    let daemon = Daemon::start(&bed);
    until_is("it has run", &vec![SUCCESS], || bed.outcomes("once"));
    // The last of its work may still be under way (threads end, files are removed).
    let before = until("it comes to rest", || {
        let seen = sleeps(daemon.pid());
        pause_thread(Duration::from_millis(500));
        (sleeps(daemon.pid()) == seen).then_some(seen)
    });
    pause_thread(Duration::from_secs(3));
    let after = sleeps(daemon.pid());
    let woken: Vec<_> = after
        .iter()
        .filter(|(thread, count)| before.get(*thread) != Some(count))
        .collect();
    let gone: Vec<_> = before
        .keys()
        .filter(|thread| !after.contains_key(*thread))
        .collect();
    assert!(
        woken.is_empty(),
        "three seconds with nothing to do; before {before:?}; woken {woken:?}; ended {gone:?}"
    );
    assert!(daemon.stop().success());
}
