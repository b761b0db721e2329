//! Between polls: old history goes, what says the same goes on in one row, and the ledger's log is taken over.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::TimeDelta;

use crate::ledger::{Ledger, LedgerError};
use crate::schedule::DueTime;

use super::live::{Answer, Daemon};
use crate::clock;

/// Old history is removed once a day.
const PRUNE_EVERY: TimeDelta = TimeDelta::hours(24);

/// Once an hour, verdicts of before the last one that say the same become one row: else plans that are due every second
/// would fill the disk.
const CONDENSE_EVERY: TimeDelta = TimeDelta::hours(1);

/// Between two parts of it.
const BREATH: Duration = Duration::from_secs(1);

impl Daemon {
    /// What the ledger wants now and then, when nothing is urgent.
    pub(super) fn tidy(&mut self) {
        self.prune();
        self.condense();
        self.in_ledger("the ledger's log is still to be taken over", Ledger::take_over);
    }

    /// Removes history that is old enough, a bounded part at a time.
    fn prune(&mut self) {
        let now = self.clock.now();
        let keep = TimeDelta::from_std(self.keep).unwrap_or(TimeDelta::MAX);
        let Some(before) = now.checked_sub_signed(keep) else {
            return;
        };
        if !self.upkeep.pruning.is_due(now, PRUNE_EVERY) {
            return;
        }
        let prune = |ledger: &mut Ledger| ledger.prune(DueTime::floor(before));
        match self.in_ledger("old history is still there", prune) {
            Some(pruned) if pruned.more => {
                self.upkeep.pruning.goes_on();
                self.later(Answer::PruneOn);
            }
            Some(_) => self.upkeep.pruning.is_done(now),
            None => {}
        }
    }

    pub(super) fn prune_on(&mut self) {
        self.upkeep.pruning.go_on();
        self.prune();
    }

    /// Condenses what is older than an hour, a bounded part at a time.
    fn condense(&mut self) {
        let now = self.clock.now();
        if !self.upkeep.condensing.is_due(now, CONDENSE_EVERY) {
            return;
        }
        let condense = |ledger: &mut Ledger| ledger.condense(DueTime::floor(now - CONDENSE_EVERY));
        match self.in_ledger("the history is not yet condensed", condense) {
            Some(true) => {
                self.upkeep.condensing.goes_on();
                self.later(Answer::CondenseOn);
            }
            Some(false) => self.upkeep.condensing.is_done(now),
            None => {}
        }
    }

    pub(super) fn condense_on(&mut self) {
        self.upkeep.condensing.go_on();
        self.condense();
    }

    /// Does it; what goes wrong is told, and is tried again with the next poll. That the ledger is damaged ends the daemon.
    fn in_ledger<T>(
        &mut self,
        failed: &str,
        work: impl FnOnce(&mut Ledger) -> Result<T, LedgerError>,
    ) -> Option<T> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let error = match work(&mut ledger) {
            Ok(done) => return Some(done),
            Err(error) => error,
        };
        ledger.note_damage(&error);
        drop(ledger);
        self.metrics.ledger_error();
        tracing::warn!("{failed}: {error}");
        if matches!(error, LedgerError::Damaged { .. }) {
            self.upkeep.damage = Some(error);
        }
        None
    }

    /// So that no due time waits for the rest; nor the rest for the next poll, which may be a day away.
    fn later(&self, what: Answer) {
        let ask = self.ask.clone();
        tokio::spawn(async move {
            clock::pause(BREATH).await;
            // The loop may be gone by now.
            let _ = ask.send(what);
        });
    }
}
