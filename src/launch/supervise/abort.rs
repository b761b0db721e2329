//! SIGTERM means abort; a terminal's signals mean nothing.

use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::clock::Clock;

/// Becomes readable at the first SIGTERM, and remembers it.
#[derive(Debug)]
pub(super) struct AbortSignal {
    wakes: UnixStream,
    asked: bool,
}

impl AbortSignal {
    /// Starts listening. SIGHUP and SIGINT are caught and dropped: handlers, unlike "ignore", are not
    /// inherited by the agents.
    pub(super) fn listen() -> std::io::Result<Self> {
        let (wakes, handler) = UnixStream::pair()?;
        wakes.set_nonblocking(true)?;
        for harmless in [SIGHUP, SIGINT] {
            signal_hook::flag::register(harmless, Arc::new(AtomicBool::new(false)))?;
        }
        signal_hook::low_level::pipe::register(SIGTERM, handler)?;
        Ok(Self { wakes, asked: false })
    }

    /// Whether an abort was asked for, now or earlier.
    pub(super) fn asked(&mut self) -> bool {
        let mut letters = [0; 64];
        loop {
            match self.wakes.read(&mut letters) {
                Ok(0) => return self.asked,
                Ok(_) => self.asked = true,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.asked,
            }
        }
    }

    /// Takes what was asked until now for nothing.
    pub(super) fn forget(&mut self) {
        self.asked();
        self.asked = false;
    }

    /// What to poll for it.
    pub(super) fn wakes(&self) -> BorrowedFd<'_> {
        self.wakes.as_fd()
    }

    /// Waits; `true`, at once: an abort was asked for.
    pub(super) fn asked_within(&mut self, length: Duration, clock: &dyn Clock) -> bool {
        let until = clock.monotonic() + length;
        loop {
            let left = until.saturating_sub(clock.monotonic());
            if self.asked() || left.is_zero() {
                return self.asked;
            }
            wait_for(&mut [PollFd::new(&self.wakes, PollFlags::IN)], Some(left));
        }
    }
}

/// Waits for one of these, or for this long; may come back early with nothing: callers loop.
pub(super) fn wait_for(fds: &mut [PollFd<'_>], length: Option<Duration>) {
    let length = length.and_then(|length| Timespec::try_from(length).ok());
    match rustix::event::poll(fds, length.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        // Out of memory, at worst: it must not become a busy loop.
        Err(_) => crate::clock::pause_thread(Duration::from_millis(100)),
    }
}
