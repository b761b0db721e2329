//! Runs that wait together with others: they have no row of their own, but a mark at their plan's progress.

use std::cmp::Reverse;

use rusqlite::{Connection, Params, Row};

use super::codes::{due_of, job_of, maybe_instant, project_of};
use crate::planner::{RunId, RunRecord};
use crate::schedule::DueTime;

/// All of them, in the order of their plans; their cadence is for their plans to say.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<RunRecord>> {
    select(connection, "ORDER BY g.plan", [])
}

/// The same, those that were decided last first; at most `limit`.
pub(super) fn latest(connection: &Connection, limit: i64) -> rusqlite::Result<Vec<RunRecord>> {
    let mut waiting = select(
        connection,
        "ORDER BY v.decided DESC, g.plan DESC LIMIT ?1",
        [limit],
    )?;
    waiting.sort_by_key(|run| Reverse(run.queued));
    Ok(waiting)
}

/// The one of this plan, if there is one.
pub(super) fn of_plan(connection: &Connection, job: &str) -> rusqlite::Result<Option<RunRecord>> {
    Ok(select(connection, "AND p.job_id = ?1", [job])?.pop())
}

/// The one that is called so.
pub(super) fn named(connection: &Connection, id: &RunId) -> rusqlite::Result<Option<RunRecord>> {
    let Some(due) = id.due() else { return Ok(None) };
    let is_it = |run: &RunRecord| run.id == *id;
    // Mostly a run is named after its plan; else all are looked through.
    if let Some(run) = of_plan(connection, id.of_plan())?.filter(is_it) {
        return Ok(Some(run));
    }
    let due = select(connection, "AND g.waits = ?1", [due.epoch()])?;
    Ok(due.into_iter().find(is_it))
}

/// `which`: what else is asked of progress `g` and plans `p`, with its parameters.
fn select(connection: &Connection, which: &str, parameters: impl Params) -> rusqlite::Result<Vec<RunRecord>> {
    let sql = format!(
        "SELECT p.job_id, p.project, g.waits, v.decided FROM progress g JOIN plan p ON p.key = g.plan
         LEFT JOIN verdict v ON v.first = g.waits AND v.plan = g.plan WHERE g.waits NOT NULL {which}"
    );
    connection
        .prepare_cached(&sql)?
        .query_map(parameters, run_of)?
        .collect()
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let due: DueTime = due_of(row, 2)?;
    // Its verdict may be so old that it was pruned.
    let decided = maybe_instant(row, 3)?.unwrap_or_else(|| due.instant());
    Ok(RunRecord {
        project: project_of(row, 1)?,
        ..RunRecord::new(job_of(row, 0)?, due, decided)
    })
}
