//! How words and instants are written as integers, and rows read back.

use chrono::{DateTime, Utc};
use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Row, ToSql};

use crate::plan::{JobId, ProjectId, TrustId};
use crate::planner::{Membership, Outcome, Reason, RunId, RunRecord, RunState, Verdict, VerdictRecord};
use crate::schedule::DueTime;

/// Added to a done run's state to get its key in `tally`, so that it differs from every verdict's kind.
pub(super) const TALLY_OF_RUNS: i64 = 100;
/// States from here on are done.
pub(super) const DONE: i64 = 3;

pub(super) const RUN: i64 = 0;
pub(super) const COALESCED: i64 = 1;

pub(super) fn reason_code(reason: Reason) -> i64 {
    match reason {
        Reason::Overlap => 2,
        Reason::Expired => 3,
        Reason::Disabled => 4,
        Reason::Stopped => 5,
        Reason::Unsupported => 6,
        Reason::ExecDenied => 7,
        Reason::OutsideWindow => 8,
        Reason::Superseded => 9,
        Reason::Shadow => 10,
        Reason::SessionRefused => 11,
        Reason::SessionUnreachable => 12,
        Reason::NoTrust => 13,
    }
}

pub(super) fn outcome_code(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Success => 3,
        Outcome::Fail => 4,
        Outcome::Aborted => 5,
        Outcome::Lost => 6,
    }
}

pub(super) fn state_code(state: RunState) -> i64 {
    match state {
        RunState::Queued => 0,
        RunState::Starting => 1,
        RunState::Running => 2,
        RunState::Done(outcome) => outcome_code(outcome),
    }
}

pub(super) fn verdict_code(verdict: &Verdict) -> i64 {
    match verdict {
        Verdict::Run(_) => RUN,
        Verdict::Coalesced(_) => COALESCED,
        Verdict::Skipped(reason) => reason_code(*reason),
    }
}

/// A verdict's run, small: a run is named from its plan and due time, so its due time will do. An id that is
/// not so made is kept as it is.
pub(super) fn run_value(record: &VerdictRecord) -> Value {
    let (Verdict::Run(run) | Verdict::Coalesced(run)) = &record.verdict else {
        return Value::Null;
    };
    // Nearly always it is the run of this very due time.
    if RunId::new(&record.job, record.last) == *run {
        return Value::Integer(record.last.since(record.first));
    }
    match run.due() {
        Some(due) if RunId::new(&record.job, due) == *run => Value::Integer(due.since(record.first)),
        _ => Value::Text(run.as_str().to_owned()),
    }
}

/// A value that no freezerd writes.
pub(super) fn misread(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, what.into())
}

/// Epoch milliseconds.
pub(super) fn millis(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_millis()
}

pub(super) fn instant_of(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime<Utc>> {
    let millis: i64 = row.get(column)?;
    DateTime::from_timestamp_millis(millis).ok_or_else(|| misread(column, "no instant"))
}

pub(super) fn maybe_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => instant_of(row, column).map(Some),
    }
}

pub(super) fn due_of(row: &Row<'_>, column: usize) -> rusqlite::Result<DueTime> {
    row.get(column).map(DueTime::from_epoch)
}

pub(super) fn maybe_due(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DueTime>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(DueTime::from_epoch))
}

pub(super) fn job_of(row: &Row<'_>, column: usize) -> rusqlite::Result<JobId> {
    Ok(JobId::new(row.get_ref(column)?.as_str()?))
}

pub(super) fn project_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ProjectId>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(ProjectId::new))
}

/// In whose name a plan runs, from its document's text; `NULL`: it has none any more.
pub(super) fn trust_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<TrustId>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text.and_then(crate::plan::trust_of))
}

pub(super) fn project_text(project: Option<&ProjectId>) -> Option<&str> {
    project.map(ProjectId::as_str)
}

/// A count, which is never negative; one beyond what SQLite holds is its largest number.
pub(super) fn count_value(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn count_of(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    u64::try_from(count).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, count))
}

fn state_of(row: &Row<'_>, column: usize) -> rusqlite::Result<RunState> {
    let code: i64 = row.get(column)?;
    [RunState::Queued, RunState::Starting, RunState::Running]
        .into_iter()
        .chain(Outcome::ALL.map(RunState::Done))
        .find(|state| state_code(*state) == code)
        .ok_or_else(|| misread(column, "no state of a run"))
}

/// The columns of a verdict, in the order [`verdict_of`] reads them.
pub(super) const VERDICT_COLUMNS: &str = "first, span, count, kind, run, decided";

/// A verdict of `job` from [`VERDICT_COLUMNS`], which begin at column 0.
pub(super) fn verdict_of(row: &Row<'_>, job: &JobId) -> rusqlite::Result<VerdictRecord> {
    let first = due_of(row, 0)?;
    let span: i64 = row.get(1)?;
    let kind: i64 = row.get(3)?;
    let run = || match row.get_ref(4)? {
        ValueRef::Integer(after) => Ok(RunId::new(job, first.plus(after))),
        ValueRef::Text(_) => row.get(4).map(RunId::from_stored),
        _ => Err(misread(4, "no run")),
    };
    let verdict = match kind {
        RUN => Verdict::Run(run()?),
        COALESCED => Verdict::Coalesced(run()?),
        code => Verdict::Skipped(
            Reason::ALL
                .into_iter()
                .find(|reason| reason_code(*reason) == code)
                .ok_or_else(|| misread(3, "no sort of verdict"))?,
        ),
    };
    Ok(VerdictRecord {
        job: job.clone(),
        first,
        last: first.plus(span),
        count: count_of(row, 2)?,
        verdict,
        decided: instant_of(row, 5)?,
    })
}

/// The columns of a run `r`, in the order [`run_of`] reads them; the job is the plan's.
pub(super) const RUN_COLUMNS: &str = "r.id, r.project, r.due, r.covers, r.cadence, r.state, r.not_before, r.queued, \
                                      r.started, r.ended, r.pid, r.detail, r.session, r.first, r.count";

/// A run of `job` from [`RUN_COLUMNS`], which begin at column `from`.
pub(super) fn run_of(row: &Row<'_>, from: usize, job: &JobId) -> rusqlite::Result<RunRecord> {
    let not_before: Option<i64> = row.get(from + 6)?;
    let first: Option<i64> = row.get(from + 13)?;
    let due = due_of(row, from + 2)?;
    Ok(RunRecord {
        id: row.get(from).map(RunId::from_stored)?,
        job: job.clone(),
        project: project_of(row, from + 1)?,
        due,
        first: first.map_or(due, DueTime::from_epoch),
        count: count_of(row, from + 14)?,
        covers: due_of(row, from + 3)?,
        cadence: row.get(from + 4)?,
        state: state_of(row, from + 5)?,
        not_before: not_before.map(DueTime::from_epoch),
        queued: instant_of(row, from + 7)?,
        started: maybe_instant(row, from + 8)?,
        ended: maybe_instant(row, from + 9)?,
        pid: row.get(from + 10)?,
        detail: row.get(from + 11)?,
        session: session_of(row, from + 12)?,
    })
}

fn session_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Box<Membership>>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| serde_json::from_str(text).map_err(|_| misread(column, "no part in a session")))
        .transpose()
}

fn session_text(run: &RunRecord) -> Option<String> {
    let mine = run.session.as_ref()?;
    serde_json::to_string(mine).ok()
}

/// The values of a run, in the order of the columns `plan, project, due, covers, cadence, state, not_before,
/// queued, started, ended, pid, detail, id, session, first, count`.
pub(super) fn run_values(run: &RunRecord, plan: i64, with: impl FnOnce(&[&dyn ToSql]) -> Written) -> Written {
    with(&[
        &plan,
        &project_text(run.project.as_ref()),
        &run.due.epoch(),
        &run.covers.epoch(),
        &run.cadence,
        &state_code(run.state),
        &run.not_before.map(DueTime::epoch),
        &millis(run.queued),
        &run.started.map(millis),
        &run.ended.map(millis),
        &run.pid,
        &run.detail,
        &run.id.as_str(),
        &session_text(run),
        &(run.first != run.due).then(|| run.first.epoch()),
        &count_value(run.count),
    ])
}

/// How many rows a statement wrote.
type Written = rusqlite::Result<usize>;
