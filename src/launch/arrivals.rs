//! Waiting for what a supervisor puts in place, without looking for it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::run_dir::{RunDir, Started};
use crate::clock;

/// Between two looks where a file cannot be waited for.
const LOOK: Duration = Duration::from_secs(5);

/// Waits for the file that says when the first agent was started.
pub(super) async fn until_started(dir: &RunDir) -> Started {
    if let Some(started) = notified(dir).await {
        return started;
    }
    // The user's limit of inotify instances is reached, which whoever else is root on this machine may have done.
    tracing::warn!(
        folder = %dir.state().display(),
        "looked at every {} s: the kernel gives no inotify instance (fs.inotify.max_user_instances)",
        LOOK.as_secs()
    );
    looked_for(dir, LOOK).await
}

async fn looked_for(dir: &RunDir, every: Duration) -> Started {
    loop {
        if let Some(started) = dir.read_started() {
            return started;
        }
        clock::pause(every).await;
    }
}

/// The same, told by the kernel. `None`: it does not tell.
async fn notified(dir: &RunDir) -> Option<Started> {
    let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
    let arrivals = inotify::init(flags).ok()?;
    inotify::add_watch(&arrivals, dir.state(), inotify::WatchFlags::MOVED_TO).ok()?;
    let arrivals = wakes(Arc::new(arrivals)).ok()?;
    let mut ignored = [0; 4096];
    loop {
        if let Some(started) = dir.read_started() {
            return Some(started);
        }
        let mut ready = arrivals.readable().await.ok()?;
        while rustix::io::read(arrivals.get_ref().as_fd(), &mut ignored).is_ok_and(|count| count > 0) {}
        ready.clear_ready();
    }
}

/// Lets a task wait until the descriptor is readable.
#[expect(
    deprecated,
    reason = "the successor is unsafe code's; what can go wrong, a type that changes or closes its descriptor \
              behind tokio's back, an owned descriptor does not do"
)]
pub(super) fn wakes(handle: Arc<OwnedFd>) -> std::io::Result<AsyncFd<Arc<OwnedFd>>> {
    AsyncFd::with_interest(handle, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::{looked_for, notified};
    use crate::launch::run_dir::RunDir;
    use crate::planner::RunId;

    #[tokio::test]
    async fn where_nothing_can_be_watched_it_is_looked_for() {
        let bed = tempfile::tempdir().expect("a folder");
        let run = RunId::from_stored("a-20260301T000000Z".to_owned());
        // Not there yet, so the kernel watches nothing.
        let dir = RunDir::of_run(&bed.path().join("s"), &bed.path().join("r"), &run).expect("its folder");
        assert!(notified(&dir).await.is_none());
        let look = Duration::from_millis(1);
        let comes = async {
            crate::clock::pause(3 * look).await;
            fs::create_dir_all(dir.state()).expect("a folder");
            let text = r#"{"pid": 7, "at": "2026-03-01T00:00:00Z"}"#;
            fs::write(dir.state().join("started"), text).expect("its file");
        };
        let (found, ()) = tokio::join!(looked_for(&dir, look), comes);
        assert_eq!(found.pid, 7);
    }
}
