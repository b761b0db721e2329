//! Records of backups that are made before the backups, until they say what became of them.
//!
//! It is written down before such a record may exist ([`Ledger::draft_sending`]), and stays until the agent's metadata
//! is in it ([`Ledger::backup_taken`]) or, where there is none, it was told how its run ended
//! ([`Reader::pending_drafts`]). So none stays `creating` for ever, whatever dies in between.

use rusqlite::{OptionalExtension, params};

use super::codes::{DONE, job_of, outcome_code, project_of, trust_of};
use super::outbox::ERROR_LIMIT;
use super::{Ledger, LedgerError, Reader};
use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::{Outcome, RunId, RunRecord};

/// Names a record that was made before its backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftId(i64);

impl DraftId {
    /// Of the number under which it is stored.
    #[must_use]
    pub const fn from_stored(number: i64) -> Self {
        Self(number)
    }
}

/// What was known of a record before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftSent {
    /// Nothing: it is the first try.
    First,
    /// It may have been made: look before making it.
    InDoubt,
    /// It was made, and has this id.
    Made(String),
}

/// A record whose run is over, or was withdrawn, and that is not yet told what became of its backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDraft {
    /// What [`Ledger::draft_closed`] and [`Ledger::draft_failed`] are told.
    pub id: DraftId,
    /// Of which plan.
    pub job: JobId,
    /// That plan's project: where the record is.
    pub project: Option<ProjectId>,
    /// In whose name, as the plan's document has it.
    pub trust: Option<TrustId>,
    /// Of which run.
    pub run: RunId,
    /// Of which of its steps, from 0.
    pub step: u32,
    /// The record's id; `None`: it may not even exist.
    pub backup_id: Option<String>,
    /// The run succeeded, though the step's agent said nothing.
    pub succeeded: bool,
    /// How often it could not be told.
    pub attempts: u32,
}

/// Whose run is over (or gone) and whose agent's metadata is not on its way.
const OPEN_END: &str = "
  FROM draft f LEFT JOIN run r ON r.id = f.run
  WHERE (r.key IS NULL OR r.state >= ?1) AND NOT EXISTS
    (SELECT 1 FROM backup b WHERE b.run = r.key AND b.step = f.step AND b.metadata IS NOT NULL)";

impl Reader {
    /// Records to be told how their runs ended, at most `limit`: those tried least often first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn pending_drafts(&self, limit: usize) -> Result<Vec<PendingDraft>, LedgerError> {
        let query = format!(
            "SELECT f.number, f.job_id, f.project, f.run, f.step, f.backup_id, f.attempts, r.state,
               (SELECT d.text FROM plan p JOIN document d ON d.plan = p.key WHERE p.job_id = f.job_id)
             {OPEN_END} ORDER BY f.attempts, f.number LIMIT ?2"
        );
        self.read(|connection| {
            connection
                .prepare_cached(&query)?
                .query_map(params![DONE, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    let state: Option<i64> = row.get(7)?;
                    Ok(PendingDraft {
                        id: DraftId::from_stored(row.get(0)?),
                        job: job_of(row, 1)?,
                        project: project_of(row, 2)?,
                        trust: trust_of(row, 8)?,
                        run: row.get(3).map(RunId::from_stored)?,
                        step: row.get(4)?,
                        backup_id: row.get(5)?,
                        succeeded: state == Some(outcome_code(Outcome::Success)),
                        attempts: row.get(6)?,
                    })
                })?
                .collect()
        })
    }

    /// How many records are to be told.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn draft_backlog(&self) -> Result<u64, LedgerError> {
        self.read(|connection| {
            let count: i64 =
                connection.query_row(&format!("SELECT count(*) {OPEN_END}"), [DONE], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }
}

impl Ledger {
    /// The record of this step's backup is about to be made. On the disk when this returns: whoever comes after us
    /// knows that there may be one.
    ///
    /// # Errors
    /// When it cannot be written; then none must be made.
    pub fn draft_sending(&mut self, run: &RunRecord, step: u32) -> Result<DraftSent, LedgerError> {
        self.reader.read(|connection| {
            let known: Option<Option<String>> = connection
                .prepare_cached("SELECT backup_id FROM draft WHERE run = ?1 AND step = ?2")?
                .query_row(params![run.id.as_str(), step], |row| row.get(0))
                .optional()?;
            match known {
                Some(Some(id)) => return Ok(DraftSent::Made(id)),
                Some(None) => return Ok(DraftSent::InDoubt),
                None => {}
            }
            let project = run.project.as_ref().map(ProjectId::as_str);
            connection
                .prepare_cached("INSERT INTO draft (run, step, job_id, project) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![run.id.as_str(), step, run.job.as_str(), project])?;
            Ok(DraftSent::First)
        })
    }

    /// It was made, and has this id.
    ///
    /// # Errors
    /// When it cannot be written; then it is looked for at the API the next time.
    pub fn draft_made(&mut self, run: &RunId, step: u32, id: &str) -> Result<(), LedgerError> {
        self.change_draft(
            "UPDATE draft SET backup_id = ?3 WHERE run = ?1 AND step = ?2",
            params![run.as_str(), step, id],
        )
    }

    /// It was surely not made.
    ///
    /// # Errors
    /// When it cannot be written; then it is looked for in vain.
    pub fn draft_not_made(&mut self, run: &RunId, step: u32) -> Result<(), LedgerError> {
        self.change_draft(
            "DELETE FROM draft WHERE run = ?1 AND step = ?2",
            params![run.as_str(), step],
        )
    }

    /// It says what became of its backup, or there is none.
    ///
    /// # Errors
    /// When it cannot be written; then it is told once more, which does no harm.
    pub fn draft_closed(&mut self, id: DraftId) -> Result<(), LedgerError> {
        self.change_draft("DELETE FROM draft WHERE number = ?1", params![id.0])
    }

    /// It could not be told: it waits on, behind those that were tried less often.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn draft_failed(&mut self, id: DraftId, error: &str) -> Result<(), LedgerError> {
        let error: String = error.chars().take(ERROR_LIMIT).collect();
        self.change_draft(
            "UPDATE draft SET attempts = attempts + 1, error = ?2 WHERE number = ?1",
            params![id.0, error],
        )
    }

    fn change_draft(&mut self, change: &str, values: impl rusqlite::Params) -> Result<(), LedgerError> {
        self.reader
            .read(|connection| connection.prepare_cached(change)?.execute(values).map(|_| ()))
    }
}
