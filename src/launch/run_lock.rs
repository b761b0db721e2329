//! The run's lock: whether anything of the run still lives.
//!
//! The supervisor holds a `flock` on it for its life, and every agent inherits the descriptor. The kernel
//! lets go of the lock when the last of them is gone, however they ended; so it is the truth about life,
//! where a process id may by now name a stranger.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags};
use serde::Serialize;

/// An open lock file.
#[derive(Debug)]
pub(super) struct RunLock(File);

impl RunLock {
    /// Opens it. Never makes it: a supervisor that comes late must not revive a run that was cleared away.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self(OpenOptions::new().read(true).append(true).open(path)?))
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

    /// Notes something for whoever looks: a line, there at once. Nothing is synced.
    ///
    /// It begins a line, too: another supervisor, one that is refused this very moment, may be in the middle of its
    /// complaint.
    pub(super) fn note<T: Serialize>(&self, what: &T) -> std::io::Result<()> {
        let mut line = vec![b'\n'];
        serde_json::to_writer(&mut line, what)?;
        line.push(b'\n');
        (&self.0).write_all(&line)
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
        let sought = Sought::of(&self.0)?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let pid = name
                .to_str()
                .and_then(|name| name.parse().ok())
                .and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|pid| sought.is_held_by(*pid).unwrap_or_default()) {
                found.push(pid);
            }
        }
        Ok(found)
    }

    /// A handle of the process, if it is one that holds the lock.
    pub(super) fn holder(&self, pid: u32) -> Option<OwnedFd> {
        match self.holding(pid) {
            Holding::Holds(process) => Some(process),
            Holding::No | Holding::Hidden => None,
        }
    }

    /// Whether the process is one that holds the lock. The handle is taken first and found alive last, so all that is
    /// seen between is of that process and of no later one with its id.
    pub(super) fn holding(&self, pid: u32) -> Holding {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Holding::No;
        };
        let handle = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Holding::No,
            Err(_) => return Holding::Hidden,
        };
        let held = Sought::of(&self.0).and_then(|sought| sought.is_held_by(pid));
        match (lives(&handle), held) {
            (false, _) | (true, Ok(false)) => Holding::No,
            (true, Ok(true)) => Holding::Holds(handle),
            (true, Err(_)) => Holding::Hidden,
        }
    }
}

/// The file whose holders are looked for, as /proc tells of it.
struct Sought {
    /// As `stat` has them.
    device: u64,
    node: u64,
    /// The node as /proc has it; not always as `stat` does, on an overlay. `None`: it does not say.
    noted: Option<u64>,
}

impl Sought {
    fn of(file: &File) -> std::io::Result<Self> {
        let ours = file.metadata()?;
        let info = Path::new("/proc/self/fdinfo").join(file.as_raw_fd().to_string());
        let info = std::fs::read_to_string(info).unwrap_or_default();
        let noted = info.lines().find_map(|line| line.strip_prefix("ino:"));
        Ok(Self {
            device: ours.dev(),
            node: ours.ino(),
            noted: noted.and_then(|node| node.trim().parse().ok()),
        })
    }

    /// Asked of the kernel's list of descriptors: one that only has the file open, to wait for the lock, shows no `FLOCK`
    /// there. Files of others are left alone: to look at one that is on a dead file server may take for ever.
    ///
    /// # Errors
    /// When it is not shown to us. (To a confined daemon a process that may do more than it shows that it has descriptors, and
    /// not what they are.)
    fn is_held_by(&self, pid: Pid) -> std::io::Result<bool> {
        let process = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
        let mut hidden = None;
        for descriptor in std::fs::read_dir(process.join("fdinfo"))?.flatten() {
            let file = process.join("fd").join(descriptor.file_name());
            let held = std::fs::read_to_string(descriptor.path()).and_then(|info| self.is_held(&info, &file));
            match held {
                Ok(true) => return Ok(true),
                Err(problem) if problem.kind() == std::io::ErrorKind::PermissionDenied => {
                    hidden = Some(problem)
                }
                // Closed meanwhile.
                Ok(false) | Err(_) => {}
            }
        }
        hidden.map_or(Ok(false), Err)
    }

    /// Whether this descriptor holds it, by what is told of it; else by its file, if that may well be ours.
    fn is_held(&self, info: &str, file: &Path) -> std::io::Result<bool> {
        let mut may_be = false;
        for (device, node) in info.lines().filter_map(flock) {
            if (device, node) == (self.device, self.noted.unwrap_or(self.node)) {
                return Ok(true);
            }
            // Of a volume of btrfs, say, `stat` tells another device.
            may_be |= self.noted.is_none_or(|ours| ours == node);
        }
        if !may_be {
            return Ok(false);
        }
        let theirs = std::fs::metadata(file)?;
        Ok((theirs.dev(), theirs.ino()) == (self.device, self.node))
    }
}

/// Device and node of the file that a line of a descriptor's says that it holds:
/// `lock:\t1: FLOCK  ADVISORY  WRITE 4711 fe:00:10011063 0 EOF`.
fn flock(line: &str) -> Option<(u64, u64)> {
    let mut words = line.strip_prefix("lock:")?.split_ascii_whitespace();
    let file = words.nth(1).filter(|kind| *kind == "FLOCK").and(words.nth(3))?;
    let mut parts = file.split(':');
    let (major, minor, node) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |hex| u32::from_str_radix(hex, 16).ok();
    Some((
        rustix::fs::makedev(number(major)?, number(minor)?),
        node.parse().ok()?,
    ))
}

/// Whether a process holds a lock.
#[derive(Debug)]
pub(super) enum Holding {
    /// It does; a handle of it.
    Holds(OwnedFd),
    /// It does not, or there is no such process.
    No,
    /// It lives, and cannot be seen into.
    Hidden,
}

/// Whether the process of this handle has not ended.
fn lives(handle: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec};
    let mut ends = [PollFd::new(handle, PollFlags::IN)];
    matches!(rustix::event::poll(&mut ends, Some(&Timespec::default())), Ok(0))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{RunLock, Sought, flock};
    use crate::launch::notes::{Notes, Started};

    #[test]
    fn what_is_noted_in_the_middle_of_anothers_complaint_is_read_all_the_same() {
        let bed = tempfile::tempdir().expect("a directory");
        let path = bed.path().join("lock");
        std::fs::write(&path, "another supervisor has").expect("made");
        let started = Started {
            pid: 7,
            at: chrono::DateTime::UNIX_EPOCH,
            agent: None,
        };
        let lock = RunLock::open(&path).expect("opened");
        lock.note(&started).expect("noted");
        assert_eq!(Notes::read(&path).started, Some(started));
    }

    const HELD: &str = "pos:\t0\nlock:\t1: FLOCK  ADVISORY  WRITE 4711 fe:0a:10011063 0 EOF\n";

    #[test]
    fn a_lock_is_known_by_its_line() {
        let held = HELD.lines().filter_map(flock).collect::<Vec<_>>();
        assert_eq!(held, [(rustix::fs::makedev(254, 10), 10_011_063)]);
        for other in [
            "lock:\t1: POSIX  ADVISORY  WRITE 4711 fe:00:10011063 0 EOF",
            "lock:\t1: FLOCK  ADVISORY  WRITE 4711 none",
            "lock:\t1: FLOCK",
            "ino:\t10011063",
        ] {
            assert_eq!(flock(other), None, "{other}");
        }
    }

    #[test]
    fn another_ones_file_is_not_touched() {
        let sought = |device, noted| Sought {
            device,
            node: 7,
            noted,
        };
        let nowhere = Path::new("/nowhere");
        let here = rustix::fs::makedev(254, 10);
        assert!(
            sought(here, Some(10_011_063))
                .is_held(HELD, nowhere)
                .expect("told")
        );
        assert!(!sought(here, Some(7)).is_held(HELD, nowhere).expect("told"));
        // Only what has the very number, or where none is told, is looked at.
        for maybe in [sought(1, Some(10_011_063)), sought(here, None)] {
            assert!(maybe.is_held(HELD, nowhere).is_err());
        }
        let plain = HELD.replace("lock:", "eventfd:");
        assert!(!sought(here, None).is_held(&plain, nowhere).expect("told"));
    }

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
                .any(|pid| pid.as_raw_nonzero().get().cast_unsigned() == me)
        );
        drop(lock);
        assert!(other.holder(me).is_none());
        other.wait().expect("free again");
        assert!(other.is_in_place().expect("stat"));
        std::fs::remove_file(&path).expect("removed");
        assert!(!other.is_in_place().expect("stat"));
    }
}
