//! What is in the ledger before a life begins: history that is to be removed, and history that is to go on in one row.

use chrono::TimeDelta;
use freezerd::plan::JobId;
use freezerd::planner::{Outcome, Reason, Record, RunId, RunRecord, RunState, Verdict, VerdictRecord};
use freezerd::schedule::DueTime;
use rusqlite::Connection;

use crate::bed::{Bed, now};

/// A plan that is gone, and of which there is old history.
const GONE: &str = "gone";
/// One that was stopped, and due so many seconds, a while ago.
const STOPPED: &str = "stopped";
const SECONDS: i64 = 10;

pub fn history() -> Vec<Record> {
    gone().into_iter().chain(stopped()).collect()
}

/// What is wrong with what is left of it.
pub fn faults(bed: &Bed) -> impl Iterator<Item = String> {
    left(bed).into_iter().chain(rows(bed))
}

/// Of a plan that is gone, and so long ago that all of it is removed at the first listing.
fn gone() -> [Record; 4] {
    let (job, due) = (JobId::new(GONE), DueTime::floor(now() - TimeDelta::days(4000)));
    let (id, at) = (RunId::new(&job, due), due.instant());
    let run = RunRecord {
        state: RunState::Done(Outcome::Success),
        started: Some(at),
        ended: Some(at),
        ..RunRecord::new(job.clone(), due, at)
    };
    let plan = Record::Plan {
        job: job.clone(),
        name: GONE.to_owned(),
        project: None,
        document: Some("{}".into()),
        brief: None,
        first_seen: due,
        covered: due,
    };
    let verdict = VerdictRecord {
        job: job.clone(),
        first: due,
        last: due,
        count: 1,
        verdict: Verdict::Run(id),
        decided: at,
    };
    [
        plan,
        Record::Run(run),
        Record::Verdict(verdict),
        Record::Forget { job },
    ]
}

/// What is left of it.
fn left(bed: &Bed) -> Option<String> {
    let ledger = Connection::open(bed.path("state/ledger.db")).expect("a ledger");
    let count = |rows: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {rows}");
        ledger.query_row(&sql, [GONE], |row| row.get(0)).expect("a count")
    };
    let of_plan = "JOIN plan p ON p.key = o.plan WHERE p.job_id = ?1";
    let left = [
        count("plan WHERE job_id = ?1"),
        count(&format!("run o {of_plan}")),
        count(&format!("verdict o {of_plan}")),
    ];
    (left != [0; 3]).then(|| format!("of what is old {left:?} are left"))
}

/// Old enough to go on in one row, and not so old that it is removed.
fn stopped() -> impl Iterator<Item = Record> {
    let (job, first) = (JobId::new(STOPPED), DueTime::floor(now() - TimeDelta::hours(3)));
    let plan = Record::Plan {
        job: job.clone(),
        name: STOPPED.to_owned(),
        project: None,
        document: Some("{}".into()),
        brief: None,
        first_seen: first,
        covered: first,
    };
    let forget = Record::Forget { job: job.clone() };
    let verdict = move |second| {
        let due = first.plus(second);
        Record::Verdict(VerdictRecord {
            job: job.clone(),
            first: due,
            last: due,
            count: 1,
            verdict: Verdict::Skipped(Reason::Stopped),
            decided: due.instant(),
        })
    };
    let verdicts = (0..SECONDS).map(verdict);
    std::iter::once(plan)
        .chain(verdicts)
        .chain(std::iter::once(forget))
}

fn rows(bed: &Bed) -> Option<String> {
    let ledger = Connection::open(bed.path("state/ledger.db")).expect("a ledger");
    let rows: Vec<(i64, i64)> = ledger
        .prepare("SELECT o.span, o.count FROM verdict o JOIN plan p ON p.key = o.plan WHERE p.job_id = ?1")
        .expect("a table")
        .query_map([STOPPED], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .expect("rows");
    (rows != [(SECONDS - 1, SECONDS)]).then(|| format!("the old verdicts are {rows:?}, and not one row"))
}
