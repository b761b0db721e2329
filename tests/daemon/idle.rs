//! While nothing is due and nobody asks, nothing runs: neither the daemon nor the supervisor of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use freezerd::clock::pause_thread;
use freezerd::planner::RunState;
use serde_json::json;

use crate::bed::{Bed, SUCCESS, at_once, plan};
use crate::process::Daemon;
use crate::until::until_is;

/// How often each thread of a process went to sleep so far, each wake-up ends in one; and whether it sleeps.
fn sleeps(pid: u32) -> BTreeMap<String, (u64, bool)> {
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
        // One that has something to do and waits for the processor is awake.
        let asleep = field("State:").is_some_and(|state| state.starts_with('S'));
        all.insert(thread, (count.parse().expect("a number"), asleep));
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
    // One that has run, so that everything a run leaves behind is there; and one that runs.
    bed.put(&at_once("done", "done"));
    bed.put(&at_once("runs", "gate"));
    let daemon = Daemon::start(&bed);
    until_is("one has run", &vec![SUCCESS], || bed.outcomes("done"));
    until_is("one runs", &vec![RunState::Running], || bed.states("runs"));
    let supervisor = bed.runs("runs")[0].pid.expect("its supervisor");
    // That of the one that has run waits a moment for another run.
    let other = bed.runs("done")[0].pid.expect("its supervisor");
    until_is("it ends", &false, || {
        fs::exists(format!("/proc/{other}")).expect("/proc")
    });
    let look = || {
        let mut all = sleeps(daemon.pid());
        all.extend(sleeps(supervisor));
        all
    };
    // The last of the work may still be under way (files are removed, threads that nobody needs end after ten seconds), but
    // who wakes by the clock does so for ever.
    until_is("three seconds in which nobody wakes", &Vec::new(), || {
        let before = look();
        pause_thread(Duration::from_secs(3));
        let after = look();
        let threads: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let slept = |thread: &String| match (before.get(thread), after.get(thread)) {
            (Some((before, true)), Some((after, true))) => before == after,
            _ => false,
        };
        let awake = threads.into_iter().filter(|thread| !slept(thread));
        awake
            .map(|thread| format!("{thread}: {:?}, then {:?}", before.get(thread), after.get(thread)))
            .collect()
    });
    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("runs"));
    assert!(daemon.stop().success());
}
