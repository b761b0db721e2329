//! In one process: what a second in which many plans are due costs, decided and recorded.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use freezerd::ledger::Ledger;
use freezerd::plan::Digester;
use freezerd::planner::{
    Brief, Capabilities, CatchUp, Input, LedgerPlan, Past, Planner, Policy, Record, Reports, SessionRefused,
};
use freezerd::schedule::{DueTime, Zone};

use crate::documents;
use crate::report::row;

pub fn policy(shadow: bool) -> Policy {
    Policy {
        max_concurrent: 64,
        catch_up: CatchUp::UntilNext,
        allow_exec: false,
        capabilities: Capabilities::default(),
        late_after: 3600,
        central: false,
        shadow,
        reports: Reports::Upstream,
        session_refused: SessionRefused::Skip,
        session_wait: 60,
        zone: Arc::new(Zone::utc()),
        zones: Vec::new(),
        windows: Vec::new(),
    }
}

fn second(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
}

/// When one plan of ten is due.
pub fn due() -> DateTime<Utc> {
    second("2026-03-02T02:00:00Z")
}

fn past(count: usize) -> Past {
    let seen = DueTime::floor(due() - TimeDelta::minutes(30));
    let plan = |number| {
        let text = documents::document(number, &documents::schedule(number, due()), 0);
        let plan = freezerd::plan::parse(&text, "a bench")
            .expect("a good document")
            .plan;
        LedgerPlan {
            plan: Brief::of(&plan, &Digester::default()),
            first_seen: seen,
            since: None,
            covered: seen,
            last: None,
            success: None,
        }
    };
    Past {
        plans: (0..count).map(plan).collect(),
        ..Past::default()
    }
}

/// One plan of ten is due at one second: decided, rescheduled, and recorded.
pub fn due_at_once(count: usize) {
    for (what, shadow) in [("skipped", true), ("queued", false)] {
        let mut planner = Planner::restore(policy(shadow), past(count));
        planner.handle(due() - TimeDelta::minutes(1), [Input::Begin]);
        let began = Instant::now();
        let mut decision = planner.handle(due(), [Input::Tick]);
        if decision.more {
            let others = planner.handle(due(), []);
            decision.records.extend(others.records);
        }
        let took = began.elapsed();
        let verdicts = decision.records.iter().map(verdicts).sum();
        assert_eq!(verdicts, count.div_ceil(10), "each that is due has its verdict");
        row(
            &format!("one of ten due at once, {what}: decide and reschedule"),
            count,
            took.as_nanos(),
        );
        recorded(count, what, &decision.records, verdicts);
    }
}

/// How many verdicts a record gives.
fn verdicts(record: &Record) -> usize {
    match record {
        Record::Verdict(_) | Record::Skipped(_) | Record::Queued(_) => record.count(),
        _ => 0,
    }
}

/// In a ledger that knows the plans.
fn recorded(count: usize, what: &str, records: &[Record], verdicts: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = seeded(
        &folder.path().join("ledger.db"),
        count,
        due() - TimeDelta::minutes(30),
        due(),
    );
    let began = Instant::now();
    ledger.commit(records).expect("committed");
    let took = began.elapsed();
    let rate = verdicts as f64 / took.as_secs_f64();
    crate::report::rate(
        &format!("one of ten due at once, {what}: verdicts recorded"),
        count,
        rate,
    );
}

/// A ledger with so many plans, first seen at `seen`; one of ten is due at `due`.
pub fn seeded(path: &std::path::Path, count: usize, seen: DateTime<Utc>, due: DateTime<Utc>) -> Ledger {
    let mut ledger = Ledger::open(path).expect("a ledger");
    let digester = ledger.digester().expect("its digester");
    let seen = DueTime::floor(seen);
    for from in (0..count).step_by(10_000) {
        let mut records = Vec::new();
        for number in from..count.min(from + 10_000) {
            let text = documents::document(number, &documents::schedule(number, due), 0);
            let plan = freezerd::plan::parse(&text, "a bench")
                .expect("a good document")
                .plan;
            records.push(Record::Plan {
                job: plan.id.clone(),
                name: plan.name.clone(),
                project: plan.project.clone(),
                brief: Some(Box::new(Brief::of(&plan, &digester))),
                document: Some(plan.document),
                first_seen: seen,
                covered: seen,
            });
        }
        ledger.commit(&records).expect("committed");
    }
    // As the daemon does between polls: a burst finds an empty log.
    ledger.take_over().expect("taken over");
    ledger
}
