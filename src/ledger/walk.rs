//! One plan's verdicts, from due time to due time.

use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::codes::{VERDICT_COLUMNS, verdict_of};
use crate::plan::JobId;
use crate::planner::VerdictRecord;
use crate::schedule::DueTime;

/// Which way a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The latest first.
    Back,
    /// The earliest first.
    Forth,
}

/// Goes through one plan's verdicts, in the order of their first due times.
///
/// The table is ordered by due time, then by plan (`schema.rs` says why). Each step of the walk is a search of
/// the tree for the nearest row at or beyond (due time, plan); so it goes from one due time of anybody's to the
/// next, and passes over the other plans' verdicts of the same due time, be they a million.
pub(super) struct Walk<'c> {
    nearest: CachedStatement<'c>,
    direction: Direction,
    job: JobId,
    plan: i64,
    /// The next search begins at this due time; `None`: there is nothing further on.
    at: Option<i64>,
}

impl<'c> Walk<'c> {
    /// From the due time `start` on, which is included. `None`: the ledger does not know the plan.
    pub(super) fn of(
        connection: &'c Connection,
        job: &JobId,
        direction: Direction,
        start: DueTime,
    ) -> rusqlite::Result<Option<Self>> {
        let plan = connection
            .prepare_cached("SELECT key FROM plan WHERE job_id = ?1")?
            .query_row([job.as_str()], |row| row.get(0))
            .optional()?;
        let (beyond, order) = match direction {
            Direction::Back => ("<=", "DESC"),
            Direction::Forth => (">=", "ASC"),
        };
        let nearest = connection.prepare_cached(&format!(
            "SELECT {VERDICT_COLUMNS}, plan FROM verdict WHERE (first, plan) {beyond} (?1, ?2)
             ORDER BY first {order}, plan {order} LIMIT 1"
        ))?;
        Ok(plan.map(|plan| Self {
            nearest,
            direction,
            job: job.clone(),
            plan,
            at: Some(start.epoch()),
        }))
    }

    pub(super) fn next(&mut self) -> rusqlite::Result<Option<VerdictRecord>> {
        while let Some(at) = self.at {
            let Self {
                nearest,
                job,
                plan: wanted,
                ..
            } = self;
            let found = nearest
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
            // A row of another due time and of a plan in front hides the one we want, if there is one.
            self.at = match self.direction {
                Direction::Back if plan > *wanted => Some(first),
                Direction::Forth if plan < *wanted => Some(first),
                Direction::Back => first.checked_sub(1),
                Direction::Forth => first.checked_add(1),
            };
            if verdict.is_some() {
                return Ok(verdict);
            }
        }
        Ok(None)
    }
}
