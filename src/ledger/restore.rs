//! What the daemon starts from.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};

use super::codes::{
    COALESCED, RUN, RUN_COLUMNS, TALLY_OF_RUNS, count_of, due_of, job_of, maybe_instant, outcome_code,
    reason_code, run_of,
};
use super::{LedgerError, Reader};
use crate::plan::JobId;
use crate::planner::{Outcome, Reason, RunRecord};
use crate::schedule::DueTime;

/// All that a daemon must know of the time before it started.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored<P = Vec<RestoredPlan>> {
    /// The plans as last seen; not those that are gone. `P`: what was made of them.
    pub plans: P,
    /// Every run that is not over, of plans that are gone too, in the order they were recorded.
    pub open_runs: Vec<RunRecord>,
    /// When a complete listing was last taken in.
    pub polled: Option<DateTime<Utc>>,
    /// What was counted over the ledger's whole life.
    pub tally: Tally,
}

/// One plan as last seen.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredPlan {
    /// Its id.
    pub job: JobId,
    /// Its document's text.
    pub document: Arc<str>,
    /// When it was first seen.
    pub first_seen: DueTime,
    /// Up to where its due times are decided.
    pub covered: DueTime,
    /// Its run that is over, with the latest due time.
    pub last_run: Option<RunRecord>,
    /// Its success with the latest due time: what its deadline counts from.
    pub last_success: Option<RunRecord>,
}

/// Totals over the ledger's whole life: pruning takes nothing from them. (A verdict that is replaced counts
/// as what it became.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Due times that ran.
    pub ran: u64,
    /// Due times taken together with another's run.
    pub coalesced: u64,
    /// Due times that did not run, by reason; only reasons that occurred.
    pub skipped: BTreeMap<Reason, u64>,
    /// Runs that are over, by outcome; all four.
    pub outcomes: [(Outcome, u64); 4],
}

impl Tally {
    /// All due times: each has exactly one verdict.
    #[must_use]
    pub fn due(&self) -> u64 {
        self.skipped
            .values()
            .fold(self.ran.saturating_add(self.coalesced), |sum, more| {
                sum.saturating_add(*more)
            })
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            ran: 0,
            coalesced: 0,
            skipped: BTreeMap::new(),
            outcomes: Outcome::ALL.map(|outcome| (outcome, 0)),
        }
    }
}

impl Reader {
    /// Reads all that a daemon starts from, as of one moment.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn restore(&self) -> Result<Restored, LedgerError> {
        self.restore_into(Vec::new(), Vec::push)
    }

    /// The same, but that each plan is taken in as it is read: the documents of all of them are never held.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn restore_into<P>(
        &self,
        mut into: P,
        mut take: impl FnMut(&mut P, RestoredPlan),
    ) -> Result<Restored<P>, LedgerError> {
        self.at_one_moment(|reader| {
            reader.read(|connection| plans(connection, |plan| take(&mut into, plan)))?;
            Ok(Restored {
                plans: into,
                open_runs: reader.open_runs()?,
                polled: reader.read(polled)?,
                tally: reader.read(tally)?,
            })
        })
    }
}

fn plans(connection: &Connection, mut take: impl FnMut(RestoredPlan)) -> rusqlite::Result<()> {
    // The run `r` is the plan's last one, `s` its last success.
    let success_columns = RUN_COLUMNS.replace("r.", "s.");
    let sql = format!(
        "SELECT p.job_id, d.text, p.first_seen, g.covered, r.key, s.key, {RUN_COLUMNS}, {success_columns}
         FROM document d JOIN plan p ON p.key = d.plan JOIN progress g ON g.plan = d.plan
           LEFT JOIN run r ON r.key = g.last_done LEFT JOIN run s ON s.key = g.last_success
         ORDER BY d.plan"
    );
    let columns = RUN_COLUMNS.split(',').count();
    let mut plans = connection.prepare(&sql)?;
    let mut rows = plans.query([])?;
    while let Some(row) = rows.next()? {
        let job = job_of(row, 0)?;
        let run = |key: usize, from: usize| -> rusqlite::Result<Option<RunRecord>> {
            let key: Option<i64> = row.get(key)?;
            key.map(|_| run_of(row, from, &job)).transpose()
        };
        take(RestoredPlan {
            document: row.get(1)?,
            first_seen: due_of(row, 2)?,
            covered: due_of(row, 3)?,
            last_run: run(4, 6)?,
            last_success: run(5, 6 + columns)?,
            job,
        });
    }
    Ok(())
}

pub(super) fn polled(connection: &Connection) -> rusqlite::Result<Option<DateTime<Utc>>> {
    connection
        .query_row("SELECT value FROM fact WHERE name = 'polled'", [], |row| {
            maybe_instant(row, 0)
        })
        .optional()
        .map(Option::flatten)
}

fn tally(connection: &Connection) -> rusqlite::Result<Tally> {
    let totals: BTreeMap<i64, u64> = connection
        .prepare("SELECT kind, total FROM tally")?
        .query_map([], |row| Ok((row.get(0)?, count_of(row, 1)?)))?
        .collect::<Result<_, _>>()?;
    let total = |kind: i64| totals.get(&kind).copied().unwrap_or_default();
    Ok(Tally {
        ran: total(RUN),
        coalesced: total(COALESCED),
        skipped: Reason::ALL
            .into_iter()
            .map(|reason| (reason, total(reason_code(reason))))
            .filter(|(_, total)| *total > 0)
            .collect(),
        outcomes: Outcome::ALL.map(|outcome| (outcome, total(TALLY_OF_RUNS + outcome_code(outcome)))),
    })
}
