//! Waiting for what a supervisor notes, without looking for it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::notes::Started;
use super::run_dir::RunDir;
use crate::clock;

/// Between two looks where a file cannot be waited for.
const LOOK: Duration = Duration::from_secs(5);

/// Waits for the note that says when the first agent was started.
pub(super) async fn until_started(dir: &RunDir) -> Started {
    until(dir, RunDir::read_started).await
}

/// Waits for the report; also for one that cannot be read at present, but not for a damaged one.
pub(super) async fn until_reported(dir: &RunDir) {
    until(dir, |dir| (!matches!(dir.read_report(), Ok(None))).then_some(())).await;
}

async fn until<T>(dir: &RunDir, look: impl Fn(&RunDir) -> Option<T>) -> T {
    if let Some(found) = notified(dir, &look).await {
        return found;
    }
    // The user's limit of inotify instances is reached, which whoever else is root on this machine may have done.
    tracing::warn!(
        folder = %dir.state().display(),
        "looked at every {} s: the kernel gives no inotify instance (fs.inotify.max_user_instances)",
        LOOK.as_secs()
    );
    looked_for(dir, &look, LOOK).await
}

async fn looked_for<T>(dir: &RunDir, look: impl Fn(&RunDir) -> Option<T>, every: Duration) -> T {
    loop {
        if let Some(found) = look(dir) {
            return found;
        }
        clock::pause(every).await;
    }
}

/// The same, told by the kernel. `None`: it does not tell.
async fn notified<T>(dir: &RunDir, look: impl Fn(&RunDir) -> Option<T>) -> Option<T> {
    let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
    let arrivals = inotify::init(flags).ok()?;
    // A report, and all that a former version's supervisor tells, is a file that is put in place.
    let what = inotify::WatchFlags::MODIFY | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&arrivals, dir.state(), what).ok()?;
    let arrivals = wakes(Arc::new(arrivals)).ok()?;
    let mut ignored = [0; 4096];
    loop {
        if let Some(found) = look(dir) {
            return Some(found);
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
        assert!(notified(&dir, RunDir::read_started).await.is_none());
        let look = Duration::from_millis(1);
        let comes = async {
            crate::clock::pause(3 * look).await;
            fs::create_dir_all(dir.state()).expect("a folder");
            let text = r#"{"pid": 7, "at": "2026-03-01T00:00:00Z"}"#;
            fs::write(dir.claim(), text).expect("its file");
        };
        let (found, ()) = tokio::join!(looked_for(&dir, RunDir::read_started, look), comes);
        assert_eq!(found.pid, 7);
    }

    #[tokio::test]
    async fn a_supervisor_of_a_former_version_tells_it_by_a_file() {
        let bed = tempfile::tempdir().expect("a folder");
        let run = RunId::from_stored("a-20260301T000000Z".to_owned());
        let dir = RunDir::of_run(&bed.path().join("s"), &bed.path().join("r"), &run).expect("its folder");
        fs::create_dir_all(dir.state()).expect("a folder");
        fs::write(dir.lock(), "").expect("its file");
        fs::write(dir.claim(), r#"{"pid": 7, "kill_grace": 10}"#).expect("its file");
        fs::write(dir.state().join("log"), "the disk is full\n").expect("its file");
        let (draft, started) = (dir.state().join("started.draft"), dir.state().join("started"));
        fs::write(&draft, r#"{"pid": 7, "at": "2026-03-01T00:00:00Z"}"#).expect("its file");
        assert_eq!(dir.read_started(), None);
        let comes = async { fs::rename(draft, started).expect("put in place") };
        let both = async { tokio::join!(notified(&dir, RunDir::read_started), comes) };
        let (found, ()) = tokio::time::timeout(Duration::from_secs(120), both)
            .await
            .expect("told");
        let notes = dir.notes();
        assert_eq!(
            (found, found.map(|started| started.pid)),
            (notes.started, Some(7))
        );
        assert_eq!(notes.claim.map(|claim| claim.kill_grace), Some(10));
        assert_eq!(notes.last_words.as_deref(), Some("the disk is full"));
    }
}
