//! The one clock.
//!
//! This is the only room that reads a clock or sleeps; `clippy.toml` bans it everywhere else. Others are
//! handed `now`, or a [`Clock`], so that tests and the simulator run years in a moment.
//! May use: the operating system. Must not use: any other room.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Reads the time. The daemon has one; tests hand in their own.
pub trait Clock: Send + Sync {
    /// The wall clock, UTC.
    fn now(&self) -> DateTime<Utc>;
    /// Time since some fixed moment; never steps. For measuring how long something took.
    fn monotonic(&self) -> Duration;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic time counts from this call.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn new() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// Waits `length` without holding a thread: for back-off between tries, never for a schedule.
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}

/// Waits `length` on this thread: for the run supervisor, which has no other thread to hold up.
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub fn pause_thread(length: Duration) {
    std::thread::sleep(length);
}
