//! Waiting for something that other processes do.

use std::time::Duration;

use freezerd::clock::{self, Clock, SystemClock};

/// Looks again and again until `look` gives `Ok`, and panics after `limit` with what it saw last (its `Err`).
pub fn eventually<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let clock = SystemClock::new();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if clock.monotonic() > limit => {
                panic!("{what}: not within {} s; seen last: {seen}", limit.as_secs())
            }
            Err(_) => clock::pause_thread(Duration::from_millis(200)),
        }
    }
}
