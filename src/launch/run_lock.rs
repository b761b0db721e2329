//! The run's lock: whether anything of the run still lives.
//!
//! The supervisor holds a `flock` on it for its life, and every agent inherits the descriptor. The kernel
//! lets go of the lock when the last of them is gone, however they ended; so it is the truth about life,
//! where a process id may by now name a stranger.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags};

/// An open lock file.
#[derive(Debug)]
pub(super) struct RunLock(File);

impl RunLock {
    /// Opens it. Never makes it: a supervisor that comes late must not revive a run that was cleared away.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self(OpenOptions::new().read(true).write(true).open(path)?))
    }

    /// Takes it if nothing of the run lives. `false`: something does.
    pub(super) fn try_take(&self) -> std::io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(problem)) => Err(problem),
        }
    }

    /// Blocks this thread until nothing of the run lives any more.
    pub(super) fn wait(&self) -> std::io::Result<()> {
        loop {
            match self.0.lock() {
                Err(problem) if problem.kind() == std::io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Whether the file still has a name; the run was cleared away otherwise.
    pub(super) fn is_in_place(&self) -> std::io::Result<bool> {
        Ok(self.0.metadata()?.nlink() > 0)
    }

    /// Lets every program started from here on inherit the descriptor, and with it the lock. For the
    /// supervisor only: it has one thread and starts nothing but agents.
    pub(super) fn bequeath(&self) -> std::io::Result<()> {
        Ok(rustix::io::fcntl_setfd(
            self.0.as_fd(),
            rustix::io::FdFlags::empty(),
        )?)
    }

    /// The processes that hold it, as far as /proc shows them.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(super) fn holders(&self) -> std::io::Result<Vec<Pid>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let pid = name
                .to_str()
                .and_then(|name| name.parse().ok())
                .and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|pid| self.is_held_by(*pid)) {
                found.push(pid);
            }
        }
        Ok(found)
    }

    /// A handle of the process, if it is one that holds the lock. The handle is taken first and found alive
    /// last, so all that is seen between is of that process and of no later one with its id.
    pub(super) fn holder(&self, pid: u32) -> Option<OwnedFd> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
        (self.is_held_by(pid) && lives(&handle)).then_some(handle)
    }

    /// Asked of the kernel's list of descriptors: one that only has the file open, to wait for the lock,
    /// shows no `FLOCK` there.
    fn is_held_by(&self, pid: Pid) -> bool {
        let process = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
        let Ok(ours) = self.0.metadata() else { return false };
        let Ok(descriptors) = std::fs::read_dir(process.join("fd")) else {
            return false;
        };
        descriptors.flatten().any(|descriptor| {
            let same = std::fs::metadata(descriptor.path())
                .is_ok_and(|theirs| (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()));
            same && std::fs::read_to_string(process.join("fdinfo").join(descriptor.file_name()))
                .is_ok_and(|info| info.contains("FLOCK"))
        })
    }
}

/// Whether the process of this handle has not ended.
fn lives(handle: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec};
    let mut ends = [PollFd::new(handle, PollFlags::IN)];
    matches!(rustix::event::poll(&mut ends, Some(&Timespec::default())), Ok(0))
}

#[cfg(test)]
mod tests {
    use super::RunLock;

    #[test]
    fn a_holder_is_told_from_one_that_waits_and_from_one_that_has_gone() {
        let bed = tempfile::tempdir().expect("a directory");
        let path = bed.path().join("lock");
        std::fs::File::create(&path).expect("made");
        let lock = RunLock::open(&path).expect("opened");
        let me = std::process::id();
        assert!(lock.holder(me).is_none(), "open, not held");
        assert!(lock.try_take().expect("free"));
        assert!(lock.holder(me).is_some());
        let other = RunLock::open(&path).expect("opened again");
        assert!(!other.try_take().expect("asked"));
        assert!(other.holder(me).is_some(), "whoever asks");
        assert!(
            other
                .holders()
                .expect("/proc")
                .iter()
                .any(|pid| pid.as_raw_nonzero().get() as u32 == me)
        );
        drop(lock);
        assert!(other.holder(me).is_none());
        assert!(other.try_take().expect("free again"));
        assert!(other.is_in_place().expect("stat"));
        std::fs::remove_file(&path).expect("removed");
        assert!(!other.is_in_place().expect("stat"));
    }
}
