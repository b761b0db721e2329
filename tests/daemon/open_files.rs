//! How many files may be open: a service gets few, and each run that is watched takes some.

use std::fs;
use std::process::Command;

use crate::bed::{Bed, SUCCESS, at_once};
use crate::process::{Daemon, PROGRAM};
use crate::until::until;

/// A daemon that may have so many files open, of which it may ask for `hard`.
fn limited(bed: &Bed, soft: u32, hard: u32) -> Daemon {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(
            "ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" run --config \"$1\""
        ))
        .arg(PROGRAM)
        .arg(bed.config());
    Daemon::spawn(bed, command)
}

#[test]
fn the_daemon_takes_what_it_may_and_agents_get_what_they_expect() {
    let bed = Bed::new("dispatch = { max_concurrent = 40 }");
    let jobs: Vec<String> = (0..40).map(|number| format!("job-{number}")).collect();
    jobs.iter().for_each(|job| bed.put(&at_once(job, "gate")));
    bed.put(&at_once("limited", "limit"));
    let daemon = limited(&bed, 64, 4096);
    until("all have started", || (bed.diary().len() >= 40).then_some(()));
    jobs.iter().for_each(|_| bed.open_gate());
    until("all are done", || {
        jobs.iter()
            .all(|job| bed.outcomes(job) == [SUCCESS])
            .then_some(())
    });
    until("the limit is told", || bed.path("limit").exists().then_some(()));
    until("it is done", || {
        (bed.outcomes("limited") == [SUCCESS]).then_some(())
    });
    let limit = fs::read_to_string(bed.path("limit")).expect("what the agent may");
    assert_eq!(limit.trim(), "64");
    assert!(daemon.stop().success());
}

#[test]
fn where_there_are_too_few_runs_wait_for_others() {
    let bed = Bed::new("dispatch = { max_concurrent = 60 }");
    let jobs: Vec<String> = (0..60).map(|number| format!("job-{number}")).collect();
    jobs.iter().for_each(|job| bed.put(&at_once(job, "gate")));
    let daemon = limited(&bed, 100, 100);
    daemon.says("not started yet");
    jobs.iter().for_each(|_| bed.open_gate());
    until("all are done", || {
        jobs.iter()
            .all(|job| bed.outcomes(job) == [SUCCESS])
            .then_some(())
    });
    assert!(daemon.stop().success());
}
