//! A log that nobody reads.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Signal, kill_process};

use crate::bed::{Bed, SUCCESS, at_once};
use crate::process::PROGRAM;
use crate::until::{until, until_is};

/// A page: the least that a pipe holds.
const LEAST: usize = 4096;

/// Does not outlive a test that fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    let mut command = Command::new(PROGRAM);
    command
        .arg("run")
        .arg("--config")
        .arg(bed.config())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("BED", bed.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(write);
    let mut daemon = Killed(command.spawn().expect("freezerd"));
    // Its end of the pipe is not to be ours.
    drop(command);
    for plan in &plans {
        until_is(&format!("{plan} runs"), &vec![SUCCESS], || bed.outcomes(plan));
    }
    // Now somebody does.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        read.read_to_string(&mut text).expect("the log");
        text
    });
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).expect("signalled");
    let status = until("it ends", || daemon.0.try_wait().expect("its status"));
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
