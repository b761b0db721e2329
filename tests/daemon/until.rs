//! Waiting for what another process does.

use std::time::Duration;

use freezerd::clock::{self, Clock, SystemClock};

/// Only a failure waits so long, on a machine however busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks.
const BREATH: Duration = Duration::from_millis(20);

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

/// Looks again and again until it sees `wanted`; a failure shows what it saw instead.
pub fn until_is<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, mut look: impl FnMut() -> T) {
    let clock = SystemClock::new();
    loop {
        let seen = look();
        if seen == *wanted {
            return;
        }
        assert!(
            clock.monotonic() < PATIENCE,
            "{what}: not within {PATIENCE:?}; wanted {wanted:?}, seen last: {seen:?}"
        );
        clock::pause_thread(BREATH);
    }
}
