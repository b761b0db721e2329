//! The outbox's other sort: what agents said of their backups, until the API keeps a record of each.
//!
//! Unlike reports these never replace each other. A row stays as long as its run's, without its text once the
//! API has it: so the same step's metadata, told again, is known and not queued a second time.
//!
//! Making a record twice makes two. So it is written down, before anything is sent, that it may have arrived
//! ([`Ledger::backup_sending`]): whoever finds that note looks at the API first.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::codes::{job_of, project_of, trust_of};
use super::error::Failure;
use super::outbox::ERROR_LIMIT;
use super::{Ledger, LedgerError, Reader};
use crate::failpoint::{self, Failpoint};
use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::{Metadata, RunId};

/// Names one step's metadata in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupId(i64);

impl BackupId {
    /// Of the number under which it is stored.
    #[must_use]
    pub const fn from_stored(number: i64) -> Self {
        Self(number)
    }
}

/// Metadata that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingBackup {
    /// What [`Ledger::backup_sending`], [`Ledger::backup_taken`] and [`Ledger::backup_failed`] are told.
    pub id: BackupId,
    /// Of which plan.
    pub job: JobId,
    /// That plan's project: where to write it.
    pub project: Option<ProjectId>,
    /// In whose name, as the plan's document has it.
    pub trust: Option<TrustId>,
    /// By which run.
    pub run: RunId,
    /// What, and of which step.
    pub metadata: Metadata,
    /// A record was made before the backup: its id, `None` within when that was not heard.
    pub draft: Option<Option<String>>,
    /// It may have arrived already: look before making a record.
    pub in_doubt: bool,
    /// How often its delivery failed.
    pub attempts: u32,
    /// Why, the last time.
    pub error: Option<String>,
}

/// Puts metadata into the outbox, unless that step's was there before.
pub(super) fn put(connection: &Connection, run: &RunId, metadata: &Metadata) -> Result<(), Failure> {
    let key: i64 = connection
        .prepare_cached("SELECT key FROM run WHERE id = ?1")?
        .query_row([run.as_str()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Failure::Ours(LedgerError::UnknownRun { run: run.clone() }))?;
    connection
        .prepare_cached(
            "INSERT INTO backup (run, step, metadata) VALUES (?1, ?2, ?3) ON CONFLICT (run, step) DO NOTHING",
        )?
        .execute(params![key, metadata.step(), metadata.text()])?;
    Ok(())
}

/// The run is to run once more: that the API has what was said the first time is no mark any more.
pub(super) fn run_again(connection: &Connection, run: &RunId) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "DELETE FROM backup WHERE run = (SELECT key FROM run WHERE id = ?1) AND metadata IS NULL",
        )?
        .execute([run.as_str()])?;
    Ok(())
}

/// Of each plan the first that may be at the API unheard, or was not taken: it is tried again.
///
/// What its plan's later agents say of deletions waits for it. One of them may have deleted that very backup; told first,
/// it would take away the record, and the older one would make it anew, of a backup that is gone.
const UNSURE: &str = "
  SELECT s.plan AS plan, min(o.number) AS first FROM backup o JOIN run s ON s.key = o.run
  WHERE o.metadata IS NOT NULL AND (o.attempts > 0 OR o.in_doubt) GROUP BY s.plan";

const WAITS_NO_LONGER: &str = "UPDATE backup SET metadata = NULL, error = NULL WHERE number = ?1";

impl Reader {
    /// Metadata that may be told, at most `limit` of it: what was tried least often first, and of this the oldest. Of a plan
    /// of which something is unsure no more deletions are told before it is.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn pending_backups(&self, limit: usize) -> Result<Vec<PendingBackup>, LedgerError> {
        let sql = format!(
            "WITH unsure AS MATERIALIZED ({UNSURE})
             SELECT b.number, p.job_id, p.project, r.id, b.step, b.metadata, b.in_doubt, b.attempts, b.error,
               d.text, f.number IS NOT NULL, f.backup_id
             FROM backup b JOIN run r ON r.key = b.run JOIN plan p ON p.key = r.plan
               LEFT JOIN document d ON d.plan = p.key
               LEFT JOIN draft f ON f.run = r.id AND f.step = b.step
               LEFT JOIN unsure u ON u.plan = r.plan
             WHERE b.metadata IS NOT NULL
               AND NOT (coalesce(u.first < b.number, 0) AND instr(b.metadata, 'deleted_freezer_backup_ids'))
             ORDER BY b.attempts, b.number LIMIT ?1"
        );
        self.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    Ok(PendingBackup {
                        id: BackupId::from_stored(row.get(0)?),
                        job: job_of(row, 1)?,
                        project: project_of(row, 2)?,
                        trust: trust_of(row, 9)?,
                        draft: row.get::<_, bool>(10)?.then(|| row.get(11)).transpose()?,
                        run: row.get(3).map(RunId::from_stored)?,
                        metadata: Metadata::from_stored(row.get(4)?, row.get_ref(5)?.as_str()?),
                        in_doubt: row.get(6)?,
                        attempts: row.get(7)?,
                        error: row.get(8)?,
                    })
                })?
                .collect()
        })
    }

    /// How many steps' metadata waits.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn backup_backlog(&self) -> Result<u64, LedgerError> {
        self.read(|connection| {
            let waiting = "SELECT count(*) FROM backup WHERE metadata IS NOT NULL";
            let count: i64 = connection.query_row(waiting, [], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }
}

impl Ledger {
    /// It is about to be sent. On the disk when this returns: after a crash it is in doubt.
    ///
    /// # Errors
    /// When it cannot be written; then it must not be sent.
    pub fn backup_sending(&mut self, id: BackupId) -> Result<(), LedgerError> {
        self.change_backup("UPDATE backup SET in_doubt = 1 WHERE number = ?1", params![id.0])
    }

    /// The API has it: it waits no longer, and a record that was made before the backup says what became of it.
    ///
    /// # Errors
    /// When it cannot be written; then it stays in doubt, and is found at the API the next time.
    pub fn backup_taken(&mut self, id: BackupId) -> Result<(), LedgerError> {
        let (connection, path) = self.reader.parts();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction
                .prepare_cached(
                    "DELETE FROM draft WHERE (run, step) IN
                       (SELECT r.id, b.step FROM backup b JOIN run r ON r.key = b.run WHERE b.number = ?1)",
                )?
                .execute([id.0])?;
            transaction.prepare_cached(WAITS_NO_LONGER)?.execute([id.0])?;
            failpoint::reach(Failpoint::BackupCommit);
            transaction.commit()
        };
        write().map_err(|error| LedgerError::of(path, error))
    }

    /// The API will never take it, or there is nothing to make a record of: it waits no longer. A record that was made before the backup is yet to be told.
    ///
    /// # Errors
    /// When it cannot be written; then it is tried again.
    pub fn backup_given_up(&mut self, id: BackupId) -> Result<(), LedgerError> {
        self.change_backup(WAITS_NO_LONGER, params![id.0])
    }

    /// Its delivery failed: it waits on, behind what was tried less often. `in_doubt`: it may have arrived all
    /// the same.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn backup_failed(&mut self, id: BackupId, error: &str, in_doubt: bool) -> Result<(), LedgerError> {
        let error: String = error.chars().take(ERROR_LIMIT).collect();
        self.change_backup(
            "UPDATE backup SET attempts = attempts + 1, error = ?2, in_doubt = ?3
             WHERE number = ?1 AND metadata IS NOT NULL",
            params![id.0, error, in_doubt],
        )
    }

    fn change_backup(&mut self, change: &str, values: impl rusqlite::Params) -> Result<(), LedgerError> {
        self.reader
            .read(|connection| connection.prepare_cached(change)?.execute(values).map(|_| ()))
    }
}
