//! Watching: from a handle of a process, or a lock, to the events of its run.

use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::process::Signal;

use crate::failpoint::{self, Failpoint};
use crate::launch::LaunchEvent;
use crate::launch::arrivals::{until_reported, until_started, wakes};
use crate::launch::notes::Notes;
use crate::launch::report::RunReport;
use crate::launch::run_dir::RunDir;
use crate::launch::run_lock::RunLock;
use crate::launch::supervise::Exit;
use crate::launch::traces::{Traces, Unreadable, traces};
use crate::planner::{Outcome, RunId};

use super::life::{Life, Who, life};
use super::{Inner, Watched, orphans};

/// When what a run left cannot be read (out of descriptors, say), it is tried this often, a second apart: a
/// run is lost by evidence, not by a hiccup.
const READ_TRIES: u32 = 30;

/// Watches a run that lives, found by its lock: by its supervisor's handle if that lives, by its agent's, else by
/// the lock, which what an agent left behind may hold for ever, and its report.
pub(super) fn adopt(
    inner: &Arc<Inner>,
    run: &RunId,
    dir: &RunDir,
    lock: RunLock,
    who: Who,
) -> (u32, Option<DateTime<Utc>>) {
    let pid = dir.read_claim().map_or(0, |claim| claim.pid);
    let _context = inner.tasks.enter();
    let (supervisor, agent) = match who {
        Who::Supervisor(handle) => (Some(Arc::new(handle)), None),
        Who::Agent(handle) => (None, Some(Arc::new(handle))),
        Who::Somebody => (None, None),
    };
    let watched = supervisor.clone().or(agent);
    let ends = watched.clone().and_then(|handle| wakes(handle).ok());
    let started = dir.read_started().map(|started| started.at);
    let (start, end) = (started.is_none(), watched.is_none());
    let notice = (start || end).then(|| notice(inner, run, dir, start, end));
    // Its supervisor may have been killed after it was told, and before it had done anything about it.
    if inner.now_watched(run, pid, supervisor, notice)
        && let Err(problem) = orphans::abort(inner, run, dir)
    {
        tracing::error!(%run, %problem, "what is left of an aborted run cannot be told to stop");
    }
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
            match watched {
                Some(process) => until_ended(&process),
                None => {
                    if let Err(problem) = lock.wait() {
                        tracing::error!(%run, %problem, "cannot wait for the run's lock; taking it as free");
                    }
                }
            }
            drop(lock);
            settle(&inner, &run, None);
        }),
    }
    (pid, started)
}

/// Tells the first agent's start when it comes, and that there is a report. Ended from outside when the run ends.
pub(super) fn notice(
    inner: &Arc<Inner>,
    run: &RunId,
    dir: &RunDir,
    start: bool,
    end: bool,
) -> tokio::task::AbortHandle {
    let (inner, run, dir) = (Arc::clone(inner), run.clone(), dir.clone());
    let tasks = inner.tasks.clone();
    let task = tasks.spawn(async move {
        let start = async {
            if start {
                let started = until_started(&dir).await;
                inner.tell_started(&run, started.pid, started.at);
            }
        };
        let end = async {
            if end {
                until_reported(&dir).await;
                let (settling, run) = (Arc::clone(&inner), run.clone());
                inner.tasks.spawn_blocking(move || settle(&settling, &run, None));
            }
        };
        tokio::join!(start, end);
    });
    task.abort_handle()
}

/// The process that was watched is gone, or the lock is free: finds out what that means, and tells it.
/// Blocks on files.
pub(super) fn settle(inner: &Arc<Inner>, run: &RunId, status: Option<ExitStatus>) {
    let known = |watched: &Watched| (watched.pid, watched.abort_asked, watched.start_told);
    let Some((pid, abort_asked, start_told)) = inner.watched().get(run).map(known) else {
        return; // Forgotten meanwhile.
    };
    let Ok(dir) = inner.dir(run) else { return };
    // As it nearly always is: then nothing else has to be looked at.
    if let Ok(Some(report)) = dir.read_report() {
        return inner.tell_ended(run, report);
    }
    let notes = dir.notes();
    let started = notes.started.map(|started| started.at);
    let ended = |outcome, detail| RunReport::without_steps(outcome, started, inner.clock.now(), detail);
    let exit = status.and_then(|status| status.code()).and_then(Exit::from_code);
    let log = last_words(&notes);
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
        Ok(Traces::Living(lock)) => match life(&dir, &lock) {
            Life::LeftBehind => {
                let gone = gone(pid, status);
                let detail = format!(
                    "{gone} and left no report, and its agent is gone; what that left behind lives{log}"
                );
                ended(unknown_end(abort_asked), detail)
            }
            Life::Reported(report) => report,
            Life::Lives(who) => {
                if let (pid, Some(at)) = adopt(inner, run, &dir, lock, who) {
                    inner.tell_started(run, pid, at);
                }
                return;
            }
        },
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

/// Blocks this thread until the process has ended.
fn until_ended(process: &OwnedFd) {
    use rustix::event::{PollFd, PollFlags};
    let mut ends = [PollFd::new(process, PollFlags::IN)];
    while let Err(rustix::io::Errno::INTR) = rustix::event::poll(&mut ends, None) {}
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

/// `: LINE`, the supervisor's last complaint, or nothing.
fn last_words(notes: &Notes) -> String {
    notes.last_words.as_ref().map_or_else(String::new, |line| {
        let plain: String = line.chars().filter(|found| !found.is_control()).collect();
        format!(": {plain}")
    })
}

/// For a wait without end, or when tasks cannot be had.
pub(super) fn in_thread(work: impl FnOnce() + Send + 'static) {
    if let Err(problem) = std::thread::Builder::new()
        .name("run-watch".to_owned())
        .spawn(work)
    {
        tracing::error!(%problem, "cannot start a thread to watch a run; its end will be found at the next start");
    }
}

impl Inner {
    /// Notes who is watched. Whether an abort was asked for earlier.
    pub(super) fn now_watched(
        &self,
        run: &RunId,
        pid: u32,
        supervisor: Option<Arc<OwnedFd>>,
        notice: Option<tokio::task::AbortHandle>,
    ) -> bool {
        let mut watched = self.watched();
        let entry = watched.entry(run.clone()).or_default();
        (entry.pid, entry.supervisor) = (pid, supervisor);
        if let Some(earlier) = std::mem::replace(&mut entry.notice, notice) {
            earlier.abort();
        }
        entry.abort_asked
    }

    /// A run is over, and its supervisor is not: it may have another run soon, which an abort of this one must not meet.
    pub(super) fn let_go(&self, run: &RunId) {
        if let Some(entry) = self.watched().get_mut(run) {
            (entry.coming, entry.supervisor) = (false, None);
        }
    }

    /// A supervisor took the run that it was given; told to stop it may be from now on.
    pub(super) fn taken(&self, run: &RunId, supervisor: &Arc<OwnedFd>) {
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(run) else { return };
        (entry.coming, entry.supervisor) = (false, Some(Arc::clone(supervisor)));
        if entry.abort_asked {
            let _ = rustix::process::pidfd_send_signal(supervisor, Signal::TERM);
        }
    }

    pub(super) fn tell_started(&self, run: &RunId, pid: u32, at: DateTime<Utc>) {
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
        if let Some(notice) = entry.notice {
            notice.abort();
        }
        // Nobody listens while the daemon shuts down; the next one finds the report.
        let _ = self.events.send(LaunchEvent::Ended {
            run: run.clone(),
            report,
        });
    }
}
