//! A log that nobody reads.

use std::io::Read;

use rustix::pipe::fcntl_setpipe_size;

use crate::bed::{Bed, SUCCESS, at_once};
use crate::process::Daemon;
use crate::until::until_is;

/// A page: the least that a pipe holds.
const LEAST: usize = 4096;

#[test]
fn a_log_that_nobody_reads_holds_up_no_backup() {
    let bed = Bed::new("[dispatch]\nmax_concurrent = 3");
    // Nobody who is started meanwhile has its ends.
    let (mut read, write) = std::io::pipe().expect("a pipe");
    fcntl_setpipe_size(&write, LEAST).expect("a small one");
    let plans: Vec<String> = (0..30).map(|number| format!("p{number}")).collect();
    for plan in &plans {
        bed.put(&at_once(plan, "done"));
    }
    let daemon = Daemon::unheard(&bed, write);
    for plan in &plans {
        until_is(&format!("{plan} runs"), &vec![SUCCESS], || bed.outcomes(plan));
    }
    // Now somebody does.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        read.read_to_string(&mut text).expect("the log");
        text
    });
    let status = daemon.stop();
    assert!(status.success(), "{status}");
    // Nothing of it is lost, and each line is whole.
    let text = reader.join().expect("read");
    assert!(text.len() > 2 * LEAST, "the log is longer than the pipe: {text}");
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    for plan in &plans {
        let ends = lines
            .iter()
            .filter(|line| line["message"] == "run succeeded" && line["job_id"] == plan.as_str());
        assert_eq!(ends.count(), 1, "{plan}: {text}");
    }
}
