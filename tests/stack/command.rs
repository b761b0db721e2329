//! Running a command with a bound on its time.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use freezerd::clock::{self, Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process_group};

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Its standard output, when it was a success, as it must be.
    pub fn success_of(self, command: &Command) -> String {
        assert!(
            self.status.success(),
            "{command:?}: {}; it printed:\n{}{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// Runs it to its end. Panics when it takes longer than `limit`; then it and its children are killed.
pub fn run(command: &mut Command, limit: Duration) -> Ended {
    // Files, not pipes: a daemon that a command leaves behind must not hold us up by keeping its end open.
    let mut stdout = tempfile::tempfile().expect("a temporary file");
    let mut stderr = tempfile::tempfile().expect("a temporary file");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().expect("a second handle"))
        .stderr(stderr.try_clone().expect("a second handle"))
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let clock = SystemClock::new();
    let status = loop {
        if let Some(status) = child.try_wait().expect("its status") {
            break status;
        }
        if clock.monotonic() > limit {
            let group = Pid::from_child(&child);
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait();
            panic!(
                "{command:?}: not done within {} s; it printed:\n{}{}",
                limit.as_secs(),
                text(&mut stdout),
                text(&mut stderr)
            );
        }
        clock::pause_thread(Duration::from_millis(20));
    };
    Ended {
        status,
        stdout: text(&mut stdout),
        stderr: text(&mut stderr),
    }
}

/// Runs it to its end, which must be a success; gives its standard output.
pub fn succeed(command: &mut Command, limit: Duration) -> String {
    let ended = run(command, limit);
    ended.success_of(command)
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .expect("what it printed");
    String::from_utf8_lossy(&bytes).into_owned()
}
