//! Watching: from a handle of a process, or a lock, to the events of its run.

use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::AsyncReadExt;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;

use crate::failpoint::{self, Failpoint};
use crate::launch::LaunchEvent;
use crate::launch::arrivals::{until_started, wakes};
use crate::launch::report::RunReport;
use crate::launch::run_dir::RunDir;
use crate::launch::run_lock::RunLock;
use crate::launch::supervise::Exit;
use crate::launch::traces::{Traces, Unreadable, traces};
use crate::planner::{Outcome, RunId};

use super::hand_over::Handed;
use super::{Inner, Watched};

/// Once a supervisor is gone, so is its end of the pipe; what it said is read within this.
const LAST_LINE_GRACE: Duration = Duration::from_secs(1);
/// When what a run left cannot be read (out of descriptors, say), it is tried this often, a second apart: a
/// run is lost by evidence, not by a hiccup.
const READ_TRIES: u32 = 30;

/// Watches a supervisor that was just started.
pub(super) fn watch_child(inner: &Arc<Inner>, run: &RunId, handed: Handed) {
    let Handed { mut child, says } = handed;
    let pid = child.id();
    let _context = inner.tasks.enter();
    let handle = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).map(Arc::new);
    if inner.now_watched(run, pid, handle.as_ref().ok().cloned(), None)
        && let Ok(supervisor) = &handle
    {
        // It was asked for while the supervisor was being started.
        let _ = rustix::process::pidfd_send_signal(supervisor, Signal::TERM);
    }
    let says = Receiver::from_owned_fd(says.into()).ok();
    let ends = handle.map_err(std::io::Error::from).and_then(wakes);
    let (inner, run) = (Arc::clone(inner), run.clone());
    match ends {
        Ok(ends) => {
            inner.tasks.clone().spawn(async move {
                until_ended(&inner, &run, pid, &ends, says).await;
                let blocking = inner.tasks.clone();
                blocking.spawn_blocking(move || {
                    let status = child.wait().ok();
                    settle(&inner, &run, status);
                });
            });
        }
        // Out of descriptors. It runs, so it is watched: by a thread of its own.
        Err(_) => in_thread(move || {
            let status = child.wait().ok();
            settle(&inner, &run, status);
        }),
    }
}

/// Waits for the supervisor's end; tells on the way that the first agent was started.
async fn until_ended(
    inner: &Inner,
    run: &RunId,
    pid: u32,
    ends: &AsyncFd<Arc<OwnedFd>>,
    says: Option<Receiver>,
) {
    if let Some(says) = says {
        let mut hearing = Box::pin(hear_start(says));
        let heard = tokio::select! {
            biased;
            heard = &mut hearing => heard,
            // The pipe died with it: there is the line, or its end, unless somebody else has the pipe.
            _ = ends.readable() => tokio::time::timeout(LAST_LINE_GRACE, hearing).await.ok().flatten(),
        };
        if let Some(at) = heard {
            inner.tell_started(run, pid, at);
        }
    }
    let _ = ends.readable().await;
}

/// Reads one line of bounded length. `None`: there will be none.
async fn hear_start(mut says: Receiver) -> Option<DateTime<Utc>> {
    let mut said = [0; 128];
    let mut length = 0;
    loop {
        let count = says
            .read(said.get_mut(length..)?)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        length += count;
        let line = said.get(..length)?;
        if line.ends_with(b"\n") {
            return start_time(line);
        }
    }
}

/// `started TIME` and a line's end.
fn start_time(said: &[u8]) -> Option<DateTime<Utc>> {
    let line = std::str::from_utf8(said)
        .ok()?
        .strip_prefix("started ")?
        .strip_suffix('\n')?;
    Some(DateTime::parse_from_rfc3339(line).ok()?.to_utc())
}

/// Watches a run that lives, found by its lock: by its supervisor's handle if that lives, else by the lock.
pub(super) fn adopt(
    inner: &Arc<Inner>,
    run: &RunId,
    dir: &RunDir,
    lock: RunLock,
) -> (u32, Option<DateTime<Utc>>) {
    let pid = dir.read_claim().map_or(0, |claim| claim.pid);
    let _context = inner.tasks.enter();
    let supervisor = lock.holder(pid).map(Arc::new);
    let ends = supervisor.clone().and_then(|handle| wakes(handle).ok());
    let started = dir.read_started().map(|started| started.at);
    let start_notice = started.is_none().then(|| {
        let (inner, run, dir) = (Arc::clone(inner), run.clone(), dir.clone());
        inner
            .tasks
            .clone()
            .spawn(async move { notice_start(&inner, &run, &dir).await })
            .abort_handle()
    });
    inner.now_watched(run, pid, supervisor, start_notice);
    let (inner, run) = (Arc::clone(inner), run.clone());
    match ends {
        Some(ends) => {
            inner.tasks.clone().spawn(async move {
                let _ = ends.readable().await;
                let blocking = inner.tasks.clone();
                blocking.spawn_blocking(move || settle(&inner, &run, None));
            });
        }
        // A thread that may wait for days: not one of the runtime's, which waits for its own when it ends.
        None => in_thread(move || {
            if let Err(problem) = lock.wait() {
                tracing::error!(%run, %problem, "cannot wait for the run's lock; taking it as free");
            }
            drop(lock);
            settle(&inner, &run, None);
        }),
    }
    (pid, started)
}

/// Tells the first agent's start when it comes. Ended from outside when the run ends.
async fn notice_start(inner: &Inner, run: &RunId, dir: &RunDir) {
    let started = until_started(dir).await;
    inner.tell_started(run, started.pid, started.at);
}

/// The process that was watched is gone, or the lock is free: finds out what that means, and tells it.
/// Blocks on files.
fn settle(inner: &Arc<Inner>, run: &RunId, status: Option<ExitStatus>) {
    let known = |watched: &Watched| (watched.pid, watched.abort_asked, watched.start_told);
    let Some((pid, abort_asked, start_told)) = inner.watched().get(run).map(known) else {
        return; // Forgotten meanwhile.
    };
    let Ok(dir) = inner.dir(run) else { return };
    let started = dir.read_started().map(|started| started.at);
    let ended = |outcome, detail| RunReport::without_steps(outcome, started, inner.clock.now(), detail);
    let exit = status.and_then(|status| status.code()).and_then(Exit::from_code);
    let log = last_words(&dir);
    let report = match patiently(&dir) {
        Ok(Traces::Reported(report)) => report,
        // Before anything else: what it left behind may hold the lock for ever, and it did end.
        Ok(Traces::Living(_) | Traces::Claimed | Traces::None)
            if let Some(Exit::Unreported(outcome)) = exit =>
        {
            ended(
                outcome,
                format!(
                    "its report could not be written; its supervisor's exit code tells how it ended{log}"
                ),
            )
        }
        Ok(Traces::Living(lock)) => {
            if let (pid, Some(at)) = adopt(inner, run, &dir, lock) {
                inner.tell_started(run, pid, at);
            }
            return;
        }
        Ok(Traces::None) if start_told => ended(
            unknown_end(abort_asked),
            format!("{}, and its traces were removed", gone(pid, status)),
        ),
        Ok(Traces::None) => {
            let outcome = if abort_asked {
                Outcome::Aborted
            } else {
                Outcome::Fail
            };
            ended(
                outcome,
                format!("{} before it started any agent{log}", gone(pid, status)),
            )
        }
        Ok(Traces::Claimed) => {
            let gone = gone(pid, status);
            let detail = format!("{gone} and left no report; nothing of the run lives{log}");
            ended(unknown_end(abort_asked), detail)
        }
        Err((what, path, problem)) => {
            let path = path.display();
            ended(
                Outcome::Lost,
                format!(
                    "{}, and what it left cannot be known: cannot {what} {path}: {problem}",
                    gone(pid, status)
                ),
            )
        }
    };
    inner.tell_ended(run, report);
}

/// How it would have ended is not known. That it was told to stop, and is no more, is.
fn unknown_end(abort_asked: bool) -> Outcome {
    if abort_asked {
        Outcome::Aborted
    } else {
        Outcome::Lost
    }
}

fn patiently(dir: &RunDir) -> Result<Traces, Unreadable> {
    for _ in 1..READ_TRIES {
        match traces(dir) {
            Err(_) => crate::clock::pause_thread(Duration::from_secs(1)),
            seen => return seen,
        }
    }
    traces(dir)
}

fn gone(pid: u32, status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("its supervisor (pid {pid}) ended with {status}"),
        None => format!("its supervisor (pid {pid}) is gone"),
    }
}

/// `: LINE`, the last of the supervisor's log, or nothing.
fn last_words(dir: &RunDir) -> String {
    use std::io::Read;
    let mut text = Vec::new();
    // Its own few lines: whatever is beyond was not written by it.
    let read = std::fs::File::open(dir.log()).and_then(|log| log.take(4096).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    match text.lines().last() {
        Some(line) if read.is_ok() => format!(
            ": {}",
            line.chars()
                .filter(|found| !found.is_control())
                .collect::<String>()
        ),
        _ => String::new(),
    }
}

/// For a wait without end, or when tasks cannot be had.
fn in_thread(work: impl FnOnce() + Send + 'static) {
    if let Err(problem) = std::thread::Builder::new()
        .name("run-watch".to_owned())
        .spawn(work)
    {
        tracing::error!(%problem, "cannot start a thread to watch a run; its end will be found at the next start");
    }
}

impl Inner {
    /// Notes who is watched. Whether an abort was asked for earlier.
    fn now_watched(
        &self,
        run: &RunId,
        pid: u32,
        supervisor: Option<Arc<OwnedFd>>,
        start_notice: Option<tokio::task::AbortHandle>,
    ) -> bool {
        let mut watched = self.watched();
        let entry = watched.entry(run.clone()).or_default();
        (entry.pid, entry.supervisor) = (pid, supervisor);
        if let Some(earlier) = std::mem::replace(&mut entry.start_notice, start_notice) {
            earlier.abort();
        }
        entry.abort_asked
    }

    fn tell_started(&self, run: &RunId, pid: u32, at: DateTime<Utc>) {
        // Told under the lock, as the end is: so never after it.
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(run) else { return };
        if entry.start_told {
            return;
        }
        (entry.pid, entry.start_told) = (pid, true);
        let _ = self.events.send(LaunchEvent::Started {
            run: run.clone(),
            pid,
            at,
        });
    }

    fn tell_ended(&self, run: &RunId, report: RunReport) {
        failpoint::reach(Failpoint::EndFound);
        let mut watched = self.watched();
        let Some(entry) = watched.remove(run) else { return };
        if let Some(notice) = entry.start_notice {
            notice.abort();
        }
        // Nobody listens while the daemon shuts down; the next one finds the report.
        let _ = self.events.send(LaunchEvent::Ended {
            run: run.clone(),
            report,
        });
    }
}
