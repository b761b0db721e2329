//! Reading the ledger, while the daemon writes to it or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Params, params};

use super::LedgerError;
use super::codes::{RUN_COLUMNS, due_of, job_of, maybe_due, project_of, run_of};
use super::waiting;
use super::walk::{Direction, Walk};
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
    /// Since when it has its schedule and may run; `None`: since it was first seen.
    pub since: Option<DueTime>,
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

    /// Lets `look` read, whatever is being written meanwhile, as of one moment.
    ///
    /// # Errors
    /// When the ledger cannot be read; and those of `look`.
    pub fn at_one_moment<T, E: From<LedgerError>>(
        &self,
        look: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.read(|connection| connection.execute_batch("SAVEPOINT moment"))?;
        let seen = look(self);
        self.read(|connection| connection.execute_batch("RELEASE moment"))?;
        seen
    }

    /// The plans called `wanted` by their id or their name: an id is one plan, a name may be several. The one of
    /// that id comes first, then those that live, then those that are gone. `None`: all, in the order of their
    /// ids. At most `limit`.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn plans(&self, wanted: Option<&str>, limit: usize) -> Result<Vec<KnownPlan>, LedgerError> {
        match wanted {
            Some(wanted) => self.select_plans(
                "WHERE p.job_id = ?1 OR p.name = ?1 ORDER BY p.job_id <> ?1, d.plan IS NULL, p.job_id LIMIT ?2",
                params![wanted, limited(limit)],
            ),
            None => self.select_plans("ORDER BY p.job_id LIMIT ?1", params![limited(limit)]),
        }
    }

    /// The plan of this id.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn plan(&self, job: &JobId) -> Result<Option<KnownPlan>, LedgerError> {
        let found = self.select_plans("WHERE p.job_id = ?1", params![job.as_str()]);
        found.map(|mut plans| plans.pop())
    }

    /// `which`: from the `WHERE` of plans `p` on, with its parameters.
    fn select_plans(&self, which: &str, parameters: impl Params) -> Result<Vec<KnownPlan>, LedgerError> {
        let sql = format!(
            "SELECT p.job_id, p.name, p.project, d.text, p.first_seen, g.covered, p.since
             FROM plan p JOIN progress g ON g.plan = p.key LEFT JOIN document d ON d.plan = p.key {which}"
        );
        self.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map(parameters, |row| {
                    Ok(KnownPlan {
                        job: job_of(row, 0)?,
                        name: row.get(1)?,
                        project: project_of(row, 2)?,
                        document: row.get(3)?,
                        first_seen: due_of(row, 4)?,
                        covered: due_of(row, 5)?,
                        since: maybe_due(row, 6)?,
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
            let Some(mut walk) = Walk::of(connection, job, Direction::Back, to)? else {
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

    /// The verdict of a plan with the earliest `first` later than `after`.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn verdict_after(&self, job: &JobId, after: DueTime) -> Result<Option<VerdictRecord>, LedgerError> {
        self.read(
            |connection| match Walk::of(connection, job, Direction::Forth, after.plus(1))? {
                Some(mut walk) => walk.next(),
                None => Ok(None),
            },
        )
    }

    /// The runs of a plan, those of the latest due times first; or of all plans, the latest recorded first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn runs(&self, job: Option<&JobId>, limit: usize) -> Result<Vec<RunRecord>, LedgerError> {
        self.at_one_moment(|reader| reader.runs_now(job, limit))
    }

    fn runs_now(&self, job: Option<&JobId>, limit: usize) -> Result<Vec<RunRecord>, LedgerError> {
        let (runs, waiting) = match job {
            Some(job) => (
                self.select_runs(
                    "WHERE r.plan = (SELECT key FROM plan WHERE job_id = ?1) ORDER BY r.due DESC, r.key DESC LIMIT ?2",
                    params![job.as_str(), limited(limit)],
                )?,
                Vec::from_iter(self.read(|connection| waiting::of_plan(connection, job.as_str()))?),
            ),
            None => (
                self.select_runs("ORDER BY r.key DESC LIMIT ?1", params![limited(limit)])?,
                self.read(|connection| waiting::latest(connection, limited(limit)))?,
            ),
        };
        let before = |one: &RunRecord, other: &RunRecord| match job {
            Some(_) => one.due > other.due,
            None => one.queued > other.queued,
        };
        let mut waiting = waiting.into_iter().peekable();
        let mut all = Vec::with_capacity(runs.len());
        for run in runs {
            all.extend(std::iter::from_fn(|| {
                waiting.next_if(|waits| before(waits, &run))
            }));
            all.push(run);
        }
        all.extend(waiting);
        all.truncate(limit);
        Ok(all)
    }

    /// One run.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn run(&self, id: &RunId) -> Result<Option<RunRecord>, LedgerError> {
        self.at_one_moment(|reader| {
            let found = reader.select_runs("WHERE r.id = ?1", params![id.as_str()])?.pop();
            match found {
                Some(run) => Ok(Some(run)),
                None => reader.read(|connection| waiting::named(connection, id)),
            }
        })
    }

    /// The run of a plan with the latest due time before `due`.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn run_before(&self, job: &JobId, due: DueTime) -> Result<Option<RunRecord>, LedgerError> {
        self.at_one_moment(|reader| {
            let found = reader.select_runs(
                "WHERE r.plan = (SELECT key FROM plan WHERE job_id = ?1) AND r.due < ?2
                 ORDER BY r.due DESC, r.key DESC LIMIT 1",
                params![job.as_str(), due.epoch()],
            )?;
            let waits = reader.read(|connection| waiting::of_plan(connection, job.as_str()))?;
            let waits = waits.filter(|run| run.due < due);
            Ok(found.into_iter().chain(waits).max_by_key(|run| run.due))
        })
    }

    /// The successful run of a plan with the latest due time: what its deadline counts from.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn last_success(&self, job: &JobId) -> Result<Option<RunRecord>, LedgerError> {
        let found = self.select_runs(
            "WHERE r.key = (SELECT g.last_success FROM progress g JOIN plan q ON q.key = g.plan WHERE q.job_id = ?1)",
            params![job.as_str()],
        );
        found.map(|mut runs| runs.pop())
    }

    /// Every run that is not over, in the order they were recorded; those that wait together are the last.
    pub(super) fn open_runs(&self) -> Result<Vec<RunRecord>, LedgerError> {
        let mut open = self.select_runs("WHERE r.state < 3 ORDER BY r.key", [])?;
        open.extend(self.read(waiting::all)?);
        Ok(open)
    }

    /// `which`: from the `WHERE` of runs `r` on, with its parameters.
    fn select_runs(&self, which: &str, parameters: impl Params) -> Result<Vec<RunRecord>, LedgerError> {
        let sql = format!("SELECT p.job_id, {RUN_COLUMNS} FROM run r JOIN plan p ON p.key = r.plan {which}");
        self.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map(parameters, |row| run_of(row, 1, &job_of(row, 0)?))?
                .collect()
        })
    }
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
