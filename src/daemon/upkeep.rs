//! What the ledger wants now and then: what of it was done, and what is under way.

use chrono::{DateTime, TimeDelta, Utc};

use crate::ledger::LedgerError;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// Old history is removed.
    pub(super) pruning: Chore,
    /// Verdicts that say the same become one row.
    pub(super) condensing: Chore,
    /// The ledger was found to be damaged.
    pub(super) damage: Option<LedgerError>,
}

/// One thing that is to be done from time to time, in parts.
#[derive(Debug, Default)]
pub(super) struct Chore {
    done: Option<DateTime<Utc>>,
    more: bool,
}

impl Chore {
    /// Whether it is to be begun, or gone on with. Never while a next part of it is on its way.
    pub(super) fn is_due(&self, now: DateTime<Utc>, every: TimeDelta) -> bool {
        // What was done in the future was done by a clock that was wrong.
        let is_over = |done| now < done || now - done >= every;
        !self.more && self.done.is_none_or(is_over)
    }

    /// A part is done, and another one follows by itself.
    pub(super) const fn goes_on(&mut self) {
        self.more = true;
    }

    /// That one's time has come.
    pub(super) const fn go_on(&mut self) {
        self.more = false;
    }

    /// All parts are done.
    pub(super) const fn is_done(&mut self, now: DateTime<Utc>) {
        self.done = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::Chore;

    #[test]
    fn it_is_due_after_its_time_and_after_a_clock_that_was_ahead() {
        let (now, day) = (DateTime::UNIX_EPOCH, TimeDelta::days(1));
        let mut chore = Chore::default();
        assert!(chore.is_due(now, day), "never done");
        chore.is_done(now);
        assert!(!chore.is_due(now, day) && !chore.is_due(now + day / 2, day));
        assert!(chore.is_due(now + day, day));
        chore.is_done(now + TimeDelta::days(365));
        assert!(chore.is_due(now + day, day), "a year is no day");
        chore.goes_on();
        assert!(!chore.is_due(now + day, day), "its next part is on its way");
    }
}
