//! Old history goes.

use std::sync::PoisonError;

use chrono::TimeDelta;

use crate::schedule::DueTime;

use super::live::Daemon;

/// Old history is removed once a day.
const PRUNE_EVERY: TimeDelta = TimeDelta::hours(24);

impl Daemon {
    /// Removes history that is old enough, a bounded part at a time.
    pub(super) fn prune(&mut self) {
        let now = self.clock.now();
        if self.pruned.is_some_and(|last| now - last < PRUNE_EVERY) {
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
            // The rest is left to the next poll, so that no due time waits for it.
            Ok(pruned) if pruned.more => {}
            Ok(_) => self.pruned = Some(now),
            Err(error) => tracing::warn!("old history is still there: {error}"),
        }
    }
}
