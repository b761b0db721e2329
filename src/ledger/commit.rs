//! Writing: all records of one decision in one transaction, or none of them.

mod plans;
mod verdicts;

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::backups;
use super::briefs;
use super::codes::{DONE, RUN, TALLY_OF_RUNS, millis, outcome_code, run_values, state_code};
use super::error::Failure;
use super::outbox::{self, ReportId};
use super::session_ends;
use super::sightings;
use super::waiting;
use super::{Ledger, LedgerError, PlanKeys};
use crate::failpoint::{self, Failpoint};
use crate::plan::JobId;
use crate::planner::{Outcome, Record, RunId, RunRecord, RunState};

use verdicts::Verdicts;

/// What a commit brought about that the daemon must know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// The reports now waiting in the outbox because of it, in the order of their records. One that a later
    /// record of the same commit replaced is not among them.
    pub reports: Vec<ReportId>,
}

impl Ledger {
    /// Writes `records`, in their order, in one transaction that is on the disk when this returns.
    ///
    /// # Errors
    /// When the disk is full or fails, or a record is about a plan or run that the ledger does not have. Then
    /// none of the records is in the ledger.
    pub fn commit(&mut self, records: &[Record]) -> Result<Committed, LedgerError> {
        let Self {
            reader,
            keys,
            commons,
            ..
        } = self;
        let (connection, path) = reader.parts();
        let mut write = || -> Result<Written, Failure> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut writer = Writer::new(&transaction, keys, commons)?;
            for record in records {
                writer.write(record)?;
            }
            let written = writer.finish()?;
            reach_all(records, |[before, _]| before);
            transaction.commit()?;
            reach_all(records, |[_, after]| after);
            Ok(written)
        };
        let written = write().map_err(|failure| failure.at(path))?;
        keys.extend(written.keys);
        commons.extend(written.commons);
        self.in_log = self
            .in_log
            .saturating_add(records.iter().map(Record::count).sum());
        Ok(Committed {
            reports: written.reports,
        })
    }
}

/// Comes to the failpoints of a commit of these records.
#[inline]
fn reach_all(records: &[Record], side: fn([Failpoint; 2]) -> Failpoint) {
    if cfg!(debug_assertions) {
        for sides in records.iter().filter_map(around) {
            failpoint::reach(side(sides));
        }
    }
}

/// The failpoints before and after the commit of this record.
fn around(record: &Record) -> Option<[Failpoint; 2]> {
    match record {
        Record::Polled { .. } => Some([Failpoint::ListingCommit, Failpoint::ListingCommitted]),
        Record::Verdict(_) | Record::Skipped(_) | Record::Queued(_) => {
            Some([Failpoint::DueCommit, Failpoint::DueCommitted])
        }
        Record::Run(run) => match run.state {
            RunState::Running => Some([Failpoint::StartCommit, Failpoint::StartCommitted]),
            RunState::Done(_) => Some([Failpoint::EndCommit, Failpoint::EndCommitted]),
            RunState::Queued | RunState::Starting => None,
        },
        _ => None,
    }
}

/// What a transaction leaves behind in memory, once it is committed.
struct Written {
    keys: PlanKeys,
    commons: briefs::NewKeys,
    reports: Vec<ReportId>,
}

/// Writes the records of one transaction.
struct Writer<'t> {
    transaction: &'t Transaction<'t>,
    /// Plans known before this transaction, and those met in it: these count only once it is committed.
    keys: &'t PlanKeys,
    new_keys: PlanKeys,
    /// The same of what plans have in common.
    commons: &'t mut briefs::Keys,
    new_commons: briefs::NewKeys,
    /// What is to be added to the tally.
    tally: BTreeMap<i64, i64>,
    reports: Vec<ReportId>,
    /// Verdicts that are yet to be written.
    verdicts: Verdicts<'t>,
}

impl<'t> Writer<'t> {
    fn new(
        transaction: &'t Transaction<'t>,
        keys: &'t PlanKeys,
        commons: &'t mut briefs::Keys,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            transaction,
            keys,
            new_keys: PlanKeys::default(),
            commons,
            new_commons: briefs::NewKeys::default(),
            tally: BTreeMap::new(),
            reports: Vec::new(),
            verdicts: Verdicts::new(transaction)?,
        })
    }

    /// Writes what was gathered over all records.
    fn finish(mut self) -> Result<Written, Failure> {
        self.write_verdicts()?;
        let mut add = self.transaction.prepare_cached(
            "INSERT INTO tally (kind, total) VALUES (?1, ?2)
             ON CONFLICT (kind) DO UPDATE SET total = total + excluded.total",
        )?;
        for (kind, more) in self.tally.iter().filter(|(_, more)| **more != 0) {
            add.execute([kind, more])?;
        }
        Ok(Written {
            keys: self.new_keys,
            commons: self.new_commons,
            reports: self.reports,
        })
    }

    fn write(&mut self, record: &Record) -> Result<(), Failure> {
        // Of these none looks at what was decided, nor changes it; but a run by itself waits with others no more.
        let apart = match record {
            Record::Verdict(_) | Record::Skipped(_) | Record::Queued(_) => false,
            Record::Run(_) => self.verdicts.some_wait(),
            _ => true,
        };
        if apart {
            self.write_verdicts()?;
        }
        match record {
            Record::Plan {
                job,
                name,
                project,
                document,
                brief,
                first_seen,
                covered,
            } => {
                let content = document.as_deref().map(|text| (text, brief.as_deref()));
                self.plan(job, name, project.as_ref(), content, *first_seen, *covered)
            }
            Record::Covered { job, covered } => {
                let plan = self.key(job)?;
                self.transaction
                    .prepare_cached("UPDATE progress SET covered = ?2 WHERE plan = ?1")?
                    .execute([plan, covered.epoch()])?;
                Ok(())
            }
            Record::Since { job, since } => {
                let plan = self.key(job)?;
                self.transaction
                    .prepare_cached("UPDATE plan SET since = ?2 WHERE key = ?1")?
                    .execute([plan, since.epoch()])?;
                Ok(())
            }
            Record::Forget { job } => self.forget(job),
            Record::Verdict(verdict) => self.verdict(verdict),
            Record::Skipped(skipped) => self.skipped(skipped),
            Record::Queued(queued) => self.queued(queued),
            Record::Run(run) => self.run(run),
            Record::Withdraw { run } => self.withdraw(run),
            Record::Report { job, run, report } => {
                let plan = self.key(job)?;
                let put = outbox::put(self.transaction, plan, run.as_ref(), report)?;
                self.reports.retain(|known| Some(*known) != put.replaced);
                self.reports.push(put.id);
                Ok(())
            }
            Record::Backup { run, metadata } => backups::put(self.transaction, run, metadata),
            Record::SessionEnd { job, run, end } => {
                let plan = self.key(job)?;
                session_ends::put(self.transaction, plan, run, end)
            }
            Record::Sighting(sighting) => {
                let plan = self.key(&sighting.job)?;
                Ok(sightings::put(self.transaction, plan, sighting)?)
            }
            Record::Polled { at } => {
                self.transaction
                    .prepare_cached("INSERT OR REPLACE INTO fact (name, value) VALUES ('polled', ?1)")?
                    .execute([millis(*at)])?;
                Ok(())
            }
        }
    }

    /// The key of a plan's row.
    fn key(&mut self, job: &JobId) -> Result<i64, Failure> {
        if let Some(key) = self.keys.get(job).or_else(|| self.new_keys.get(job)) {
            return Ok(*key);
        }
        let key = self
            .transaction
            .prepare_cached("SELECT key FROM plan WHERE job_id = ?1")?
            .query_row([job.as_str()], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Failure::Ours(LedgerError::UnknownPlan { job: job.clone() }))?;
        self.new_keys.insert(job.clone(), key);
        Ok(key)
    }

    fn count(&mut self, kind: i64, more: i64) {
        let total = self.tally.entry(kind).or_default();
        *total = total.saturating_add(more);
    }

    fn run(&mut self, run: &RunRecord) -> Result<(), Failure> {
        let plan = self.key(&run.job)?;
        let state = state_code(run.state);
        self.waits_no_more(run, plan)?;
        // Mostly a run that is queued is new.
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO run (plan, project, due, covers, cadence, state, not_before, queued, started, ended, pid,
               detail, id, session, first, count)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) ON CONFLICT (id) DO NOTHING",
        )?;
        if run.state == RunState::Queued && run_values(run, plan, |values| insert.execute(values))? > 0 {
            return Ok(());
        }
        let old: Option<(i64, i64)> = self
            .transaction
            .prepare_cached("SELECT state, plan FROM run WHERE id = ?1")?
            .query_row([run.id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if old.is_some() {
            let mut change = self.transaction.prepare_cached(
                "UPDATE run SET plan = ?1, project = ?2, due = ?3, covers = ?4, cadence = ?5, state = ?6,
               not_before = ?7, queued = ?8, started = ?9, ended = ?10, pid = ?11, detail = ?12, session = ?14,
               first = ?15, count = ?16
             WHERE id = ?13",
            )?;
            run_values(run, plan, |values| change.execute(values))?;
        } else {
            run_values(run, plan, |values| insert.execute(values))?;
        }
        if let Some((old_state, old_plan)) = old.filter(|(old_state, _)| *old_state >= DONE) {
            // Rare: a run that was over is told of again, perhaps with another end.
            if state < DONE {
                // It ran for a due time that was still to come, by a clock that was wrong, and runs again now that it is there:
                // what its agent says this time is another backup.
                backups::run_again(self.transaction, &run.id)?;
            }
            self.count(TALLY_OF_RUNS + old_state, -1);
            self.last_runs(old_plan, old_state)?;
        }
        if state >= DONE {
            self.count(TALLY_OF_RUNS + state, 1);
            self.last_runs(plan, state)?;
        }
        Ok(())
    }

    /// This run may have waited together with others: now it has a row, or is none.
    fn waits_no_more(&self, run: &RunRecord, plan: i64) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("UPDATE progress SET waits = NULL WHERE plan = ?1 AND waits = ?2")?
            .execute([plan, run.due.epoch()])?;
        Ok(())
    }

    /// A run of `plan` came to be, or ceased to be, in this done `state`: which are its last ones now?
    fn last_runs(&mut self, plan: i64, state: i64) -> Result<(), Failure> {
        self.transaction
            .prepare_cached(
                "UPDATE progress SET last_done =
                   (SELECT key FROM run WHERE plan = ?1 AND state >= 3 ORDER BY due DESC, key DESC LIMIT 1)
                 WHERE plan = ?1",
            )?
            .execute([plan])?;
        if state == outcome_code(Outcome::Success) {
            self.transaction
                .prepare_cached(
                    "UPDATE progress SET last_success =
                       (SELECT key FROM run WHERE plan = ?1 AND state = 3 ORDER BY due DESC, key DESC LIMIT 1)
                     WHERE plan = ?1",
                )?
                .execute([plan])?;
        }
        Ok(())
    }

    fn withdraw(&mut self, run: &RunId) -> Result<(), Failure> {
        let with_row: Option<(i64, i64)> = self
            .transaction
            .prepare_cached("DELETE FROM run WHERE id = ?1 AND state < 2 RETURNING plan, due")?
            .query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (plan, due) = match with_row {
            Some(of) => of,
            None => self
                .waited(run)?
                .ok_or_else(|| Failure::Ours(LedgerError::Started { run: run.clone() }))?,
        };
        let void: Option<i64> = self
            .transaction
            .prepare_cached(
                "DELETE FROM verdict WHERE first = ?1 AND plan = ?2 AND kind = ?3 RETURNING count",
            )?
            .query_row([due, plan, RUN], |row| row.get(0))
            .optional()?;
        if let Some(count) = void {
            self.count(RUN, -count);
        }
        Ok(())
    }

    /// A run without a row waits no more: its plan, and its due time.
    fn waited(&mut self, run: &RunId) -> Result<Option<(i64, i64)>, Failure> {
        let Some(waits) = waiting::named(self.transaction, run)? else {
            return Ok(None);
        };
        let plan = self.key(&waits.job)?;
        self.waits_no_more(&waits, plan)?;
        Ok(Some((plan, waits.due.epoch())))
    }
}
