//! What the daemon starts from.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row};

use super::briefs::{self, Commons, Upkeep, Used, brief_of};
use super::codes::{
    COALESCED, RUN, RUN_COLUMNS, TALLY_OF_RUNS, count_of, due_of, job_of, maybe_due, maybe_instant,
    outcome_code, reason_code, run_of,
};
use super::{LedgerError, Reader};
use crate::plan::{Digester, JobId};
use crate::planner::{Brief, Outcome, Reason, RunRecord};
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
    /// For [`super::Ledger::keep_briefs`].
    pub upkeep: Upkeep,
}

/// What is known of a plan's document.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// What waiting needs of it.
    Brief(Brief),
    /// Itself.
    Document(Arc<str>),
}

/// One plan as last seen. `D`: its document's text, or what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredPlan<D = Arc<str>> {
    /// Its id.
    pub job: JobId,
    /// Its document.
    pub document: D,
    /// When it was first seen.
    pub first_seen: DueTime,
    /// Since when it has its schedule and may run; `None`: since it was first seen.
    pub since: Option<DueTime>,
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
    /// Reads all that a daemon starts from, as of one moment, with all documents.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn restore(&self) -> Result<Restored, LedgerError> {
        self.at_one_moment(|reader| {
            let mut plans = Vec::new();
            reader.read(|connection| documents(connection, "TRUE", |plan| plans.push(plan)))?;
            reader.with_the_rest(plans, Upkeep::default())
        })
    }

    /// The same, but that each plan is taken in as it is read, and of most of them the brief: the documents of all of
    /// them are never held. `begin` is told how the briefs are digested.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn restore_into<P>(
        &self,
        begin: impl FnOnce(Digester) -> P,
        mut take: impl FnMut(&mut P, RestoredPlan<Known>),
    ) -> Result<Restored<P>, LedgerError> {
        self.at_one_moment(|reader| {
            let mut into = begin(reader.read(briefs::digester)?);
            let mut upkeep = Upkeep::default();
            let mut which = "p.common IS NULL";
            match reader.read(briefs::commons)? {
                Some(commons) => {
                    let used = reader
                        .read(|connection| stored(connection, &commons, |plan| take(&mut into, plan)))?;
                    upkeep.unused = briefs::unused(&commons, &used);
                }
                None => (upkeep.afresh, which) = (true, "TRUE"),
            }
            reader.read(|connection| {
                documents(connection, which, |plan: RestoredPlan| {
                    take(&mut into, plan.known_by(Known::Document));
                })
            })?;
            reader.with_the_rest(into, upkeep)
        })
    }

    fn with_the_rest<P>(&self, plans: P, upkeep: Upkeep) -> Result<Restored<P>, LedgerError> {
        Ok(Restored {
            plans,
            open_runs: self.open_runs()?,
            polled: self.read(polled)?,
            tally: self.read(tally)?,
            upkeep,
        })
    }
}

impl<D> RestoredPlan<D> {
    /// Of which so much is known.
    fn known_by<K>(self, known: impl FnOnce(D) -> K) -> RestoredPlan<K> {
        RestoredPlan {
            job: self.job,
            document: known(self.document),
            first_seen: self.first_seen,
            since: self.since,
            covered: self.covered,
            last_run: self.last_run,
            last_success: self.last_success,
        }
    }
}

/// What has come of a plan: columns of `g`, its progress, and of `r`, its last run, and `s`, its last success, if that is
/// another one. [`plan_of`] reads them.
fn progress_columns() -> String {
    let success_columns = RUN_COLUMNS.replace("r.", "s.");
    format!(
        "p.first_seen, g.covered, g.last_done, g.last_success, r.key, s.key, p.since, {RUN_COLUMNS}, {success_columns}"
    )
}

const PROGRESS: &str = "JOIN progress g ON g.plan = p.key LEFT JOIN run r ON r.key = g.last_done
   LEFT JOIN run s ON s.key = g.last_success AND g.last_success IS NOT g.last_done";

/// Where the columns of a plan's last runs begin, behind its other progress.
const LAST_RUN: usize = 7;

/// Where those of the success begin.
fn last_success() -> usize {
    LAST_RUN + RUN_COLUMNS.split(',').count()
}

/// A plan from [`progress_columns`], which begin at column `from`; `success`: [`last_success`].
fn plan_of<D>(
    row: &Row<'_>,
    from: usize,
    success: usize,
    job: JobId,
    document: D,
) -> rusqlite::Result<RestoredPlan<D>> {
    let run = |key: usize, first: usize| -> rusqlite::Result<Option<RunRecord>> {
        let key: Option<i64> = row.get(from + key)?;
        key.map(|_| run_of(row, from + first, &job)).transpose()
    };
    let last_run = run(4, LAST_RUN)?;
    let keys: [Option<i64>; 2] = [row.get(from + 2)?, row.get(from + 3)?];
    let last_success = if keys[0] == keys[1] {
        last_run.clone()
    } else {
        run(5, success)?
    };
    Ok(RestoredPlan {
        document,
        first_seen: due_of(row, from)?,
        since: maybe_due(row, from + 6)?,
        covered: due_of(row, from + 1)?,
        last_run,
        last_success,
        job,
    })
}

/// Plans whose brief is stored; gives what of `commons` they have in common.
fn stored(
    connection: &Connection,
    commons: &Commons,
    mut take: impl FnMut(RestoredPlan<Known>),
) -> rusqlite::Result<Used> {
    let (columns, progress) = (briefs::COLUMNS, progress_columns());
    let mut plans = connection.prepare(&format!(
        "SELECT {columns}, {progress} FROM plan p {PROGRESS} WHERE p.forgotten = 0 AND p.common NOT NULL ORDER BY p.key"
    ))?;
    let (from, success) = (columns.split(',').count(), last_success());
    let mut used = Used::default();
    let mut rows = plans.query([])?;
    while let Some(row) = rows.next()? {
        let (key, brief) = brief_of(row, commons)?;
        used.insert(key);
        take(plan_of(
            row,
            from,
            success,
            brief.id.clone(),
            Known::Brief(brief),
        )?);
    }
    Ok(used)
}

/// Plans by their documents. `which`: of `p`.
fn documents(
    connection: &Connection,
    which: &str,
    mut take: impl FnMut(RestoredPlan),
) -> rusqlite::Result<()> {
    let progress = progress_columns();
    let mut plans = connection.prepare(&format!(
        "SELECT p.job_id, d.text, {progress} FROM plan p JOIN document d ON d.plan = p.key {PROGRESS}
         WHERE {which} ORDER BY p.key"
    ))?;
    let success = last_success();
    let mut rows = plans.query([])?;
    while let Some(row) = rows.next()? {
        take(plan_of(row, 2, success, job_of(row, 0)?, row.get(1)?)?);
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
