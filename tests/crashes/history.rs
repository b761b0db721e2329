//! What is left of a life, for the checker.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use freezerd::ledger::Ledger;
use freezerd::plan::{self, JobId};
use freezerd::planner::{CatchUp, Outcome, RunId, RunRecord, SessionRefused};
use freezerd::schedule::{DueTime, Zone};
use rusqlite::Connection;
use serde_json::Value;

use crate::bed::Bed;
use crate::checker::{Between, Evidence, History, Rules, Told, Version};
use crate::cloud::Cloud;
use crate::life::AT_A_TIME;

/// More rows than any life makes.
const ALL: usize = 1000;

/// What is true of a run whose supervisor was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Before it claimed the run: nothing of it ran. It may be started again, or have failed.
    NotStarted,
    /// Nobody can know how it ended.
    Lost,
}

/// `plans`: as their user wrote them, when the life began. `fates`: of the runs whose supervisors were killed.
pub fn of(
    bed: &Bed,
    cloud: &Cloud,
    plans: &[Value],
    begins: DateTime<Utc>,
    fates: &[(String, Fate)],
) -> History {
    let path = bed.path("state/ledger.db");
    let reported = Connection::open(&path).expect("a ledger");
    let mut rows = reported.prepare("SELECT run FROM reported").expect("its witness");
    let reports: Vec<RunId> = rows
        .query_map([], |row| row.get(0).map(RunId::from_stored))
        .and_then(Iterator::collect)
        .expect("runs");
    let ledger = Ledger::open_reader(&path).expect("a ledger");
    let id = |plan: &Value| plan["job_id"].as_str().expect("an id").to_owned();
    let (from, to) = (
        DueTime::from_epoch(0),
        DueTime::floor(begins + TimeDelta::days(1)),
    );
    let verdicts = plans
        .iter()
        .flat_map(|plan| {
            ledger
                .verdicts(&JobId::new(&id(plan)), from, to, ALL)
                .expect("verdicts")
        })
        .collect();
    let runs = ledger.runs(None, ALL).expect("runs").into_iter();
    let runs: BTreeMap<RunId, RunRecord> = runs.map(|run| (run.id.clone(), run)).collect();
    let restored = ledger.restore().expect("the ledger");
    let versions = |plan: &Value| Version {
        from: begins.timestamp(),
        plan: Some(plan::parse(&plan.to_string(), "here").expect("a plan").plan),
        zone: Arc::new(Zone::utc()),
        stopped: false,
        hindered: BTreeSet::new(),
        // Made after the last listing: its first due time counts, whenever it is seen.
        known: Some(begins.timestamp()),
        until: i64::MAX,
    };
    History {
        users: plans
            .iter()
            .map(|plan| (id(plan), vec![versions(plan)]))
            .collect(),
        evidence: evidence(bed, fates),
        unstarted: Vec::new(),
        afresh: 0,
        rules: Rules {
            max_concurrent: AT_A_TIME,
            catch_up: CatchUp::UntilNext,
            // What a supervisor notes is of the second before, and what overlapped then is not known better.
            set_back: 1,
            // What is true at the end is looked at here, not how soon it is known on a machine that is busy.
            late_news: 120,
            session_refused: SessionRefused::Skip,
            central: false,
            // The daemon dies too often here for anything to be late.
            stepped: true,
        },
        verdicts,
        plans: restored
            .plans
            .iter()
            .map(|plan| plan.job.as_str().to_owned())
            .collect(),
        reports,
        waiting: usize::try_from(ledger.report_backlog().expect("the outbox")).expect("few"),
        polled: restored.polled.expect("polled").timestamp(),
        told: plans
            .iter()
            .flat_map(|plan| told(cloud, &id(plan), &runs))
            .collect(),
        // It dies before it has noted what the API took, and tells it again.
        written: Vec::new(),
        between: Between::Doubt,
        jobs: plans
            .iter()
            .map(|plan| (id(plan), cloud.job(&id(plan))))
            .collect(),
        wiped: BTreeSet::new(),
        wanted: plans
            .iter()
            .map(|plan| (id(plan), plan["job_schedule"].clone()))
            .collect(),
        missing: Vec::new(),
        windows: BTreeMap::new(),
        zones: Vec::new(),
        members: BTreeSet::new(),
        spoken: Vec::new(),
        // What agents say of their backups has its own test.
        records: Vec::new(),
        removed: Vec::new(),
        trusts: BTreeMap::new(),
        asked: Vec::new(),
        troubles: Vec::new(),
        shadows: Vec::new(),
        clock: Vec::new(),
        runs,
    }
}

/// The ends that the API was told of, once for each of the runs that ended so in that second.
fn told(cloud: &Cloud, job: &str, runs: &BTreeMap<RunId, RunRecord>) -> Vec<Told> {
    let end = |patch: Value| {
        let schedule = &patch["job_schedule"];
        let ended = schedule["time_ended"].as_i64().filter(|ended| *ended >= 0)?;
        let result = schedule["result"].as_str().filter(|result| !result.is_empty())?;
        Some(Told {
            job: job.to_owned(),
            ended,
            result: result.to_owned(),
        })
    };
    let mut times: BTreeMap<Told, usize> = BTreeMap::new();
    for told in cloud.patches(job).into_iter().filter_map(end) {
        *times.entry(told).or_default() += 1;
    }
    let ended_so = |told: &Told| {
        let same = |run: &&RunRecord| {
            run.job.as_str() == told.job && run.ended.map(|at| at.timestamp()) == Some(told.ended)
        };
        runs.values().filter(same).count()
    };
    let surplus = |(told, times): (Told, usize)| {
        let more = times.saturating_sub(ended_so(&told));
        std::iter::repeat_n(told, 1 + more)
    };
    times.into_iter().flat_map(surplus).collect()
}

/// What the agents wrote, and what became of those who should have told of them.
fn evidence(bed: &Bed, fates: &[(String, Fate)]) -> Vec<Evidence> {
    let diary = fs::read_to_string(bed.path("diary")).unwrap_or_default();
    let mut all: Vec<Evidence> = Vec::new();
    for line in diary.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let second = |word: &str| word.parse::<i64>().expect("seconds");
        match words[..] {
            ["start", run, job, due, at] => all.push(Evidence {
                run: RunId::from_stored(run.to_owned()),
                job: job.to_owned(),
                due: due.parse::<DateTime<Utc>>().expect("a due time").timestamp(),
                started: second(at),
                began: second(at),
                ended: None,
                crashed: None,
                said: Vec::new(),
                trust: None,
                project: true,
            }),
            ["end", run, at, code] => {
                let outcome = if code == "0" {
                    Outcome::Success
                } else {
                    Outcome::Fail
                };
                let mut last = all.iter_mut().rev();
                let seen = last.find(|seen| seen.run.as_str() == run && seen.ended.is_none());
                seen.expect("it began").ended = Some((second(at), outcome));
            }
            _ => panic!("the diary says {line:?}"),
        }
    }
    let fates: BTreeMap<&str, Fate> = fates.iter().map(|(run, fate)| (run.as_str(), *fate)).collect();
    for (run, fate) in fates {
        let seen = all.iter_mut().find(|seen| seen.run.as_str() == run);
        match (seen, fate) {
            (Some(seen), Fate::Lost) => seen.crashed = seen.ended.take().map(|(at, _)| at),
            // It was started again.
            (Some(_), Fate::NotStarted) => {}
            (None, fate) => all.push(nothing_ran(run, fate)),
        }
    }
    all
}

/// A run of which no agent was started: known to have failed, or, once it was claimed, lost.
fn nothing_ran(run: &str, fate: Fate) -> Evidence {
    let (job, stamp) = run.rsplit_once('-').expect("a run's name");
    let due = chrono::NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").expect("a run's name");
    let due = due.and_utc().timestamp();
    Evidence {
        run: RunId::from_stored(run.to_owned()),
        job: job.to_owned(),
        due,
        started: due,
        began: due,
        ended: (fate == Fate::NotStarted).then_some((due, Outcome::Fail)),
        crashed: (fate == Fate::Lost).then_some(due),
        said: Vec::new(),
        trust: None,
        project: true,
    }
}
