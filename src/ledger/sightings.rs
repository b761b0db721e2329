//! What another scheduler did, as seen in shadow: kept for `freezerd shadow-report`.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::codes::{due_of, instant_of, maybe_instant, millis};
use super::restore::polled;
use super::{LedgerError, Reader};
use crate::plan::JobId;
use crate::planner::Sighting;
use crate::schedule::DueTime;

/// Keeps a sighting; of one that is known, only what changed since.
pub(super) fn put(connection: &Connection, plan: i64, sighting: &Sighting) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO sighting (plan, started, ended, result, seen, unseen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (plan, started) DO UPDATE SET ended = excluded.ended, result = excluded.result",
        )?
        .execute(params![
            plan,
            sighting.started.epoch(),
            sighting.ended.map(millis),
            sighting.result,
            millis(sighting.seen),
            sighting.unseen.map(millis),
        ])?;
    Ok(())
}

impl Reader {
    /// The sightings of a plan's runs that started at `from` or later, in their order.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn sightings(&self, job: &JobId, from: DueTime) -> Result<Vec<Sighting>, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT s.started, s.ended, s.result, s.seen, s.unseen FROM sighting s
                     JOIN plan p ON p.key = s.plan WHERE p.job_id = ?1 AND s.started >= ?2 ORDER BY s.started",
                )?
                .query_map(params![job.as_str(), from.epoch()], |row| {
                    Ok(Sighting {
                        job: job.clone(),
                        started: due_of(row, 0)?,
                        ended: maybe_instant(row, 1)?,
                        result: row.get(2)?,
                        seen: instant_of(row, 3)?,
                        unseen: maybe_instant(row, 4)?,
                    })
                })?
                .collect()
        })
    }

    /// When the last complete listing was asked for.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn polled(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        self.read(polled)
    }
}
