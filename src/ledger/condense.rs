//! Old verdicts that say the same, one right after the other, go on in one row.
//!
//! A plan that is due every second has 86,400 verdicts a day, and its owner may have a hundred such plans: what nobody needs
//! by the second any more must not fill the disk, which would stop everybody. A row over several due times says what the
//! rows before said (the first and the last of them, how many, why), as it does after downtime; what is lost is when each of
//! them was decided. Verdicts of runs stand for themselves, and so do those of shadow, which are compared one by one.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::codes::{RUN, reason_code};
use super::{Ledger, LedgerError};
use crate::failpoint::{self, Failpoint};
use crate::planner::Reason;
use crate::schedule::DueTime;

/// Most rows that one call looks at.
const ROWS: i64 = 5_000;
/// Verdicts go on in one row if there is no more than this between them, in seconds: what is due less often is not much.
const BETWEEN: i64 = 60;
/// Most plans whose last row is remembered from one call to the next.
const PLANS: usize = 65_536;

/// How far the calls have come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The last row that was looked at. `None`: it is to be read.
    at: Option<(i64, i64)>,
    /// The last row of each plan that may go on.
    last: HashMap<i64, Row, foldhash::quality::RandomState>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    first: i64,
    span: i64,
    count: i64,
    kind: i64,
    /// The due time of its run, or its run's id.
    run: Value,
    decided: i64,
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, Self)> {
        let first: i64 = row.get(0)?;
        let run = match row.get(5)? {
            Value::Integer(after) => Value::Integer(first.saturating_add(after)),
            other => other,
        };
        let read = Self {
            first,
            span: row.get(2)?,
            count: row.get(3)?,
            kind: row.get(4)?,
            run,
            decided: row.get(6)?,
        };
        Ok((row.get(1)?, read))
    }

    fn last(&self) -> i64 {
        self.first.saturating_add(self.span)
    }

    /// Whether `next`, the plan's next verdict, says the same.
    fn goes_on_in(&self, next: &Self) -> bool {
        let between = next.first.saturating_sub(self.last());
        self.kind == next.kind && self.run == next.run && (1..=BETWEEN).contains(&between)
    }

    fn with(&self, next: &Self) -> Self {
        Self {
            span: next.last().saturating_sub(self.first),
            count: self.count.saturating_add(next.count),
            decided: next.decided,
            ..self.clone()
        }
    }

    fn stands_alone(&self) -> bool {
        self.kind == RUN || self.kind == reason_code(Reason::Shadow)
    }
}

impl Ledger {
    /// Lets verdicts over due times before `before` that say the same go on in one row, where they follow one another closely.
    /// Does a bounded part of the work; says whether there is more: call it again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn condense(&mut self, before: DueTime) -> Result<bool, LedgerError> {
        let Self {
            reader, condensing, ..
        } = self;
        let (connection, path) = reader.parts();
        let mut last = std::mem::take(&mut condensing.last);
        // Beyond what is old: the clock was set back.
        let possible = |first: i64| first <= before.epoch();
        let from = condensing.at.take().filter(|(first, _)| possible(*first));
        let mut write = || -> rusqlite::Result<((i64, i64), bool)> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let from = match from {
                Some(from) => from,
                None => {
                    let reached = reached(&transaction)?.filter(|first| possible(*first));
                    (reached.unwrap_or(i64::MIN), i64::MAX)
                }
            };
            let rows = transaction
                .prepare_cached(
                    "SELECT first, plan, span, count, kind, run, decided FROM verdict
                     WHERE (first, plan) > (?1, ?2) AND first < ?3 ORDER BY first, plan LIMIT ?4",
                )?
                .query_map(params![from.0, from.1, before.epoch(), ROWS], Row::read)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let more = i64::try_from(rows.len()) == Ok(ROWS);
            let at = rows.last().map_or(from, |(plan, row)| (row.first, *plan));
            for (plan, row) in rows {
                merge(&transaction, &mut last, plan, row)?;
            }
            last.retain(|_, row| row.last().saturating_add(BETWEEN) >= at.0);
            transaction
                .prepare_cached("INSERT OR REPLACE INTO fact (name, value) VALUES ('condensed', ?1)")?
                .execute([at.0])?;
            failpoint::reach(Failpoint::CondenseCommit);
            transaction.commit()?;
            failpoint::reach(Failpoint::CondenseCommitted);
            Ok((at, more))
        };
        // After an error it is read again how far it came, and what is remembered is not.
        let (at, more) = write().map_err(|error| LedgerError::of(path, error))?;
        *condensing = Progress { at: Some(at), last };
        Ok(more)
    }
}

/// Up to which due time an earlier daemon came; that one was looked at.
fn reached(transaction: &Transaction<'_>) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached("SELECT value FROM fact WHERE name = 'condensed'")?
        .query_row([], |row| row.get(0))
        .optional()
}

/// Makes a row part of its plan's last one if it says the same, and remembers which that is now.
fn merge(
    transaction: &Transaction<'_>,
    last: &mut HashMap<i64, Row, foldhash::quality::RandomState>,
    plan: i64,
    row: Row,
) -> rusqlite::Result<()> {
    if row.stands_alone() {
        last.remove(&plan);
        return Ok(());
    }
    let former = last.get_mut(&plan);
    if let Some(former) = former.filter(|former| former.goes_on_in(&row)) {
        let both = former.with(&row);
        // It may be another by now, or gone: a clock was set back, it was forgotten.
        let grown = transaction
            .prepare_cached(
                "UPDATE verdict SET span = ?3, count = ?4, decided = ?5
                 WHERE first = ?1 AND plan = ?2 AND span = ?6 AND count = ?7 AND kind = ?8",
            )?
            .execute(params![
                former.first,
                plan,
                both.span,
                both.count,
                both.decided,
                former.span,
                former.count,
                former.kind
            ])?;
        if grown == 1 {
            transaction
                .prepare_cached("DELETE FROM verdict WHERE first = ?1 AND plan = ?2")?
                .execute([row.first, plan])?;
            *former = both;
            return Ok(());
        }
    }
    if last.len() < PLANS || last.contains_key(&plan) {
        last.insert(plan, row);
    }
    Ok(())
}
