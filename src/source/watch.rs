//! Tells when a file or folder of plans changed, without ever looking at it on a timer.
//!
//! The kernel reports changes of an inode, but a path may be deleted, replaced and made anew. So two inodes
//! are watched: what is at the path now, and the nearest folder above that exists, where the path's next
//! part would appear. When either of them goes, both are looked up afresh.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask};
use tokio::time::timeout;

use super::SourceError;

/// Changes that follow each other faster than this are one: an editor writes, renames and sets modes.
const QUIET: Duration = Duration::from_millis(200);
/// But a path that never comes to rest is told of at least this often.
const LONGEST: Duration = Duration::from_secs(2);
/// Bytes of events taken at a time; one event has at most 272.
const EVENTS: usize = 16 * 1024;
/// How often a path that changes while it is looked up is looked up again.
const TRIES: usize = 10;

/// Watches one path. What [`Watch::changed`] tells of a folder is about the files directly in it; a file that
/// a link in it leads to, elsewhere, may change unnoticed.
#[derive(Debug)]
pub struct Watch {
    target: PathBuf,
    armed: Armed,
    /// What is watched is not what is at the path any more.
    stale: bool,
    /// There was a change that nobody was told of yet.
    pending: bool,
}

impl Watch {
    /// Watches `path`, be it a file or a folder, there or not yet. From now on no change is lost, so read the
    /// path after this, not before.
    ///
    /// # Errors
    /// When the kernel has no more watches to give, or the path may not be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(path: &Path) -> Result<Self, SourceError> {
        let target = std::path::absolute(path).map_err(|error| failed(path, error))?;
        let armed = Armed::new(&target).map_err(|error| failed(path, error))?;
        Ok(Self {
            target,
            armed,
            stale: false,
            pending: false,
        })
    }

    /// Returns when something changed since it last returned, and has come to rest. May be dropped and called
    /// again: no change is lost.
    ///
    /// # Errors
    /// As [`Watch::new`]. Calling it again tries again: do so after a pause.
    pub async fn changed(&mut self) -> Result<(), SourceError> {
        self.settled().await.map_err(|error| failed(&self.target, error))
    }

    async fn settled(&mut self) -> io::Result<()> {
        if !self.pending {
            self.event().await?;
        }
        let rest = async {
            while let Ok(event) = timeout(QUIET, self.event()).await {
                event?;
            }
            Ok::<(), io::Error>(())
        };
        timeout(LONGEST, rest).await.unwrap_or(Ok(()))?;
        self.pending = false;
        Ok(())
    }

    /// Waits for the next event that is a change, and sets `pending`.
    async fn event(&mut self) -> io::Result<()> {
        loop {
            if self.stale {
                self.armed = Armed::new(&self.target)?;
                self.stale = false;
                self.pending = true;
                return Ok(());
            }
            // No await between an event being taken and its being kept: that is what makes this droppable.
            let event = self.armed.next().await?;
            match self.armed.meaning(&event, &self.target) {
                Meaning::Nothing => {}
                Meaning::Changed => {
                    self.pending = true;
                    return Ok(());
                }
                Meaning::Replaced => {
                    self.stale = true;
                    self.pending = true;
                }
            }
        }
    }
}

fn failed(path: &Path, source: io::Error) -> SourceError {
    // ENOSPC and EMFILE are what inotify says when a user's share of it is used up.
    let hint = match source.kind() {
        io::ErrorKind::StorageFull => "; raise the sysctl fs.inotify.max_user_watches",
        _ if source.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "; raise the sysctl fs.inotify.max_user_instances, or the limit of open files"
        }
        _ => "",
    };
    SourceError::Watch {
        path: path.to_owned(),
        source,
        hint,
    }
}

/// What an event was about.
enum Meaning {
    Nothing,
    Changed,
    Replaced,
}

/// The two inodes that a path means at this time.
#[derive(Debug)]
struct Armed {
    events: EventStream<Vec<u8>>,
    /// What is at the path, if anything.
    here: Option<WatchDescriptor>,
    /// The nearest folder above that exists; none above `/`.
    above: Option<WatchDescriptor>,
    /// The part of the path that is, or would be, in that folder; `None`: any.
    awaited: Option<OsString>,
}

impl Armed {
    fn new(target: &Path) -> io::Result<Self> {
        for _ in 0..TRIES {
            if let Some(armed) = Self::once(target)? {
                return Ok(armed);
            }
        }
        Err(io::Error::other(
            "its folders kept changing while they were looked up",
        ))
    }

    /// `None`: something appeared between the two look-ups, which nobody would be told of.
    fn once(target: &Path) -> io::Result<Option<Self>> {
        let inotify = Inotify::init()?;
        let add = |path: &Path, mask| match inotify.watches().add(path, mask) {
            Ok(descriptor) => Ok(Some(descriptor)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let gone = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
        let within = WatchMask::CREATE | WatchMask::DELETE | WatchMask::MOVED_FROM | WatchMask::MOVED_TO;
        let written = WatchMask::CLOSE_WRITE | WatchMask::ATTRIB;

        let here = add(target, gone | within | written)?;
        let mut missing = target;
        let mut above = None;
        for folder in target.ancestors().skip(1) {
            above = add(folder, gone | within | WatchMask::ONLYDIR)?;
            if above.is_some() {
                break;
            }
            missing = folder;
        }
        if here.is_none() && missing.exists() {
            return Ok(None);
        }
        let awaited = missing.file_name().map(OsStr::to_owned);
        let events = inotify.into_event_stream(vec![0; EVENTS])?;
        Ok(Some(Self {
            events,
            here,
            above,
            awaited,
        }))
    }

    /// Waits for the next event, whatever it is.
    async fn next(&mut self) -> io::Result<EventOwned> {
        std::future::poll_fn(|context| Pin::new(&mut self.events).poll_next(context))
            .await
            .unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
    }

    fn meaning(&self, event: &EventOwned, target: &Path) -> Meaning {
        let gone = EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::UNMOUNT | EventMask::IGNORED;
        // An overflow: events were lost, so anything may have happened.
        if event.mask.intersects(gone | EventMask::Q_OVERFLOW) {
            return Meaning::Replaced;
        }
        if self.here.as_ref() == Some(&event.wd) {
            return if is_unfinished(event, target) {
                Meaning::Nothing
            } else {
                Meaning::Changed
            };
        }
        // The folder above: only its entry on our way matters.
        let ours = self.awaited.is_none() || event.name == self.awaited;
        if self.above.as_ref() == Some(&event.wd) && ours {
            Meaning::Replaced
        } else {
            Meaning::Nothing
        }
    }
}

/// A new file whose writer still holds it: its closing will be an event. (Links appear with no such event.)
fn is_unfinished(event: &EventOwned, folder: &Path) -> bool {
    if !event.mask.contains(EventMask::CREATE) {
        return false;
    }
    event.name.as_ref().is_some_and(|name| {
        std::fs::symlink_metadata(folder.join(name)).is_ok_and(|about| about.is_file() && about.nlink() == 1)
    })
}
