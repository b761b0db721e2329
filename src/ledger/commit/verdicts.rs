//! Verdicts: in a burst there is one for each of a hundred thousand plans, so they are written many at a time.
//!
//! What a statement costs by itself, beside what it does, is paid once for all of its rows.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, ErrorCode, ToSql, Transaction};

use super::Writer;
use crate::ledger::codes::{RUN, count_value, millis, reason_code, run_value, verdict_code};
use crate::ledger::error::Failure;
use crate::plan::JobId;
use crate::planner::{Jobs, Queued, Skipped, VerdictRecord};

/// Rows of one statement.
const AT_ONCE: usize = 64;
/// Values of one row.
const COLUMNS: usize = 7;

/// A row of `verdict`, the last due time it covers, and whether its run waits without a row.
struct Row {
    first: i64,
    last: i64,
    plan: i64,
    span: i64,
    count: i64,
    kind: i64,
    run: Value,
    decided: i64,
    waits: bool,
}

impl Row {
    /// In the order of the columns that are written.
    fn values(&self) -> [&dyn ToSql; COLUMNS] {
        [
            &self.first,
            &self.plan,
            &self.span,
            &self.count,
            &self.kind,
            &self.run,
            &self.decided,
        ]
    }
}

/// Verdicts that are yet to be written, and what writes them.
pub(super) struct Verdicts<'t> {
    rows: Vec<Row>,
    insert_all: CachedStatement<'t>,
    advance_all: CachedStatement<'t>,
    wait_all: CachedStatement<'t>,
    insert: CachedStatement<'t>,
    advance: CachedStatement<'t>,
    wait: CachedStatement<'t>,
}

impl<'t> Verdicts<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>) -> rusqlite::Result<Self> {
        let into = "INSERT INTO verdict (first, plan, span, count, kind, run, decided) VALUES";
        let row = "(?, ?, ?, ?, ?, ?, ?)";
        let plans = ["?"; AT_ONCE].join(", ");
        Ok(Self {
            rows: Vec::with_capacity(AT_ONCE),
            insert_all: transaction.prepare_cached(&format!("{into} {}", [row; AT_ONCE].join(", ")))?,
            advance_all: transaction.prepare_cached(&format!(
                "UPDATE progress SET covered = ?1 WHERE covered < ?1 AND plan IN ({plans})"
            ))?,
            wait_all: transaction.prepare_cached(&format!(
                "UPDATE progress SET covered = max(covered, ?1), waits = ?1 WHERE plan IN ({plans})"
            ))?,
            insert: transaction.prepare_cached(&format!("{into} {row} ON CONFLICT DO NOTHING"))?,
            advance: transaction
                .prepare_cached("UPDATE progress SET covered = ?2 WHERE plan = ?1 AND covered < ?2")?,
            wait: transaction.prepare_cached(
                "UPDATE progress SET covered = max(covered, ?2), waits = ?2 WHERE plan = ?1",
            )?,
        })
    }

    /// Whether some that are yet to be written say that a run waits.
    pub(super) fn some_wait(&self) -> bool {
        self.rows.iter().any(|row| row.waits)
    }

    /// Writes a full lot of them in one statement; `false`, and nothing is changed: one of them takes an earlier one's
    /// place.
    fn insert_all(&mut self) -> rusqlite::Result<bool> {
        for (row, number) in self.rows.iter().zip(0..) {
            for (value, column) in row.values().into_iter().zip(1..) {
                self.insert_all
                    .raw_bind_parameter(number * COLUMNS + column, value)?;
            }
        }
        match self.insert_all.raw_execute() {
            Ok(_) => Ok(true),
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Moves their plans' `covered` on, and marks those that wait.
    fn advance(&mut self) -> rusqlite::Result<()> {
        let alike = |row: &Row| (row.last, row.waits);
        let same = self.rows.first().map(alike);
        if let Some((last, waits)) = same
            && self.rows.len() == AT_ONCE
            && self.rows.iter().all(|row| Some(alike(row)) == same)
        {
            let all = if waits {
                &mut self.wait_all
            } else {
                &mut self.advance_all
            };
            all.raw_bind_parameter(1, last)?;
            for (row, number) in self.rows.iter().zip(2..) {
                all.raw_bind_parameter(number, row.plan)?;
            }
            all.raw_execute()?;
            return Ok(());
        }
        for row in &self.rows {
            let one = if row.waits {
                &mut self.wait
            } else {
                &mut self.advance
            };
            one.execute([row.plan, row.last])?;
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// A verdict, to be written with the next ones.
    pub(super) fn verdict(&mut self, verdict: &VerdictRecord) -> Result<(), Failure> {
        let plan = self.key(&verdict.job)?;
        self.put(Row {
            first: verdict.first.epoch(),
            last: verdict.last.epoch(),
            plan,
            span: verdict.last.since(verdict.first),
            count: count_value(verdict.count),
            kind: verdict_code(&verdict.verdict),
            run: run_value(verdict),
            decided: millis(verdict.decided),
            waits: false,
        })
    }

    /// The verdict of many plans, likewise.
    pub(super) fn skipped(&mut self, skipped: &Skipped) -> Result<(), Failure> {
        self.put_all(&skipped.jobs, |plan| Row {
            first: skipped.first.epoch(),
            last: skipped.last.epoch(),
            plan,
            span: skipped.last.since(skipped.first),
            count: count_value(skipped.count),
            kind: reason_code(skipped.reason),
            run: Value::Null,
            decided: millis(skipped.decided),
            waits: false,
        })
    }

    /// The same, and that their runs wait: a mark at each plan's progress. What else there is to know of these runs the
    /// verdict and the plan say.
    pub(super) fn queued(&mut self, queued: &Queued) -> Result<(), Failure> {
        let due = queued.due.epoch();
        self.put_all(&queued.jobs, |plan| Row {
            first: due,
            last: due,
            plan,
            span: 0,
            count: 1,
            kind: RUN,
            run: Value::Integer(0),
            decided: millis(queued.decided),
            waits: true,
        })
    }

    /// A row for each of these plans. Their ids lie far apart, and so do their keys: each is fetched in a pass of its own,
    /// so short that the processor fetches several at once.
    fn put_all(&mut self, jobs: &Jobs, row: impl Fn(i64) -> Row) -> Result<(), Failure> {
        let mut all = jobs.iter();
        let mut jobs: Vec<(&JobId, &str)> = Vec::with_capacity(AT_ONCE);
        let mut keys: Vec<Option<i64>> = Vec::with_capacity(AT_ONCE);
        loop {
            jobs.clear();
            jobs.extend(all.by_ref().take(AT_ONCE).map(|job| (job, job.as_str())));
            if jobs.is_empty() {
                return Ok(());
            }
            keys.clear();
            keys.extend(jobs.iter().map(|(_, id)| self.keys.get(*id).copied()));
            for ((job, _), key) in jobs.iter().zip(&keys) {
                let plan = key.map_or_else(|| self.key(job), Ok)?;
                self.put(row(plan))?;
            }
        }
    }

    fn put(&mut self, row: Row) -> Result<(), Failure> {
        self.verdicts.rows.push(row);
        if self.verdicts.rows.len() == AT_ONCE {
            self.write_verdicts()?;
        }
        Ok(())
    }

    /// Writes those that wait for it.
    pub(super) fn write_verdicts(&mut self) -> Result<(), Failure> {
        let all = self.verdicts.rows.len() == AT_ONCE && self.verdicts.insert_all()?;
        self.verdicts.advance()?;
        let mut rows = std::mem::take(&mut self.verdicts.rows);
        for row in &rows {
            if !all {
                self.write_verdict(row)?;
            }
            self.count(row.kind, row.count);
        }
        rows.clear();
        self.verdicts.rows = rows;
        Ok(())
    }

    /// One by itself. Nearly always there is none yet, so the one that is replaced is only looked up when there is.
    fn write_verdict(&mut self, row: &Row) -> Result<(), Failure> {
        let values = row.values();
        if self.verdicts.insert.execute(&values[..])? > 0 {
            return Ok(());
        }
        let (old_kind, old_count): (i64, i64) = self
            .transaction
            .prepare_cached("SELECT kind, count FROM verdict WHERE first = ?1 AND plan = ?2")?
            .query_row([row.first, row.plan], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.count(old_kind, -old_count);
        self.transaction
            .prepare_cached(
                "UPDATE verdict SET span = ?3, count = ?4, kind = ?5, run = ?6, decided = ?7
                 WHERE first = ?1 AND plan = ?2",
            )?
            .execute(&values[..])?;
        Ok(())
    }
}
