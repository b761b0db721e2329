//! Ending a run whose supervisor is gone, or not known yet: by those who hold its lock.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::launch::LaunchError;
use crate::launch::run_dir::RunDir;
use crate::launch::run_lock::RunLock;
use crate::planner::RunId;

use super::Inner;

/// When the claim does not say how long to wait before SIGKILL.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Sends SIGTERM to the supervisor if it can be found by now; else to what is left of the run, and SIGKILL
/// after the grace. Nothing left: fine, its end is on its way.
pub(super) fn abort(inner: &Arc<Inner>, run: &RunId, dir: &RunDir) -> Result<(), LaunchError> {
    let lock = match RunLock::open(&dir.lock()) {
        Ok(lock) => lock,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(LaunchError::File {
                run: run.clone(),
                what: "open",
                path: dir.lock(),
                source,
            });
        }
    };
    if signal_supervisor(&lock, dir) {
        return Ok(());
    }
    let lives = signal_groups(&lock, Signal::TERM).map_err(|source| LaunchError::Signal {
        run: run.clone(),
        pid: 0,
        source,
    })?;
    if !lives {
        return Ok(()); // Nor do we hold the lock any longer: who looks for the run now would think that it lives.
    }
    let grace = dir.read_claim().map_or(DEFAULT_GRACE, |claim| {
        Duration::from_secs(u64::from(claim.kill_grace))
    });
    let (run, dir) = (run.clone(), dir.clone());
    inner.tasks.spawn(async move {
        crate::clock::pause(grace).await;
        // A supervisor that has shown up meanwhile ends the run its own way.
        if !signal_supervisor(&lock, &dir)
            && let Err(problem) = signal_groups(&lock, Signal::KILL)
        {
            tracing::error!(%run, %problem, "what is left of an aborted run cannot be killed");
        }
    });
    Ok(())
}

fn signal_supervisor(lock: &RunLock, dir: &RunDir) -> bool {
    dir.read_claim()
        .and_then(|claim| lock.holder(claim.pid))
        .is_some_and(|supervisor| rustix::process::pidfd_send_signal(supervisor, Signal::TERM).is_ok())
}

/// Signals the process group of everything that holds the lock: an agent's children may have closed the
/// descriptor, but they are in its group. The group is that of a process seen to hold this run's lock, not a
/// number remembered from earlier, so it is no stranger's. `false`: nothing of the run lives, and the lock was taken.
///
/// # Errors
/// When one of them cannot be signalled, or none can be seen though somebody holds the lock: a confined daemon does not see
/// into processes with more capabilities than its own.
fn signal_groups(lock: &RunLock, signal: Signal) -> std::io::Result<bool> {
    let own = rustix::process::getpgrp();
    let mut groups: Vec<Pid> = Vec::new();
    let holders = lock.holders()?;
    for &pid in &holders {
        if let Ok(group) = rustix::process::getpgid(Some(pid))
            && group != own
            && !groups.contains(&group)
        {
            groups.push(group);
        }
    }
    if holders.is_empty() {
        if lock.try_take()? {
            return Ok(false);
        }
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "its processes are hidden from this daemon (is it confined by its unit, and was the run started by one that was not?)",
        ));
    }
    for group in groups {
        match rustix::process::kill_process_group(group, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::bed::Bed;
    use super::abort;
    use crate::launch::run_lock::RunLock;

    #[tokio::test]
    async fn where_nothing_lives_an_abort_does_not_look_as_if_something_did() {
        let Bed { inner, run, dir, .. } = &Bed::new();
        abort(inner, run, dir).expect("nothing to signal");
        let lock = RunLock::open(&dir.lock()).expect("opened");
        assert!(lock.try_take().expect("asked"), "the daemon holds it");
    }
}
