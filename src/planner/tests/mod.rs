//! The planner, driven in virtual time.

#![expect(
    clippy::needless_pass_by_value,
    clippy::cloned_ref_to_slice_refs,
    reason = "schedules are written on the spot, and lists are compared with lists"
)]

mod alike;
mod aside;
mod back_off;
mod capabilities;
mod catch_up;
mod doubt;
mod edits;
mod events;
mod first;
mod foresight;
mod life;
mod lines;
mod metadata;
mod newcomers;
mod not_started;
mod order;
mod restart;
mod sessions;
mod sightings;
mod together;
mod trusts;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::plan::{Digester, JobId, Plan};
use crate::schedule::{DueTime, Zone};

use super::*;

/// The instant called `text`, RFC 3339.
pub(super) fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text)
        .expect("a test's instant")
        .with_timezone(&Utc)
}

pub(super) fn due(text: &str) -> DueTime {
    DueTime::floor(at(text))
}

pub(super) fn job(id: &str) -> JobId {
    JobId::new(id)
}

/// A plan of the upstream dialect.
pub(super) fn plan(id: &str, schedule: Value) -> Plan {
    document(json!({
        "job_id": id,
        "project_id": "p1",
        "description": id,
        "created_at": "2026-01-01T00:00:00",
        "job_schedule": schedule,
        "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}],
    }))
}

pub(super) fn document(document: Value) -> Plan {
    crate::plan::parse(&document.to_string(), "a test")
        .expect("a test's plan")
        .plan
}

pub(super) fn brief(plan: &Plan) -> Brief {
    Brief::of(plan, &Digester::default())
}

pub(super) fn hourly(id: &str) -> Plan {
    plan(id, json!({"schedule_minute": "0"}))
}

pub(super) fn policy() -> Policy {
    Policy {
        max_concurrent: 4,
        catch_up: CatchUp::UntilNext,
        central: false,
        allow_exec: false,
        capabilities: Capabilities::default(),
        late_after: 3600,
        shadow: false,
        reports: Reports::Upstream,
        session_refused: SessionRefused::Skip,
        session_wait: 600,
        zone: Arc::new(Zone::utc()),
        zones: Vec::new(),
        windows: Vec::new(),
    }
}

/// The end of a run that says nothing else.
pub(super) fn over(outcome: Outcome, started: DateTime<Utc>, ended: DateTime<Utc>) -> End {
    End {
        outcome,
        started: Some(started),
        ended,
        detail: String::new(),
        metadata: Vec::new(),
    }
}

/// Runs that these order to be launched, in order.
pub(super) fn launches(orders: &[Order]) -> Vec<RunId> {
    let launch = |order: &Order| match order {
        Order::Launch { run } => Some(run.id.clone()),
        _ => None,
    };
    orders.iter().filter_map(launch).collect()
}

/// A planner, its clock, and all it has said.
pub(super) struct World {
    pub(super) planner: Planner,
    pub(super) now: DateTime<Utc>,
    pub(super) records: Vec<Record>,
    pub(super) orders: Vec<Order>,
    pub(super) wake: Option<DueTime>,
}

impl World {
    /// On an empty ledger, at `now`, with these plans listed.
    pub(super) fn new(now: &str, policy: Policy, plans: Vec<Plan>) -> Self {
        let mut world = Self::bare(now, policy, Past::default());
        world.list(plans);
        world
    }

    /// Restored from `past`, before anything is decided.
    pub(super) fn bare(now: &str, policy: Policy, past: Past) -> Self {
        let planner = Planner::restore(policy, past);
        Self {
            planner,
            now: at(now),
            records: Vec::new(),
            orders: Vec::new(),
            wake: None,
        }
    }

    pub(super) fn tell(&mut self, input: Input) {
        let ticks = matches!(input, Input::Tick);
        let guessed = self.planner.about_to_start(self.now).filter(|_| ticks);
        let mut decision = self.planner.handle(self.now, [input]);
        while decision.more {
            let next = self.planner.handle(self.now, []);
            decision.records.extend(next.records);
            decision.orders.extend(next.orders);
            (decision.wake, decision.more) = (next.wake, next.more);
        }
        if let Some(run) = guessed {
            let runs = |record: &Record| {
                record
                    .verdicts()
                    .iter()
                    .any(|verdict| verdict.verdict == Verdict::Run(run.clone()))
            };
            assert!(decision.records.iter().any(runs), "{run} was about to start");
        }
        self.records.extend(decision.records);
        self.orders.extend(decision.orders);
        self.wake = decision.wake;
    }

    pub(super) fn list(&mut self, plans: Vec<Plan>) {
        self.tell(Input::Listing {
            began: self.now,
            plans,
            broken: Vec::new(),
        });
    }

    /// Lives until `time`, waking whenever the planner asked to be woken.
    pub(super) fn live_until(&mut self, time: &str) {
        let end = at(time);
        while let Some(wake) = self.wake.filter(|wake| wake.instant() <= end) {
            self.now = self.now.max(wake.instant());
            self.tell(Input::Tick);
        }
        self.now = end;
    }

    /// Jumps to `time` without having woken in between, as after downtime or a suspended machine.
    pub(super) fn jump_to(&mut self, time: &str) {
        self.now = at(time);
        self.tell(Input::Tick);
    }

    /// The run with an order to launch it, started and ended after `seconds` with `outcome`.
    pub(super) fn run_for(&mut self, run: &RunId, seconds: i64, outcome: Outcome) {
        let started = self.now;
        self.tell(Input::Started {
            run: run.clone(),
            pid: 7,
            at: started,
        });
        self.now += TimeDelta::seconds(seconds);
        let end = over(outcome, started, self.now);
        self.tell(Input::Ended {
            run: run.clone(),
            end,
        });
    }

    /// Runs ordered to be launched, in order.
    pub(super) fn launched(&self) -> Vec<RunId> {
        launches(&self.orders)
    }

    /// The verdicts as they stand, one line each: `first..last xcount verdict`.
    pub(super) fn verdicts(&self, of: &str) -> Vec<String> {
        let mut standing: BTreeMap<DueTime, VerdictRecord> = BTreeMap::new();
        for verdict in self.records.iter().flat_map(Record::verdicts) {
            if verdict.job.as_str() == of {
                standing.insert(verdict.first, verdict);
            }
        }
        standing
            .values()
            .map(|record| {
                let what = match &record.verdict {
                    Verdict::Run(run) => format!("run {run}"),
                    Verdict::Coalesced(run) => format!("coalesced {run}"),
                    Verdict::Skipped(reason) => format!("skipped {reason:?}"),
                };
                if record.count == 1 {
                    format!("{} {what}", record.first)
                } else {
                    format!("{}..{} x{} {what}", record.first, record.last, record.count)
                }
            })
            .collect()
    }

    pub(super) fn reports(&self) -> Vec<(&str, &str)> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::Report { report, .. } => Some((
                    report.status.as_str(),
                    report.result.as_deref().unwrap_or("as it was"),
                )),
                _ => None,
            })
            .collect()
    }
}

/// What is stored of a document for the next start is what that would read in it.
pub(super) fn stored_as_it_is_read(record: &Record) {
    if let Record::Plan {
        document: Some(text),
        brief: stored,
        ..
    } = record
    {
        let read = crate::plan::parse(text, "a test").ok();
        assert_eq!(
            stored.as_deref(),
            read.map(|read| brief(&read.plan)).as_ref(),
            "{text}"
        );
    }
}
