use std::collections::BTreeSet;

use chrono::DateTime;
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::tempdir;

use super::codes::{reason_code, run_value, state_code};
use super::schema::{STEPS, migrate};
use super::*;
use crate::planner::{Brief, Outcome, Reason, Record, RunId, RunState, Verdict, VerdictRecord};
use crate::schedule::DueTime;

fn verdict(job: &str, first: i64, verdict: Verdict) -> VerdictRecord {
    VerdictRecord {
        job: JobId::new(job),
        first: DueTime::from_epoch(first),
        last: DueTime::from_epoch(first),
        count: 1,
        verdict,
        decided: DateTime::UNIX_EPOCH,
    }
}

fn plan(job: &str) -> Record {
    Record::Plan {
        job: JobId::new(job),
        name: job.to_owned(),
        project: None,
        document: Some("{}".into()),
        brief: None,
        first_seen: DueTime::from_epoch(0),
        covered: DueTime::from_epoch(0),
    }
}

#[test]
fn no_two_words_have_one_code() {
    let codes: BTreeSet<i64> = Reason::ALL
        .map(reason_code)
        .into_iter()
        .chain([codes::RUN, codes::COALESCED])
        .collect();
    assert_eq!(codes.len(), Reason::ALL.len() + 2);
    let states: BTreeSet<i64> = [RunState::Queued, RunState::Starting, RunState::Running]
        .into_iter()
        .chain(Outcome::ALL.map(RunState::Done))
        .map(state_code)
        .collect();
    assert_eq!(states, (0..7).collect());
}

#[test]
fn a_run_that_is_named_as_usual_takes_one_number() {
    for job in ["3f2a", "a-b", "unsafe/id", ""] {
        let job_id = JobId::new(job);
        let usual = RunId::new(&job_id, DueTime::from_epoch(1_000_060));
        let record = verdict(job, 1_000_000, Verdict::Coalesced(usual));
        assert_eq!(run_value(&record), Value::Integer(60), "{job:?}");
    }
    for id in [
        "other-20260329T010000Z",
        "3f2a",
        "3f2a-20260329T010060Z",
        "",
        "-",
        "3f2a-+12026-01-01",
    ] {
        let record = verdict("3f2a", 0, Verdict::Run(RunId::from_stored(id.to_owned())));
        assert_eq!(run_value(&record), Value::Text(id.to_owned()), "{id:?}");
    }
}

#[test]
fn a_ledger_of_each_earlier_version_becomes_one_of_this() {
    for version in 0..STEPS.len() {
        let mut connection = Connection::open_in_memory().expect("a database");
        migrate(&mut connection, 0, &STEPS[..version]).expect("the earlier version");
        migrate(&mut connection, version, STEPS).expect("this version");
        let found: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .expect("a version");
        assert_eq!(usize::try_from(found), Ok(STEPS.len()));
    }
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let mut connection = Connection::open_in_memory().expect("a database");
    let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x); nonsense"];
    migrate(&mut connection, 0, &steps[..1]).expect("the first");
    migrate(&mut connection, 1, &steps).expect_err("the second");
    let count = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .expect("a number")
    };
    assert_eq!(count("SELECT count(*) FROM sqlite_schema"), 1);
    assert_eq!(count("PRAGMA user_version"), 1);
}

#[test]
fn a_full_disk_is_told_and_leaves_the_ledger_whole() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = Ledger::open(&path).expect("a ledger");
    ledger.commit(&[plan("j")]).expect("committed");
    let before = ledger.reader().restore().expect("restored");
    let (connection, _) = ledger.reader.parts();
    let pages: i64 = connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .expect("a number");
    connection
        .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        .expect("a limit, as a full disk is one");
    let many: Vec<Record> = (0..10_000)
        .map(|first| {
            Record::Verdict(verdict(
                "j",
                first,
                Verdict::Skipped(crate::planner::Reason::Overlap),
            ))
        })
        .collect();
    let error = ledger.commit(&many).expect_err("full");
    assert!(matches!(error, LedgerError::Full { .. }), "{error}");
    assert_eq!(ledger.reader().restore().expect("restored"), before);
    let (connection, _) = ledger.reader.parts();
    connection
        .query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(()))
        .expect("room again");
    ledger.commit(&many).expect("committed");
    assert_eq!(ledger.reader().restore().expect("restored").tally.due(), 10_000);
}

/// Found by the simulator: what was decided again had two verdicts.
#[test]
fn verdicts_of_a_time_that_is_opened_again_are_void() {
    let folder = tempdir().expect("a folder");
    let mut ledger = Ledger::open(&folder.path().join("ledger.db")).expect("a ledger");
    let overlap = || Verdict::Skipped(Reason::Overlap);
    let decided = [10, 20, 30].map(|first| Record::Verdict(verdict("j", first, overlap())));
    ledger.commit(&[plan("j"), plan("k")]).expect("committed");
    ledger.commit(&decided).expect("committed");
    ledger
        .commit(&[Record::Verdict(verdict("k", 30, overlap()))])
        .expect("committed");
    let back = Record::Plan {
        job: JobId::new("j"),
        name: "j".to_owned(),
        project: None,
        document: None,
        brief: None,
        first_seen: DueTime::from_epoch(0),
        covered: DueTime::from_epoch(15),
    };
    ledger.commit(&[back]).expect("committed");
    let (from, to) = (DueTime::from_epoch(0), DueTime::from_epoch(100));
    let firsts = |job| {
        let verdicts = ledger.reader().verdicts(&JobId::new(job), from, to, 9);
        let firsts = verdicts.expect("verdicts").into_iter();
        firsts.map(|record| record.first.epoch()).collect::<Vec<_>>()
    };
    assert_eq!((firsts("j"), firsts("k")), (vec![10], vec![30]));
    assert_eq!(ledger.reader().restore().expect("restored").tally.due(), 2);
}

#[test]
fn a_row_that_nobody_wrote_is_damage() {
    let folder = tempdir().expect("a folder");
    let mut ledger = Ledger::open(&folder.path().join("ledger.db")).expect("a ledger");
    ledger
        .commit(&[
            plan("j"),
            Record::Verdict(verdict("j", 5, Verdict::Run(RunId::from_stored("r".into())))),
        ])
        .expect("committed");
    ledger
        .reader
        .parts()
        .0
        .execute("UPDATE verdict SET kind = 77", [])
        .expect("changed");
    let error = ledger
        .reader()
        .verdict_at(&JobId::new("j"), DueTime::from_epoch(5))
        .expect_err("damage");
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
}

#[test]
fn a_commit_that_cannot_be_written_says_so() {
    let folder = tempdir().expect("a folder");
    let mut ledger = Ledger::open(&folder.path().join("ledger.db")).expect("a ledger");
    ledger
        .reader
        .parts()
        .0
        .pragma_update(None, "query_only", true)
        .expect("a pragma");
    let error = ledger.commit(&[plan("j")]).expect_err("read-only");
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
}

#[test]
fn only_the_upkeep_of_briefs_spills_pages_also_when_it_fails() {
    let folder = tempdir().unwrap();
    let mut ledger = Ledger::open(&folder.path().join("ledger.db")).unwrap();
    ledger.commit(&[plan("a")]).unwrap();
    let document = r#"{"job_id": "unknown", "job_schedule": {"schedule_hour": "1"},
        "job_actions": [{"freezer_action": {"action": "backup"}}]}"#;
    let unknown = crate::plan::parse(document, "a test").unwrap().plan;
    let unknown = Brief::of(&unknown, &ledger.digester().unwrap());
    let upkeep = Upkeep {
        afresh: true,
        unused: Vec::new(),
    };
    assert!(ledger.keep_briefs(&upkeep, std::iter::once(&unknown)).is_err());
    let spills =
        |connection: &Connection| connection.query_row("PRAGMA cache_spill", [], |row| row.get::<_, i64>(0));
    assert_eq!(ledger.reader.read(spills).unwrap(), 0);
}

#[test]
fn what_is_committed_goes_from_the_log_into_the_database_when_it_is_much_and_nothing_is_urgent() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = Ledger::open(&path).expect("a ledger");
    let size = || path.metadata().expect("a file").len();
    let before = size();
    let plans: Vec<Record> = (0..3_000).map(|number| plan(&number.to_string())).collect();
    ledger.commit(&plans[..1_000]).expect("some");
    ledger.take_over().expect("that is not much");
    assert_eq!(size(), before);
    ledger.commit(&plans[1_000..]).expect("the others");
    assert_eq!(size(), before, "a commit writes to the log alone");
    ledger.take_over().expect("that is much");
    assert!(size() > before + 100_000);
    let reader = Ledger::open_reader(&path).expect("it can be read beside it");
    assert_eq!(reader.restore().expect("all of it").plans.len(), 3_000);
}
