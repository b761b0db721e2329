//! Lines of the log on standard error, which may be a pipe, a terminal, a file, or a stream of the journal.

use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::fmt::MakeWriter;

use super::outlet::{Door, Outlet};

/// So much is taken at once by whatever is said to take something: of a pipe the system promises it (`PIPE_BUF`).
const AT_ONCE: usize = 4096;

/// A file that lines are written to, for as long as the process lives. Others may have it, too: so whether it blocks is
/// not changed (that would be theirs as well), it is asked before each write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream(BorrowedFd<'static>);

/// A text, and how much of it is out.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    out: usize,
}

impl Text {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, out: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Stream {
    pub(super) fn stderr() -> Self {
        Self(rustix::stdio::stderr())
    }

    /// Whether something would be taken, or the reader is gone.
    fn is_open(self) -> bool {
        let mut file = [PollFd::from_borrowed_fd(self.0, PollFlags::OUT)];
        // What cannot be asked about is written to.
        poll(&mut file, Some(&Timespec::default())).is_err() || !file[0].revents().is_empty()
    }
}

impl Door for Stream {
    type Line = Text;

    fn put(&self, line: &mut Text) -> bool {
        while let Some(rest) = line.bytes.get(line.out..).filter(|rest| !rest.is_empty()) {
            if !self.is_open() {
                return false;
            }
            let part = rest.get(..AT_ONCE).unwrap_or(rest);
            match rustix::io::write(self.0, part) {
                Ok(written) => line.out += written,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return false,
                // Nobody will ever read it.
                Err(_) => return true,
            }
        }
        true
    }

    fn wait(&self) {
        until_open(self.0);
    }

    fn size(line: &Text) -> usize {
        line.size()
    }
}

/// Returns when the file may take something.
pub(super) fn until_open(file: BorrowedFd<'_>) {
    let mut file = [PollFd::from_borrowed_fd(file, PollFlags::OUT)];
    // Interrupted: whoever waits looks again.
    let _ = poll(&mut file, None);
}

/// What the formats write their lines to.
#[derive(Debug, Clone)]
pub(super) struct Lines(pub(super) Arc<Outlet<Stream>>);

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(Text::new(bytes.to_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
