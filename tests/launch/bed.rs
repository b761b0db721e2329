//! What a launch test lies on: directories, a launcher, its events, agents and pipes to them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freezerd::clock::SystemClock;
use freezerd::launch::process::ProcessLauncher;
use freezerd::launch::{LaunchEvent, Launcher, Limits, Recipe, RunReport, Step};
use freezerd::plan::JobId;
use freezerd::planner::RunId;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Only a failure waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Bed {
    root: tempfile::TempDir,
    pub(crate) launcher: ProcessLauncher,
    events: UnboundedReceiver<LaunchEvent>,
    agents: usize,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let (launcher, events) = launcher(root.path(), freezerd());
        Self {
            root,
            launcher,
            events,
            agents: 0,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// Another daemon over the same directories; nothing more is heard of what the first one watched.
    pub(crate) fn restart(&mut self) {
        self.restart_with(freezerd());
    }

    /// The same, with this program for a supervisor.
    pub(crate) fn restart_with(&mut self, program: PathBuf) {
        (self.launcher, self.events) = launcher(self.root.path(), program);
    }

    /// An agent: this text, run by sh. Written by another process: one of ours that was forked meanwhile by
    /// another test would hold the file open for writing, and it could not be executed.
    pub(crate) fn agent(&mut self, script: &str) -> PathBuf {
        self.agents += 1;
        let path = self.root.path().join(format!("agent-{}", self.agents));
        let mut writer = Command::new("sh")
            .args(["-c", r#"cat >"$0" && chmod 755 "$0""#])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh");
        let text = format!("#!/bin/sh\n{script}\n");
        writer
            .stdin
            .take()
            .expect("a pipe")
            .write_all(text.as_bytes())
            .expect("written");
        assert!(writer.wait().expect("waited").success());
        path
    }

    /// A recipe of one step that runs this script as its agent.
    pub(crate) fn recipe(&mut self, name: &str, script: &str) -> Recipe {
        let agent = self.agent(script);
        Recipe {
            run: run_id(name),
            job: JobId::new(name),
            agent,
            steps: vec![step("backup fs")],
            environment: BTreeMap::from([("BED".to_owned(), self.path().display().to_string())]),
            without: Vec::new(),
            kill_grace: 20,
            keep_output: 4096,
            limits: Limits::default(),
            journal: false,
            further: false,
            open_files: None,
        }
    }

    /// The supervisor that was started ahead for this run, and has nothing to execute yet.
    pub(crate) fn ahead(&self, run: &RunId) -> u32 {
        self.launcher.get_ready(run);
        assert!(
            !self.state(run).exists() && !self.runtime(run).exists(),
            "nothing is begun"
        );
        let about = self.state(run).display().to_string();
        let is_it = |process: &std::fs::DirEntry| {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0);
            words.any(|word| word == b"--when-told") && words.any(|word| word == about.as_bytes())
        };
        // Its words are not there at the very moment when it is. (This thread waits: nothing is given up meanwhile.)
        let look = || std::fs::read_dir("/proc").expect("/proc").flatten().find(is_it);
        let found = std::iter::repeat_with(|| {
            freezerd::clock::pause_thread(Duration::from_millis(1));
            look()
        });
        let process = found.take(10_000).flatten().next().expect("it was started");
        let pid = process.file_name().to_str().and_then(|pid| pid.parse().ok());
        pid.expect("a pid")
    }

    pub(crate) fn start(&self, recipe: &Recipe) {
        self.launcher.start(recipe).expect("handed over");
    }

    /// Starts it and waits for its report.
    pub(crate) async fn run(&mut self, recipe: &Recipe) -> RunReport {
        self.start(recipe);
        self.ended(&recipe.run).await
    }

    pub(crate) async fn event(&mut self) -> LaunchEvent {
        within(self.events.recv()).await.expect("the launcher lives")
    }

    /// The supervisor's pid, when the run's first agent was started.
    pub(crate) async fn started(&mut self, run: &RunId) -> u32 {
        loop {
            match self.event().await {
                LaunchEvent::Started { run: which, pid, .. } if which == *run => return pid,
                LaunchEvent::Ended { run: which, report } if which == *run => panic!("it ended: {report:?}"),
                _ => {}
            }
        }
    }

    pub(crate) async fn ended(&mut self, run: &RunId) -> RunReport {
        loop {
            match self.event().await {
                LaunchEvent::Ended { run: which, report } if which == *run => return report,
                _ => {}
            }
        }
    }

    /// Whether nothing was told that has not been taken.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    pub(crate) fn state(&self, run: &RunId) -> PathBuf {
        self.path().join("state/runs").join(run.as_str())
    }

    pub(crate) fn runtime(&self, run: &RunId) -> PathBuf {
        self.path().join("runtime/runs").join(run.as_str())
    }

    /// A named pipe in `$BED`.
    pub(crate) fn pipe(&self, name: &str) -> NamedPipe {
        NamedPipe::new(&self.path().join(name))
    }

    /// What an agent left in a file of `$BED`.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("the agent wrote it")
    }
}

/// A test that failed leaves no processes behind.
impl Drop for Bed {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.path().join("state/runs"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let run = RunId::from_stored(entry.file_name().to_string_lossy().into_owned());
            let _ = self.launcher.abort(&run);
        }
    }
}

fn freezerd() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_freezerd"))
}

fn launcher(root: &Path, program: PathBuf) -> (ProcessLauncher, UnboundedReceiver<LaunchEvent>) {
    let (sender, events) = unbounded_channel();
    let clock = Arc::new(SystemClock::new());
    let launcher = ProcessLauncher::new(&root.join("state"), &root.join("runtime"), program, clock, sender);
    (launcher.expect("a launcher"), events)
}

/// Both ends are held here, so neither side ever waits for the other to open it, or sees an early end.
pub(crate) struct NamedPipe {
    reader: pipe::Receiver,
    writer: pipe::Sender,
}

impl NamedPipe {
    fn new(path: &Path) -> Self {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .expect("a named pipe");
        let mut options = pipe::OpenOptions::new();
        options.read_write(true);
        Self {
            reader: options.open_receiver(path).expect("opened"),
            writer: options.open_sender(path).expect("opened"),
        }
    }

    /// Waits for a line.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            line.push(within(self.reader.read_u8()).await.expect("a byte"));
        }
        String::from_utf8(line).expect("text").trim_end().to_owned()
    }

    /// Lets one `read` of a script go on.
    pub(crate) async fn release(&mut self) {
        self.writer.write_all(b"go\n").await.expect("written");
    }
}

/// The same, or a failure after a long time.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it happened in time")
}

/// Waits until a supervisor has ended and is no zombie either: it waits a moment for further runs.
pub(crate) async fn until_reaped(raw: u32) {
    within(async {
        while std::fs::exists(format!("/proc/{raw}")).expect("/proc") {
            freezerd::clock::pause(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub(crate) fn run_id(name: &str) -> RunId {
    RunId::from_stored(format!("{name}-20260101T000000Z"))
}

pub(crate) fn step(label: &str) -> Step {
    Step {
        label: label.to_owned(),
        ini: format!("[action]\nlabel = {label}\n"),
        max_retries: 0,
        retry_after: 0,
        mandatory: false,
    }
}

pub(crate) fn pid(raw: u32) -> Pid {
    Pid::from_raw(raw.cast_signed()).expect("a pid")
}

pub(crate) fn kill(raw: u32) {
    rustix::process::kill_process(pid(raw), Signal::KILL).expect("killed");
}

/// Waits until a process of somebody else's has ended.
pub(crate) fn until_gone(raw: u32) {
    match rustix::process::pidfd_open(pid(raw), PidfdFlags::empty()) {
        Ok(process) => {
            let mut ends = [PollFd::new(&process, PollFlags::IN)];
            let patience = Timespec::try_from(PATIENCE).expect("fits");
            assert_eq!(
                rustix::event::poll(&mut ends, Some(&patience)),
                Ok(1),
                "{raw} was left running"
            );
        }
        Err(problem) => assert_eq!(problem, rustix::io::Errno::SRCH),
    }
}
