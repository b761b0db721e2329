//! Supervisors that are this process's children: heard, while they live, and reaped.

use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::Arc;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::net::unix::pipe::Receiver;

use crate::launch::arrivals::wakes;
use crate::launch::run_dir::RunDir;
use crate::planner::RunId;

use super::Inner;
use super::hand_over::Handed;
use super::hearing::{Lines, Supervisor};
use super::watch::{in_thread, notice, settle};

/// A supervisor that was just started.
struct Started {
    child: Child,
    /// `None`: out of descriptors.
    handle: Option<Arc<OwnedFd>>,
    /// Likewise.
    heard: Option<Supervisor>,
}

fn hear(inner: &Inner, handed: Handed, nice: Option<i32>) -> Started {
    let Handed { child, says, tells } = handed;
    let _context = inner.tasks.enter();
    let handle = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).ok();
    let handle = handle.map(Arc::new);
    let says = Receiver::from_owned_fd(says.into()).ok();
    let ends = handle.clone().and_then(|handle| wakes(handle).ok());
    let heard = ends.map(|ends| Supervisor {
        pid: child.id(),
        nice,
        ends,
        // Who cannot be heard is given nothing more.
        tells: says.is_some().then_some(tells),
        says: says.map(Lines::new),
    });
    Started { child, handle, heard }
}

/// Watches a supervisor that was started for a run of this niceness.
pub(super) fn watch_child(inner: &Arc<Inner>, run: &RunId, dir: &RunDir, handed: Handed, nice: Option<i32>) {
    let Started {
        mut child,
        handle,
        heard,
    } = hear(inner, handed, nice);
    let is_heard = heard.as_ref().is_some_and(|supervisor| supervisor.says.is_some());
    let notice = (!is_heard).then(|| notice(inner, run, dir, true, false));
    if inner.now_watched(run, child.id(), handle.clone(), notice)
        && let Some(supervisor) = &handle
    {
        // It was asked for while the supervisor was being started.
        let _ = rustix::process::pidfd_send_signal(supervisor, Signal::TERM);
    }
    let (inner, run) = (Arc::clone(inner), run.clone());
    match heard {
        Some(supervisor) => {
            inner.tasks.clone().spawn(async move {
                let last = supervisor.see_through(&inner, run).await;
                reap(&inner, child, last);
            });
        }
        // It runs, so it is watched: by a thread of its own.
        None => in_thread(move || {
            let status = child.wait().ok();
            settle(&inner, &run, status);
        }),
    }
}

/// Watches a supervisor that was started before its run is recorded: a spare from now on.
pub(super) fn watch_spare(inner: &Arc<Inner>, run: &RunId, handed: Handed) {
    let Started { mut child, heard, .. } = hear(inner, handed, None);
    let offered = heard.and_then(|mut supervisor| {
        let given = supervisor.offer(inner, Some(run))?;
        Some((supervisor, given))
    });
    match offered {
        Some((supervisor, given)) => {
            let inner = Arc::clone(inner);
            inner.tasks.clone().spawn(async move {
                let last = supervisor.see_through_from(&inner, given).await;
                reap(&inner, child, last);
            });
        }
        // It is told nothing, so it goes.
        None => in_thread(move || drop(child.wait())),
    }
}

/// Takes its exit status, and finds out what became of the run whose end it did not tell.
fn reap(inner: &Arc<Inner>, mut child: Child, last: Option<RunId>) {
    let (inner, blocking) = (Arc::clone(inner), inner.tasks.clone());
    blocking.spawn_blocking(move || {
        let status = child.wait().ok();
        if let Some(run) = last {
            settle(&inner, &run, status);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::super::Watched;
    use super::super::bed::Bed;
    use super::{Handed, watch_child};
    use crate::launch::LaunchEvent;
    use crate::launch::notes::Started;
    use crate::launch::run_lock::RunLock;

    #[tokio::test]
    async fn the_start_of_a_run_whose_supervisor_cannot_be_heard_is_told() {
        let mut bed = Bed::new();
        let (inner, run, dir) = (&bed.inner, &bed.run, &bed.dir);
        let mut supervisor = Command::new("cat");
        supervisor.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = supervisor.spawn().expect("cat");
        let waits = child.stdin.take().expect("a pipe");
        let (pid, at) = (child.id(), chrono::DateTime::UNIX_EPOCH);
        // No pipe, so nothing can be heard by it.
        let deaf = OwnedFd::from(File::open("/dev/null").expect("opened"));
        let (_, tells) = std::io::pipe().expect("a pipe");
        let handed = Handed {
            child,
            says: deaf.into(),
            tells,
        };
        inner.watched().insert(run.clone(), Watched::default());
        watch_child(inner, run, dir, handed, None);
        let lock = RunLock::open(&dir.lock()).expect("opened");
        let agent = None;
        lock.note(&Started { pid, at, agent }).expect("noted");
        let told = tokio::time::timeout(Duration::from_secs(120), bed.heard.recv()).await;
        let run = bed.run.clone();
        assert_eq!(told, Ok(Some(LaunchEvent::Started { run, pid, at })));
        drop(waits);
    }
}
