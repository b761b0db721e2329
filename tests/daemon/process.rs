//! The daemon as a process: its log, its port, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::bed::Bed;
use crate::until::{PATIENCE, until};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_freezerd");

/// What it wrote to standard error so far. A thread reads it, so that a test can wait for a line.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

/// A daemon that was started. Dropped, it is killed; a failed test also shows its log.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    address: Option<String>,
}

impl Daemon {
    /// Starts it, and waits until it is ready.
    pub fn start(bed: &Bed) -> Self {
        let daemon = Self::begin(bed, &[]);
        daemon.await_ready();
        daemon
    }

    /// Starts it with further arguments, and waits until it says where it listens.
    pub fn begin(bed: &Bed, arguments: &[&str]) -> Self {
        Self::launch(bed, Path::new(PROGRAM), arguments).listening()
    }

    /// Waits until it says where it listens.
    pub fn listening(mut self) -> Self {
        let line = self.says("listening on http://127.0.0.1:");
        let (_, rest) = line.split_once("http://").expect("an address");
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit() && !".:".contains(letter))
            .expect("its end");
        self.address = Some(rest[..end].to_owned());
        self
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        self.address.as_deref().expect("it listens")
    }

    /// Starts this program, and waits for nothing.
    pub fn launch(bed: &Bed, program: &Path, arguments: &[&str]) -> Self {
        Self::spawn(bed, run(bed, program, arguments))
    }

    /// Starts it with standard error for the test to read, or not to.
    pub fn unheard(bed: &Bed, stderr: impl Into<Stdio>) -> Self {
        Self::start_of(bed, run(bed, Path::new(PROGRAM), &[]), stderr.into())
    }

    /// Starts this command line, with a small environment.
    pub fn spawn(bed: &Bed, command: Command) -> Self {
        let mut daemon = Self::start_of(bed, command, Stdio::piped());
        let said = BufReader::new(daemon.child.stderr.take().expect("a pipe"));
        let log = Arc::clone(&daemon.log);
        daemon.reader = Some(std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                log.lines.lock().unwrap().push(line);
                log.more.notify_all();
            }
        }));
        daemon
    }

    fn start_of(bed: &Bed, mut command: Command, stderr: Stdio) -> Self {
        let child = command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TZ", "UTC")
            // As its unit does.
            .env("MALLOC_TRIM_THRESHOLD_", "131072")
            .env("BED", bed.path(""))
            .envs(&bed.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("freezerd");
        Self {
            child,
            log: Arc::default(),
            reader: None,
            address: None,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of its log with this in it.
    pub fn says(&self, text: &str) -> String {
        self.says_at_least(1, text)
    }

    /// Waits until so many lines have this in them; gives the last of them.
    pub fn says_at_least(&self, count: usize, text: &str) -> String {
        let find = |lines: &Vec<String>| {
            lines
                .iter()
                .filter(|line| line.contains(text))
                .nth(count - 1)
                .cloned()
        };
        let lines = self.log.lines.lock().unwrap();
        let (lines, _) = self
            .log
            .more
            .wait_timeout_while(lines, PATIENCE, |lines| find(lines).is_none())
            .unwrap();
        let found = find(&lines);
        drop(lines);
        found.unwrap_or_else(|| panic!("it never said {text:?} {count} times"))
    }

    /// The lines of its log so far with this in them.
    pub fn said(&self, text: &str) -> Vec<String> {
        let lines = self.log.lines.lock().unwrap();
        lines.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    pub fn await_ready(&self) {
        until("it is ready", || (self.get("/readyz").0 == 200).then_some(()));
    }

    /// Status and body of an answer.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        )
        .expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }

    /// The value of one series of /metrics, named as it is written there.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(value.parse().expect("a number"))
    }

    /// Until a listing is complete that began after this was called.
    pub fn await_listing(&self) {
        let listings = || {
            self.metric("freezerd_poll_duration_seconds_count")
                .expect("polls")
        };
        let before = listings();
        until("two listings", || (listings() >= before + 2.0).then_some(()));
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signalled");
    }

    /// `kill -9`
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("its end");
    }

    /// SIGTERM, and how it ended.
    pub fn stop(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().0
    }

    /// Waits until it has ended by itself: how, and all that it said.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = until("it ends", || self.child.try_wait().expect("its status"));
        if let Some(reader) = self.reader.take() {
            reader.join().expect("its log");
        }
        (status, self.log.lines.lock().unwrap().join("\n"))
    }
}

fn run(bed: &Bed, program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg("--config")
        .arg(bed.config())
        .args(arguments);
    command
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the daemon said")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let lines = self.log.lines.lock().unwrap_or_else(PoisonError::into_inner);
            eprintln!("--- freezerd {} said:\n{}", self.child.id(), lines.join("\n"));
        }
    }
}
