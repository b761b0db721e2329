//! Waiting for what another machine does.

use std::time::Duration;

use freezerd::clock::{self, Clock, SystemClock};

/// Only a failure waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks; a look is a process.
const BREATH: Duration = Duration::from_millis(100);

/// Looks again and again until there is something to see.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(clock.monotonic() < PATIENCE, "{what}: not within {PATIENCE:?}");
        clock::pause_thread(BREATH);
    }
}
