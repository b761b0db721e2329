//! Old history goes.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::TimeDelta;

use crate::schedule::DueTime;

use super::live::{Answer, Daemon};
use crate::clock;

/// Old history is removed once a day.
const PRUNE_EVERY: TimeDelta = TimeDelta::hours(24);

/// Between two parts of it.
const BREATH: Duration = Duration::from_secs(1);

impl Daemon {
    /// Removes history that is old enough, a bounded part at a time.
    pub(super) fn prune(&mut self) {
        let now = self.clock.now();
        if self.pruning || self.pruned.is_some_and(|last| now - last < PRUNE_EVERY) {
            return;
        }
        let keep = TimeDelta::from_std(self.keep).unwrap_or(TimeDelta::MAX);
        let Some(before) = now.checked_sub_signed(keep) else {
            return;
        };
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let pruned = ledger.prune(DueTime::floor(before));
        if let Err(error) = &pruned {
            ledger.note_damage(error);
        }
        drop(ledger);
        match pruned {
            // The rest is left for later, so that no due time waits for it; but not for the next poll, which may be a day away.
            Ok(pruned) if pruned.more => {
                self.pruning = true;
                let ask = self.ask.clone();
                tokio::spawn(async move {
                    clock::pause(BREATH).await;
                    // The loop may be gone by now.
                    let _ = ask.send(Answer::PruneOn);
                });
            }
            Ok(_) => self.pruned = Some(now),
            Err(error) => tracing::warn!("old history is still there: {error}"),
        }
    }

    pub(super) fn prune_on(&mut self) {
        self.pruning = false;
        self.prune();
    }
}
