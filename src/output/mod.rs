//! Writing to what others may have open too, and nobody may read: whoever writes here waits for nobody.
//!
//! A journal that is stuck would hold up the daemon that logs, and a supervisor that repeats what its agent prints. What is not
//! taken now is for the caller to keep, or to leave out. May use: the OS. Must not use: any other room.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

/// A pipe that has room at all has room for so much (PIPE_BUF), if nobody else writes to it.
const SURE_OF_ROOM: usize = 4096;

/// Writes as many of these bytes as are taken now; gives their number. Not by a flag of the file, which those have in common
/// that have it open.
///
/// # Errors
/// `AGAIN`: nothing is taken now. `INTR`: a signal came first. All others are the file's.
pub fn write_now(to: &impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    match rustix::net::send(to, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
        Err(Errno::NOTSOCK) => {
            let mut ready = [PollFd::new(to, PollFlags::OUT)];
            if poll(&mut ready, Some(&Timespec::default()))? == 0 {
                return Err(Errno::AGAIN);
            }
            rustix::io::write(to, bytes.get(..SURE_OF_ROOM).unwrap_or(bytes))
        }
        done => done,
    }
}
