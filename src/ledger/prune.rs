//! Forgetting what is old, a little at a time, so that no due time waits for it.

use rusqlite::{OptionalExtension, TransactionBehavior};

use super::{Ledger, LedgerError};
use crate::failpoint::{self, Failpoint};
use crate::schedule::DueTime;

/// Most rows of each sort that one call looks at.
const ROWS: i64 = 5_000;

/// What one call removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Verdicts.
    pub verdicts: usize,
    /// Runs.
    pub runs: usize,
    /// Plans that were gone, with nothing left to tell of them.
    pub plans: usize,
    /// There is more to look at: call again.
    pub more: bool,
}

/// How far through the tables the calls have come: keys up to these were looked at. Lost at a restart, which
/// only means that the next call begins anew.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    runs: i64,
    plans: i64,
}

impl Ledger {
    /// Removes verdicts over due times before `before`, sightings of runs that started before it, and runs that are over and were due before it; but of
    /// a plan that lives never its last run nor its last success, and never one whose metadata the API does not
    /// have yet. Then plans that are gone and have no history
    /// left, and what plans had in common and none has any more. Does a bounded part of the work; call it again while there is `more`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn prune(&mut self, before: DueTime) -> Result<Pruned, LedgerError> {
        let Self {
            reader,
            keys,
            commons,
            pruning,
            ..
        } = self;
        let (connection, path) = reader.parts();
        let mut next = *pruning;
        let mut write = || -> rusqlite::Result<(Pruned, Vec<String>, Vec<i64>)> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let verdicts = transaction
                .prepare_cached(
                    "DELETE FROM verdict WHERE (first, plan) IN
                       (SELECT first, plan FROM verdict WHERE first < ?1 AND first + span < ?1 LIMIT ?2)",
                )?
                .execute([before.epoch(), ROWS])?;

            let sightings = transaction
                .prepare_cached(
                    "DELETE FROM sighting WHERE (plan, started) IN
                       (SELECT plan, started FROM sighting WHERE started < ?1 LIMIT ?2)",
                )?
                .execute([before.epoch(), ROWS])?;

            // The last key of the next few rows; none: the end is reached, and the next call begins anew.
            let window = |rows: &str, after: i64| -> rusqlite::Result<Option<i64>> {
                transaction
                    .prepare_cached(&format!(
                        "SELECT key FROM {rows} key > ?1 ORDER BY key LIMIT 1 OFFSET ?2"
                    ))?
                    .query_row([after, ROWS - 1], |row| row.get(0))
                    .optional()
            };
            let until = window("run WHERE", next.runs)?;
            let runs = transaction
                .prepare_cached(
                    "DELETE FROM run WHERE key > ?1 AND key <= ?2 AND state >= 3 AND due < ?3 AND NOT EXISTS
                       (SELECT 1 FROM progress g JOIN plan p ON p.key = g.plan
                        WHERE g.plan = run.plan AND p.forgotten = 0 AND run.key IN (g.last_done, g.last_success))
                       AND NOT EXISTS (SELECT 1 FROM backup b WHERE b.run = run.key AND b.metadata IS NOT NULL)",
                )?
                .execute([next.runs, until.unwrap_or(i64::MAX), before.epoch()])?;
            let mut more = until.is_some() || count(verdicts) == ROWS || count(sightings) == ROWS;
            next.runs = until.unwrap_or(0);

            let mut plans = Vec::new();
            if more {
                // A plan goes last: not before all of its verdicts and runs are.
                next.plans = 0;
            } else {
                let until = window("plan WHERE forgotten = 1 AND", next.plans)?;
                plans = transaction
                    .prepare_cached(
                        "DELETE FROM plan WHERE forgotten = 1 AND key > ?1 AND key <= ?2
                           AND NOT EXISTS (SELECT 1 FROM run WHERE run.plan = plan.key)
                           AND NOT EXISTS (SELECT 1 FROM report WHERE report.plan = plan.key)
                           AND NOT EXISTS (SELECT 1 FROM session_end e WHERE e.plan = plan.key)
                           AND NOT EXISTS (SELECT 1 FROM progress WHERE progress.plan = plan.key AND (covered >= ?3 OR waits NOT NULL))
                         RETURNING job_id",
                    )?
                    .query_map([next.plans, until.unwrap_or(i64::MAX), before.epoch()], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                more = until.is_some();
                next.plans = until.unwrap_or(0);
            }
            let mut unused = Vec::new();
            if !more {
                (unused, more) = commons.sweep(&transaction, ROWS)?;
            }
            failpoint::reach(Failpoint::PruneCommit);
            transaction.commit()?;
            failpoint::reach(Failpoint::PruneCommitted);
            Ok((
                Pruned {
                    verdicts,
                    runs,
                    plans: plans.len(),
                    more,
                },
                plans,
                unused,
            ))
        };
        let (pruned, plans, unused) = write().map_err(|error| LedgerError::of(path, error))?;
        *pruning = next;
        commons.removed(&unused);
        for job in plans {
            keys.remove(&crate::plan::JobId::new(&job));
        }
        Ok(pruned)
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
