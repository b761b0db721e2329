//! A clock that is far behind at the start: a machine whose clock has lost its battery begins in the past, and is set
//! right by the network a moment later.
//!
//! By such a clock everything that the ledger knows lies ahead, and would be opened again: history gone, and all that ran
//! run a second time once the clock is right. The other case, that the clock of before was the wrong one, looks the
//! same; then waiting costs some minutes. So nothing is decided until the clock is set, somebody says so, or it was
//! waited for long enough.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::UnboundedReceiver;

use super::signals::Wish;
use crate::clock::{self, Clock, Timer, TimerError};
use crate::observe::health::Health;

/// Behind the last poll by more than this: it is no drift, and no step that the planner protects against repeated runs.
const FAR: TimeDelta = TimeDelta::days(1);
/// How long the clock is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// A clock may also be slewed: how often it is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Whether `now` cannot be, after a poll at `polled`.
fn is_far_behind(now: DateTime<Utc>, polled: Option<DateTime<Utc>>) -> bool {
    polled.is_some_and(|polled| polled - now > FAR)
}

/// Why the waiting ended.
pub(super) enum Believed {
    /// The clock is as it should be, or was waited for long enough.
    Clock,
    /// Somebody had the configuration read again: it goes on by the clock there is.
    Reload,
    /// It is to stop.
    Stop,
}

/// What a daemon has that waits.
pub(super) struct Waiting<'d> {
    pub(super) clock: &'d dyn Clock,
    pub(super) timer: &'d mut Timer,
    pub(super) wishes: &'d mut UnboundedReceiver<Wish>,
    pub(super) health: &'d Health,
}

impl Waiting<'_> {
    /// Waits while the clock cannot be believed; the last poll is what the ledger knows of.
    pub(super) async fn until_believed(self, polled: Option<DateTime<Utc>>) -> Result<Believed, TimerError> {
        let began = self.clock.monotonic();
        let mut waited = false;
        loop {
            let now = self.clock.now();
            let late = self.clock.monotonic().saturating_sub(began) >= PATIENCE;
            if late || !is_far_behind(now, polled) {
                if waited {
                    tracing::warn!("going on by the clock, which says {now}");
                }
                return Ok(Believed::Clock);
            }
            if !std::mem::replace(&mut waited, true) {
                let why = format!(
                    "the clock says {now}, and by the ledger there was a poll at {}",
                    polled.unwrap_or_default()
                );
                // First: who reads the log and asks at once hears why.
                self.health.set_not_ready(&why);
                tracing::error!(
                    "{why}: nothing is decided until the clock is set, for {} minutes at most; if it is right, reload freezerd",
                    PATIENCE.as_secs() / 60
                );
            }
            tokio::select! {
                biased;
                Some(wish) = self.wishes.recv() => match wish {
                    Wish::Stop => return Ok(Believed::Stop),
                    Wish::Reload => return Ok(Believed::Reload),
                },
                woke = self.timer.wait(None) => { woke?; }
                () = self.health.asked() => {}
                () = clock::pause(LOOK) => {}
            }
            self.health.heartbeat(|| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_no_drift() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        let polled = Some(at("2026-03-02T12:00:00Z"));
        assert!(is_far_behind(at("1970-01-01T00:00:00Z"), polled));
        assert!(is_far_behind(at("2026-03-01T11:59:59Z"), polled));
        assert!(!is_far_behind(at("2026-03-01T12:00:00Z"), polled));
        assert!(!is_far_behind(at("2027-01-01T00:00:00Z"), polled));
        assert!(!is_far_behind(at("1970-01-01T00:00:00Z"), None));
    }
}
