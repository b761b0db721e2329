//! The daemon of before was of an earlier version, and so is its ledger: the next one brings it to its own.

use freezerd::ledger::{Ledger, Upkeep};
use freezerd::planner::RunState;
use rusqlite::Connection;

use crate::bed::Bed;
use crate::process::Daemon;
use crate::until::{until, until_is};

/// It knows the plans, some ran, one runs; then it is killed, as for an upgrade by force.
pub fn live(bed: &Bed) {
    let daemon = Daemon::start(bed);
    until_is("one runs", &vec![RunState::Running], || bed.states("long"));
    until("one is due each second", || bed.served("often").first().copied());
    daemon.kill();
    // What versions 8 to 10 brought is gone, and the briefs are read otherwise than by this version.
    let ledger = Connection::open(bed.path("state/ledger.db")).expect("a ledger");
    ledger
        .execute_batch(
            "ALTER TABLE progress DROP COLUMN waits;
             ALTER TABLE session_end DROP COLUMN unsure;
             ALTER TABLE plan DROP COLUMN since;
             PRAGMA user_version = 7;
             UPDATE fact SET value = value + 1 WHERE name = 'brief_form';",
        )
        .expect("older");
}

/// What is wrong with a ledger that should be of this version.
pub fn faults(bed: &Bed) -> Option<String> {
    let ledger = Ledger::open_reader(&bed.path("state/ledger.db"));
    match ledger.and_then(|ledger| ledger.restore()) {
        Ok(restored) if restored.upkeep == Upkeep::default() => None,
        Ok(restored) => Some(format!(
            "its briefs are not those of this version: {:?}",
            restored.upkeep
        )),
        Err(error) => Some(error.to_string()),
    }
}
