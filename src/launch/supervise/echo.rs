//! What an agent prints, printed here too: on the journal, as a rule. Never waited for, for who waits here aborts nothing and
//! kills nobody: what a journal that is stuck does not take is left out, and counted. So is what is too much: journald
//! counts the lines of a unit, and a line may be long, so it would take gigabytes a minute, and throw away the node's
//! own history for them.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::{Clock, SystemClock};
use crate::output::write_now;

/// Bytes that are printed in a [`SPAN`]: forty thousand usual lines, which is about what journald itself takes of one unit.
const MOST: usize = 4 << 20;
/// Of journald's own limit, too.
const SPAN: Duration = Duration::from_secs(30);

/// Where to.
#[derive(Debug)]
pub(super) struct Echo<T: AsFd, C = SystemClock> {
    to: T,
    clock: C,
    /// When the present span began.
    since: Duration,
    /// Bytes that may still be printed in it.
    room: usize,
    /// Bytes that were left out since something was printed.
    left_out: usize,
}

impl<T: AsFd> Echo<T> {
    pub(super) fn new(to: T) -> Self {
        Self::by(SystemClock::new(), to)
    }
}

impl<T: AsFd, C: Clock> Echo<T, C> {
    fn by(clock: C, to: T) -> Self {
        Self {
            to,
            since: clock.monotonic(),
            clock,
            room: MOST,
            left_out: 0,
        }
    }

    /// Prints what fits, after word of what did not.
    pub(super) fn print(&mut self, chunk: &[u8]) {
        let now = self.clock.monotonic();
        if now.saturating_sub(self.since) >= SPAN {
            (self.since, self.room) = (now, MOST);
        }
        let part = chunk.get(..self.room).unwrap_or(chunk);
        let printed = if !part.is_empty() && self.tell_left_out() {
            self.left_out = 0;
            self.put(part)
        } else {
            0
        };
        self.room -= printed;
        self.left_out = self.left_out.saturating_add(chunk.len() - printed);
    }
}

impl<T: AsFd, C> Echo<T, C> {
    /// Whether all is told.
    fn tell_left_out(&self) -> bool {
        if self.left_out == 0 {
            return true;
        }
        let line = format!(
            "\n[{} bytes are left out here: too much at once, or not taken in time]\n",
            self.left_out
        );
        self.put(line.as_bytes()) > 0
    }

    /// How many of these bytes are taken now.
    fn put(&self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            match write_now(&self.to, rest) {
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => break,
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            }
        }
        bytes.len() - rest.len()
    }
}

impl<T: AsFd, C> Drop for Echo<T, C> {
    fn drop(&mut self) {
        let _ = self.tell_left_out();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use chrono::{DateTime, Utc};

    use super::*;

    /// A clock that is set by hand.
    struct Set(Duration);

    impl Clock for Set {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH + self.0
        }

        fn monotonic(&self) -> Duration {
            self.0
        }
    }

    #[test]
    fn a_flood_is_cut_to_so_much_in_a_span() {
        let (mut from, to) = std::io::pipe().expect("a pipe");
        let mut echo = Echo::by(Set(SPAN), to);
        let chunk = [b'x'; 3000];
        let mut taken = 0;
        let mut buffer = vec![0; 64 << 10];
        for _ in 0..2 * MOST / chunk.len() {
            echo.print(&chunk);
            if taken < MOST {
                taken += from.read(&mut buffer).expect("some");
            }
        }
        assert_eq!(taken, MOST);
        echo.clock.0 = 2 * SPAN;
        echo.print(b"a word");
        drop(echo);
        let mut rest = String::new();
        from.read_to_string(&mut rest).expect("the rest");
        let left_out = 2 * MOST / chunk.len() * chunk.len() - MOST;
        assert_eq!(
            rest,
            format!("\n[{left_out} bytes are left out here: too much at once, or not taken in time]\na word")
        );
    }

    /// Prints far more than there is room for while nobody reads, and then a word.
    fn stuck(to: impl Into<OwnedFd>, mut from: impl Read) {
        let mut echo = Echo::new(to.into());
        for _ in 0..100 {
            echo.print(&[b'x'; 64 << 10]);
        }
        assert!(echo.left_out > 0);
        let left_out = echo.left_out;
        let mut read = vec![0; (100 * (64 << 10)) - left_out];
        from.read_exact(&mut read).expect("what was taken");
        echo.print(b"a word");
        drop(echo);
        let mut rest = String::new();
        from.read_to_string(&mut rest).expect("the rest");
        assert_eq!(
            rest,
            format!("\n[{left_out} bytes are left out here: too much at once, or not taken in time]\na word")
        );
    }

    #[test]
    fn a_journal_that_takes_nothing_is_not_waited_for() {
        let (to, from) = UnixStream::pair().expect("a pair");
        stuck(to, from);
    }

    #[test]
    fn nor_is_a_pipe() {
        let (from, to) = std::io::pipe().expect("a pipe");
        stuck(to, from);
    }

    #[test]
    fn what_is_taken_is_printed_as_it_is() {
        let (mut from, to) = std::io::pipe().expect("a pipe");
        let mut echo = Echo::new(to);
        echo.print(b"one\n");
        echo.print(b"two\n");
        drop(echo);
        let mut read = String::new();
        from.read_to_string(&mut read).expect("it");
        assert_eq!(read, "one\ntwo\n");
    }
}
