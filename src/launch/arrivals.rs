//! Waiting for what a supervisor puts in place, without looking for it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::inotify;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::run_dir::{RunDir, Started};

/// Waits for the file that says when the first agent was started. `None`: it cannot be waited for.
pub(super) async fn until_started(dir: &RunDir) -> Option<Started> {
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
