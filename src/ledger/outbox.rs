//! The outbox: what the API must be told, until it took it.
//!
//! A report tells the whole state of a plan, so only the newest of each plan waits. It may replace one that is
//! on its way at that moment: numbers are never used again, so the delivery of the old takes nothing from the new.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::codes::{job_of, maybe_instant, project_of, trust_of};
use super::{Ledger, LedgerError, Reader};
use crate::failpoint::{self, Failpoint};
use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::{Report, RunId, SessionTag};

/// Longest error text kept with a report, in characters.
pub(super) const ERROR_LIMIT: usize = 500;

/// Names one waiting report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId {
    plan: i64,
    number: i64,
}

impl ReportId {
    /// Of the numbers under which its plan and it are stored.
    #[must_use]
    pub const fn from_stored(plan: i64, number: i64) -> Self {
        Self { plan, number }
    }
}

/// A report that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingReport {
    /// What [`Ledger::delivered`] and [`Ledger::delivery_failed`] are told.
    pub id: ReportId,
    /// About which plan.
    pub job: JobId,
    /// That plan's project: where to write it.
    pub project: Option<ProjectId>,
    /// In whose name, as the plan's document has it.
    pub trust: Option<TrustId>,
    /// About which run, if one.
    pub run: Option<RunId>,
    /// What.
    pub report: Report,
    /// How often its delivery failed.
    pub attempts: u32,
    /// Why, the last time.
    pub error: Option<String>,
}

/// What became of a report put into the outbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Put {
    pub(super) id: ReportId,
    pub(super) replaced: Option<ReportId>,
}

/// Puts a report into the outbox, in the place of an older one of its plan. What the older one would have
/// told and the new one leaves out is kept.
pub(super) fn put(
    connection: &Connection,
    plan: i64,
    run: Option<&RunId>,
    report: &Report,
) -> rusqlite::Result<Put> {
    let old: Option<(i64, Report, Option<i64>)> = connection
        .prepare_cached(
            "DELETE FROM report WHERE plan = ?1
             RETURNING status, result, time_started, time_ended, current_pid, answers_event, session, session_tag,
               number, event_number",
        )?
        .query_row([plan], |row| Ok((row.get(8)?, report_of(row, 0)?, row.get(9)?)))
        .optional()?;
    let replaced = old.as_ref().map(|(number, ..)| ReportId {
        plan,
        number: *number,
    });
    let (result, started, ended, pid, event, session, event_number) = match old {
        Some((_, old, number)) => (
            old.result,
            old.time_started,
            old.time_ended,
            old.current_pid,
            old.answers_event,
            old.session,
            number,
        ),
        None => (None, None, None, None, None, None, None),
    };
    let session = report.session.as_ref().or(session.as_ref());
    // The event's number: that of the report which first answers it. NULL here means: this one.
    let event_number = if report.answers_event.is_some() {
        None
    } else {
        event_number
    };
    connection
        .prepare_cached(
            "INSERT INTO report (plan, run, status, result, time_started, time_ended, current_pid, answers_event,
               session, session_tag, event_number)
             VALUES (:plan, :run, :status, :result, :started, :ended, :pid, :event, :session, :tag, :event_number)",
        )?
        .execute(named_params! {
            ":plan": plan,
            ":run": run.map(RunId::as_str),
            ":status": report.status,
            ":result": report.result.as_ref().or(result.as_ref()),
            ":started": report.time_started.or(started),
            ":ended": report.time_ended.or(ended),
            // A process that has ended must not be pointed at.
            ":pid": report.current_pid.or(pid.filter(|_| report.time_ended.is_none_or(|ended| ended < 0))),
            ":event": report.answers_event.as_ref().or(event.as_ref()),
            ":session": session.map(|session| &session.session),
            ":tag": session.map(|session| session.tag),
            ":event_number": event_number,
        })?;
    let number = connection.last_insert_rowid();
    if report.answers_event.is_some() {
        connection
            .prepare_cached("UPDATE report SET event_number = number WHERE number = ?1")?
            .execute([number])?;
    }
    Ok(Put {
        id: ReportId { plan, number },
        replaced,
    })
}

/// A report from its columns, which begin at column `from`.
fn report_of(row: &Row<'_>, from: usize) -> rusqlite::Result<Report> {
    Ok(Report {
        status: row.get(from)?,
        result: row.get(from + 1)?,
        time_started: row.get(from + 2)?,
        time_ended: row.get(from + 3)?,
        current_pid: row.get(from + 4)?,
        answers_event: row.get(from + 5)?,
        session: match (row.get(from + 6)?, row.get(from + 7)?) {
            (Some(session), Some(tag)) => Some(SessionTag { session, tag }),
            _ => None,
        },
    })
}

impl Reader {
    /// Reports that wait, at most `limit`: those tried least often first, and of these the oldest. So one that
    /// the API will never take holds up no other.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn pending_reports(&self, limit: usize) -> Result<Vec<PendingReport>, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT status, result, time_started, time_ended, current_pid, answers_event, session, session_tag,
                       o.plan, o.number, p.job_id, p.project, o.run, o.attempts, o.error, d.text
                     FROM report o JOIN plan p ON p.key = o.plan LEFT JOIN document d ON d.plan = p.key
                     ORDER BY o.attempts, o.number LIMIT ?1",
                )?
                .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    Ok(PendingReport {
                        id: ReportId {
                            plan: row.get(8)?,
                            number: row.get(9)?,
                        },
                        job: job_of(row, 10)?,
                        project: project_of(row, 11)?,
                        trust: trust_of(row, 15)?,
                        run: row.get::<_, Option<String>>(12)?.map(RunId::from_stored),
                        report: report_of(row, 0)?,
                        attempts: row.get(13)?,
                        error: row.get(14)?,
                    })
                })?
                .collect()
        })
    }

    /// In whose name this plan runs, by its document as it was last seen.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn trust(&self, job: &JobId) -> Result<Option<TrustId>, LedgerError> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT d.text FROM plan p JOIN document d ON d.plan = p.key WHERE p.job_id = ?1",
                )?
                .query_row([job.as_str()], |row| trust_of(row, 0))
                .optional()?;
            Ok(found.flatten())
        })
    }

    /// How many reports wait.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn report_backlog(&self) -> Result<u64, LedgerError> {
        self.read(|connection| {
            let count: i64 = connection.query_row("SELECT count(*) FROM report", [], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    /// Since when the oldest waits of all that the API has to be told about runs (reports, backups, ends in
    /// sessions): the time of the run's latest event that is told. `None`: nothing about a run waits.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn waits_since(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT min(coalesce(r.ended, r.started, r.queued)) FROM (
                       SELECT q.key FROM report w JOIN run q ON q.id = w.run
                       UNION ALL SELECT w.run FROM backup w WHERE w.metadata IS NOT NULL
                       UNION ALL SELECT q.key FROM session_end w JOIN run q ON q.id = w.run
                     ) AS waiting JOIN run r ON r.key = waiting.key",
                )?
                .query_row([], |row| maybe_instant(row, 0))
        })
    }
}

impl Ledger {
    /// The API took this report (or the job it is about is gone): it waits no longer. If a newer one took its
    /// place meanwhile, that one stays; it only need not answer the event any more that this one answered.
    ///
    /// # Errors
    /// When it cannot be written; then the report will be delivered once more, which does no harm.
    pub fn delivered(&mut self, id: ReportId) -> Result<(), LedgerError> {
        let (connection, path) = self.reader.parts();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            transaction
                .prepare_cached("DELETE FROM report WHERE number = ?1")?
                .execute([id.number])?;
            transaction
                .prepare_cached(
                    "UPDATE report SET answers_event = NULL, event_number = NULL
                     WHERE plan = ?1 AND event_number <= ?2",
                )?
                .execute([id.plan, id.number])?;
            failpoint::reach(Failpoint::ReportCommit);
            transaction.commit()
        };
        write().map_err(|error| LedgerError::of(path, error))
    }

    /// The API did not take this report: it waits on, behind those that were tried less often.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delivery_failed(&mut self, id: ReportId, error: &str) -> Result<(), LedgerError> {
        let error: String = error.chars().take(ERROR_LIMIT).collect();
        self.reader.read(|connection| {
            connection
                .prepare_cached("UPDATE report SET attempts = attempts + 1, error = ?2 WHERE number = ?1")?
                .execute(params![id.number, error])
                .map(|_| ())
        })
    }
}
