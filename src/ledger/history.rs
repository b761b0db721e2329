//! Reading the ledger, while the daemon writes to it or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::LedgerError;
use super::codes::{RUN_COLUMNS, VERDICT_COLUMNS, due_of, job_of, project_of, run_of, verdict_of};
use crate::plan::{JobId, ProjectId};
use crate::planner::{RunId, RunRecord, VerdictRecord};
use crate::schedule::DueTime;

/// Reads a ledger. Its answers are each of one moment, whatever is being written.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// A plan that the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPlan {
    /// Its id.
    pub job: JobId,
    /// Its name, as last seen.
    pub name: String,
    /// Its project.
    pub project: Option<ProjectId>,
    /// Its document's text; `None`: it is gone, and only its history is kept.
    pub document: Option<Arc<str>>,
    /// When it was first seen.
    pub first_seen: DueTime,
    /// Up to where its due times are decided.
    pub covered: DueTime,
}

impl Reader {
    pub(super) fn new(connection: Connection, path: &Path) -> Self {
        Self {
            connection,
            path: path.to_owned(),
        }
    }

    /// The ledger's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn parts(&mut self) -> (&mut Connection, &Path) {
        (&mut self.connection, &self.path)
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        read(&self.connection).map_err(|error| LedgerError::of(&self.path, error))
    }

    /// The plans called `wanted` by their id or their name: an id is one plan, a name may be several.
    /// `None`: all, in the order of their ids, at most `limit`.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn plans(&self, wanted: Option<&str>, limit: usize) -> Result<Vec<KnownPlan>, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT p.job_id, p.name, p.project, d.text, p.first_seen, g.covered
                     FROM plan p JOIN progress g ON g.plan = p.key LEFT JOIN document d ON d.plan = p.key
                     WHERE ?1 IS NULL OR p.job_id = ?1 OR p.name = ?1 ORDER BY p.job_id LIMIT ?2",
                )?
                .query_map(params![wanted, limited(limit)], |row| {
                    Ok(KnownPlan {
                        job: job_of(row, 0)?,
                        name: row.get(1)?,
                        project: project_of(row, 2)?,
                        document: row.get(3)?,
                        first_seen: due_of(row, 4)?,
                        covered: due_of(row, 5)?,
                    })
                })?
                .collect()
        })
    }

    /// The verdicts of a plan over due times from `from` to `to`, ends included: the latest first, at most
    /// `limit`. One that begins before `from` and reaches into it is the last.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn verdicts(
        &self,
        job: &JobId,
        from: DueTime,
        to: DueTime,
        limit: usize,
    ) -> Result<Vec<VerdictRecord>, LedgerError> {
        self.read(|connection| {
            let Some(mut walk) = Walk::of(connection, job, to)? else {
                return Ok(Vec::new());
            };
            let mut found = Vec::new();
            while found.len() < limit {
                match walk.next()? {
                    Some(verdict) if verdict.first >= from => found.push(verdict),
                    Some(verdict) if verdict.last >= from => {
                        found.push(verdict);
                        break;
                    }
                    _ => break,
                }
            }
            Ok(found)
        })
    }

    /// What became of one due time of a plan.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn verdict_at(&self, job: &JobId, due: DueTime) -> Result<Option<VerdictRecord>, LedgerError> {
        Ok(self.verdicts(job, due, due, 1)?.pop())
    }

    /// The runs of a plan, those of the latest due times first; or of all plans, the latest recorded first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn runs(&self, job: Option<&JobId>, limit: usize) -> Result<Vec<RunRecord>, LedgerError> {
        let (condition, order) = match job {
            Some(_) => (
                "r.plan = (SELECT key FROM plan WHERE job_id = ?1)",
                "r.due DESC, r.key DESC",
            ),
            None => ("?1 IS NULL", "r.key DESC"),
        };
        self.select_runs(condition, order, job.map(JobId::as_str), limit)
    }

    /// One run.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn run(&self, id: &RunId) -> Result<Option<RunRecord>, LedgerError> {
        Ok(self
            .select_runs("r.id = ?1", "r.key", Some(id.as_str()), 1)?
            .pop())
    }

    /// Every run that is not over, in the order they were recorded.
    pub(super) fn open_runs(&self) -> Result<Vec<RunRecord>, LedgerError> {
        self.select_runs("?1 IS NULL AND r.state < 3", "r.key", None, usize::MAX)
    }

    fn select_runs(
        &self,
        condition: &str,
        order: &str,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, LedgerError> {
        let sql = format!(
            "SELECT p.job_id, {RUN_COLUMNS} FROM run r JOIN plan p ON p.key = r.plan
             WHERE {condition} ORDER BY {order} LIMIT ?2"
        );
        self.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map(params![about, limited(limit)], |row| {
                    run_of(row, 1, &job_of(row, 0)?)
                })?
                .collect()
        })
    }
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Goes through one plan's verdicts, the latest first.
///
/// The table is ordered by due time, then by plan (`schema.rs` says why). Each step of the walk is a search of
/// the tree for the last row at or before (due time, plan); so it goes from one due time of anybody's to the
/// one before it, and passes over the other plans' verdicts of the same due time, be they a million.
struct Walk<'c> {
    latest: CachedStatement<'c>,
    job: JobId,
    plan: i64,
    /// The next search begins at this due time; `None`: there is nothing before.
    at: Option<i64>,
}

impl<'c> Walk<'c> {
    /// `None`: the ledger does not know the plan.
    fn of(connection: &'c Connection, job: &JobId, to: DueTime) -> rusqlite::Result<Option<Self>> {
        let plan = connection
            .prepare_cached("SELECT key FROM plan WHERE job_id = ?1")?
            .query_row([job.as_str()], |row| row.get(0))
            .optional()?;
        let latest = connection.prepare_cached(&format!(
            "SELECT {VERDICT_COLUMNS}, plan FROM verdict WHERE (first, plan) <= (?1, ?2)
             ORDER BY first DESC, plan DESC LIMIT 1"
        ))?;
        Ok(plan.map(|plan| Self {
            latest,
            job: job.clone(),
            plan,
            at: Some(to.epoch()),
        }))
    }

    fn next(&mut self) -> rusqlite::Result<Option<VerdictRecord>> {
        while let Some(at) = self.at {
            let Self {
                latest,
                job,
                plan: wanted,
                ..
            } = self;
            let found = latest
                .query_row([at, *wanted], |row| {
                    let plan: i64 = row.get(6)?;
                    let verdict = if plan == *wanted {
                        Some(verdict_of(row, job)?)
                    } else {
                        None
                    };
                    Ok((row.get::<_, i64>(0)?, plan, verdict))
                })
                .optional()?;
            let Some((first, plan, verdict)) = found else {
                self.at = None;
                break;
            };
            // A row of another due time and of a later plan hides the one we want, if there is one.
            self.at = if plan > *wanted {
                Some(first)
            } else {
                first.checked_sub(1)
            };
            if verdict.is_some() {
                return Ok(verdict);
            }
        }
        Ok(None)
    }
}
