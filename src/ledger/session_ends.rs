//! The outbox's third sort: ends of runs, for the sessions of their plans.
//!
//! The API keeps the last end of each plan in a session, so only the newest waits here. One that is replaced
//! while it is on its way takes nothing from the new one: numbers are never used again.

use rusqlite::{Connection, Row, params};

use super::codes::{job_of, project_of};
use super::error::Failure;
use super::outbox::ERROR_LIMIT;
use super::{Ledger, LedgerError, Reader};
use crate::plan::{JobId, ProjectId};
use crate::planner::{RunId, SessionEnd};

/// Names one waiting end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionEndId(i64);

impl SessionEndId {
    /// Of the number under which it is stored.
    #[must_use]
    pub const fn from_stored(number: i64) -> Self {
        Self(number)
    }
}

/// An end that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSessionEnd {
    /// What [`Ledger::session_told`] and [`Ledger::session_untold`] are told.
    pub id: SessionEndId,
    /// Of which plan.
    pub job: JobId,
    /// That plan's project: where its session is.
    pub project: Option<ProjectId>,
    /// Of which run.
    pub run: RunId,
    /// What.
    pub end: SessionEnd,
    /// How often its delivery failed.
    pub attempts: u32,
    /// Why, the last time.
    pub error: Option<String>,
}

pub(super) fn put(connection: &Connection, plan: i64, run: &RunId, end: &SessionEnd) -> Result<(), Failure> {
    // While another end waits, nothing was asked of the session: so what may have come of that is none.
    let or = if end.unsure { "IGNORE" } else { "REPLACE" };
    connection
        .prepare_cached(&format!(
            "INSERT OR {or} INTO session_end (plan, run, session, tag, result, unsure)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        ))?
        .execute(params![
            plan,
            run.as_str(),
            end.session,
            end.tag,
            end.result,
            end.unsure
        ])?;
    Ok(())
}

fn pending(row: &Row<'_>) -> rusqlite::Result<PendingSessionEnd> {
    Ok(PendingSessionEnd {
        id: SessionEndId::from_stored(row.get(0)?),
        job: job_of(row, 1)?,
        project: project_of(row, 2)?,
        run: row.get(3).map(RunId::from_stored)?,
        end: SessionEnd {
            session: row.get(4)?,
            tag: row.get(5)?,
            result: row.get(6)?,
            unsure: row.get(7)?,
        },
        attempts: row.get(8)?,
        error: row.get(9)?,
    })
}

const COLUMNS: &str =
    "e.number, p.job_id, p.project, e.run, e.session, e.tag, e.result, e.unsure, e.attempts, e.error";

impl Reader {
    /// Ends that wait, at most `limit`: those tried least often first, and of these the oldest.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn pending_session_ends(&self, limit: usize) -> Result<Vec<PendingSessionEnd>, LedgerError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session_end e JOIN plan p ON p.key = e.plan ORDER BY e.attempts, e.number LIMIT ?1"
        );
        self.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], pending)?
                .collect()
        })
    }

    /// Those of one plan.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn session_ends_of(&self, job: &JobId) -> Result<Vec<PendingSessionEnd>, LedgerError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session_end e JOIN plan p ON p.key = e.plan WHERE p.job_id = ?1 ORDER BY e.number"
        );
        self.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map([job.as_str()], pending)?
                .collect()
        })
    }

    /// Whether this one still waits.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn session_end_waits(&self, id: SessionEndId) -> Result<bool, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT 1 FROM session_end WHERE number = ?1")?
                .exists([id.0])
        })
    }

    /// How many ends wait.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn session_backlog(&self) -> Result<u64, LedgerError> {
        self.read(|connection| {
            let count: i64 =
                connection.query_row("SELECT count(*) FROM session_end", [], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }
}

impl Ledger {
    /// The API took this end, or never will: it waits no longer.
    ///
    /// # Errors
    /// When it cannot be written; then it will be delivered once more, which does no harm.
    pub fn session_told(&mut self, id: SessionEndId) -> Result<(), LedgerError> {
        self.reader.read(|connection| {
            connection
                .prepare_cached("DELETE FROM session_end WHERE number = ?1")?
                .execute([id.0])
                .map(|_| ())
        })
    }

    /// The API did not take this end: it waits on, behind those that were tried less often.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn session_untold(&mut self, id: SessionEndId, error: &str) -> Result<(), LedgerError> {
        let error: String = error.chars().take(ERROR_LIMIT).collect();
        self.reader.read(|connection| {
            connection
                .prepare_cached(
                    "UPDATE session_end SET attempts = attempts + 1, error = ?2 WHERE number = ?1",
                )?
                .execute(params![id.0, error])
                .map(|_| ())
        })
    }
}
