//! One try of one step: one agent, from its start to its end.

use std::io::{Read, Stderr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::clock::Clock;
use crate::failpoint::{self, Failpoint};

use super::abort::{AbortSignal, wait_for};
use super::capture::{Capture, Keep, Reading};
use super::echo::Echo;

/// Once the agent has ended, all it printed is in the pipes. What it left behind may hold them open for ever;
/// it gets this long to print a last word.
const PIPE_GRACE: Duration = Duration::from_millis(250);
/// While an abort waits for what the agent left behind, look for it this often.
const STRAY_CHECK: Duration = Duration::from_millis(50);
/// What is still read when nothing is waited for any more: more than any pipe holds.
const LAST_READ: usize = 2 << 20;

/// How a try ended.
#[derive(Debug)]
pub(super) enum End {
    /// The agent ended by itself, or by a signal.
    Status(ExitStatus),
    /// There was none: why.
    NotStarted(String),
}

impl End {
    pub(super) fn is_success(&self) -> bool {
        matches!(self, Self::Status(status) if status.success())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
            Self::Status(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit {code}"),
                (None, Some(signal)) => write!(f, "killed by signal {signal}"),
                (None, None) => write!(f, "ended strangely: {status}"),
            },
        }
    }
}

/// What became of one try.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) end: End,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Why it was told to stop, if it was before it had ended.
    pub(super) cut_short: Option<Cut>,
}

/// Why a run does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Somebody asked for that.
    Abort,
    /// It may not take longer.
    TooLong,
}

impl Attempt {
    pub(super) fn not_started(why: String) -> Self {
        Self {
            end: End::NotStarted(why),
            stdout: String::new(),
            stderr: String::new(),
            cut_short: None,
        }
    }
}

/// The bounds of a try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes kept of each stream.
    pub(super) keep: usize,
    /// From SIGTERM to SIGKILL.
    pub(super) kill_grace: Duration,
    /// When it must be over, by the monotonic clock.
    pub(super) until: Option<Duration>,
}

/// Starts `command` in a process group of its own and sees it through. What it prints on standard error is printed on `echo`,
/// too. `on_start` is called once it runs, with its id.
pub(super) fn run(
    mut command: Command,
    bounds: Bounds,
    echo: Option<&mut Echo<Stderr>>,
    clock: &dyn Clock,
    abort: &mut AbortSignal,
    on_start: impl FnOnce(u32),
) -> Attempt {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(problem) => {
            let program = command.get_program().display();
            return Attempt::not_started(format!("{program}: {problem}"));
        }
    };
    // Drops the copy of the environment: it is large, and an agent may run for days.
    drop(command);
    failpoint::reach(Failpoint::AgentStarted);
    on_start(child.id());
    failpoint::reach(Failpoint::AgentAnnounced);
    let group = Pid::from_child(&child);
    let ends = match rustix::process::pidfd_open(group, PidfdFlags::empty()) {
        Ok(ends) => ends,
        Err(problem) => {
            // Nothing can be waited for without it; an agent nobody can abort must not stay.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
            let _ = child.wait();
            return Attempt::not_started(format!("it cannot be watched: {problem}"));
        }
    };
    let stdout = child
        .stdout
        .take()
        .map(|source| Stream::new(source, Capture::new(Keep::Start, bounds.keep)));
    let stderr = child
        .stderr
        .take()
        .map(|source| Stream::new(source, Capture::new(Keep::End, bounds.keep).echoed(echo)));
    let mut watch = Watch {
        group,
        ends,
        stdout,
        stderr,
        bounds,
        phase: Phase::Running,
        ended_at: None,
    };
    let cut_short = watch.until_over(clock, abort);
    let (stdout, stderr) = watch.into_texts();
    Attempt {
        end: reap(&mut child),
        stdout,
        stderr,
        cut_short,
    }
}

/// The agent has ended; only now is its id given free, so its group's number was not reused meanwhile.
fn reap(child: &mut Child) -> End {
    match child.wait() {
        Ok(status) => End::Status(status),
        Err(problem) => End::NotStarted(format!("its exit status is gone: {problem}")),
    }
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Running,
    Aborting { kill_at: Duration },
    Killed,
}

struct Watch<'e> {
    group: Pid,
    ends: OwnedFd,
    stdout: Option<Stream<'e, std::process::ChildStdout>>,
    stderr: Option<Stream<'e, std::process::ChildStderr>>,
    bounds: Bounds,
    phase: Phase,
    ended_at: Option<Duration>,
}

impl Watch<'_> {
    /// Reads and waits until the try is over. Why it was cut short, if that came before the agent's end.
    fn until_over(&mut self, clock: &dyn Clock, abort: &mut AbortSignal) -> Option<Cut> {
        let mut cut_short = None;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let now = clock.monotonic();
            // Asked in every phase: it also takes the wake-up's bytes off, or polling would spin.
            let asked = abort.asked();
            let too_long = self.bounds.until.is_some_and(|until| now >= until);
            match self.phase {
                Phase::Running if asked || (too_long && self.ended_at.is_none()) => {
                    // systemd asks, too, of one that takes too long.
                    let cut = if too_long { Cut::TooLong } else { Cut::Abort };
                    cut_short = self.ended_at.is_none().then_some(cut);
                    self.signal(Signal::TERM);
                    self.phase = Phase::Aborting {
                        kill_at: now + self.bounds.kill_grace,
                    };
                }
                Phase::Aborting { kill_at } if now >= kill_at => {
                    self.signal(Signal::KILL);
                    self.phase = Phase::Killed;
                }
                _ => {}
            }
            let Some(length) = self.next_wait(now) else {
                return cut_short;
            };
            self.wait(length, abort, &mut buffer, clock);
        }
    }

    /// How long to wait for the next thing, `Some(None)`: however long it takes. `None`: it is over.
    #[expect(
        clippy::option_option,
        reason = "over, bounded and unbounded are three things, told here only"
    )]
    fn next_wait(&self, now: Duration) -> Option<Option<Duration>> {
        match (self.phase, self.ended_at) {
            (Phase::Running, None) => Some(self.bounds.until.map(|until| until.saturating_sub(now))),
            (Phase::Killed, None) => Some(None),
            (Phase::Running, Some(ended_at)) => {
                let left = (ended_at + PIPE_GRACE).saturating_sub(now);
                let open = is_open(&self.stdout) || is_open(&self.stderr);
                (open && !left.is_zero()).then_some(Some(left))
            }
            (Phase::Aborting { kill_at }, None) => Some(Some(kill_at.saturating_sub(now))),
            (Phase::Aborting { kill_at }, Some(_)) => {
                group_lives(self.group).then(|| Some(STRAY_CHECK.min(kill_at.saturating_sub(now))))
            }
            (Phase::Killed, Some(_)) => None,
        }
    }

    fn wait(&mut self, length: Option<Duration>, abort: &AbortSignal, buffer: &mut [u8], clock: &dyn Clock) {
        let mut fds = Vec::with_capacity(4);
        fds.push(PollFd::from_borrowed_fd(abort.wakes(), PollFlags::IN));
        if self.ended_at.is_none() {
            fds.push(PollFd::new(&self.ends, PollFlags::IN));
        }
        fds.extend(poll_of(&self.stdout));
        fds.extend(poll_of(&self.stderr));
        wait_for(&mut fds, length);
        let ended = self.ended_at.is_none() && fds.get(1).is_some_and(|end| !end.revents().is_empty());
        drop(fds);
        if ended {
            self.ended_at = Some(clock.monotonic());
        }
        read_once(&mut self.stdout, buffer);
        read_once(&mut self.stderr, buffer);
    }

    /// To the whole group. Its leader is not reaped before this is over, so the number is still ours.
    fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(self.group, signal);
    }

    fn into_texts(mut self) -> (String, String) {
        let mut buffer = vec![0; 64 << 10];
        let stdout = finish(self.stdout.take(), &mut buffer);
        (stdout, finish(self.stderr.take(), &mut buffer))
    }
}

/// One pipe and what is kept of it; `source` is `None` once it has ended.
struct Stream<'e, S> {
    source: Option<S>,
    kept: Capture<'e>,
}

impl<'e, S: AsFd> Stream<'e, S> {
    fn new(source: S, kept: Capture<'e>) -> Self {
        let source = rustix::io::ioctl_fionbio(&source, true).is_ok().then_some(source);
        Self { source, kept }
    }
}

fn is_open<S>(stream: &Option<Stream<'_, S>>) -> bool {
    stream.as_ref().is_some_and(|stream| stream.source.is_some())
}

fn poll_of<'s, S: AsFd>(stream: &'s Option<Stream<'_, S>>) -> Option<PollFd<'s>> {
    let source = stream.as_ref()?.source.as_ref()?;
    Some(PollFd::new(source, PollFlags::IN))
}

fn read_once<S: Read>(stream: &mut Option<Stream<'_, S>>, buffer: &mut [u8]) -> Reading {
    let Some(stream) = stream else {
        return Reading::Ended;
    };
    let Some(source) = &mut stream.source else {
        return Reading::Ended;
    };
    let got = stream.kept.read_once(source, buffer);
    if got == Reading::Ended {
        stream.source = None;
    }
    got
}

/// Reads what is left, if it is not without end, and gives what was kept.
fn finish<S: Read>(mut stream: Option<Stream<'_, S>>, buffer: &mut [u8]) -> String {
    for _ in 0..LAST_READ / buffer.len().max(1) {
        if read_once(&mut stream, buffer) != Reading::Some {
            break;
        }
    }
    stream.map(|stream| stream.kept.into_text()).unwrap_or_default()
}

/// Whether the group has a member that has not ended. Its unreaped leader would answer a signal 0, so the
/// states have to be looked up.
fn group_lives(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    let group = group.as_raw_nonzero().to_string();
    processes.flatten().any(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // `pid (name) state ppid pgrp ...`; the name may hold anything.
        let mut fields = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_ascii_whitespace())
            .into_iter()
            .flatten();
        let state = fields.next();
        fields.nth(1) == Some(&group) && !matches!(state, Some("Z" | "X"))
    })
}
