//! What the ledger holds of the two schedulers, plan by plan, as one list of lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Span;
use super::compare::{Decided, Would, compare};
use super::line::{Line, Scheduler};
use crate::cli::known::{Document, Known};
use crate::ledger::{LedgerError, Reader};
use crate::plan::{JobId, ProjectId};
use crate::planner::{Policy, Reason, Verdict, VerdictRecord};
use crate::schedule::{DueTime, Kind, Zone};

/// A plan whose due times cannot be compared.
#[derive(Debug, Serialize)]
pub(super) struct NotCompared {
    pub job_id: JobId,
    pub name: String,
    pub project_id: Option<ProjectId>,
    pub reason: &'static str,
}

/// All that is printed.
#[derive(Debug)]
pub(super) struct Report {
    /// The zone of the one plan that was asked for, else the default.
    pub zone: Arc<Zone>,
    /// Ordered by due time (or start, when nothing was due), then by job_id.
    pub lines: Vec<Line>,
    /// In order of their ids.
    pub not_compared: Vec<NotCompared>,
    /// When the last complete listing was asked for.
    pub listed: Option<DateTime<Utc>>,
}

impl Report {
    pub(super) fn read(
        reader: &Reader,
        only: Option<Known>,
        policy: &Policy,
        span: Span,
    ) -> Result<Self, LedgerError> {
        let zone = only.as_ref().map_or(&policy.zone, |known| &known.zone);
        let mut report = Self {
            zone: Arc::clone(zone),
            lines: Vec::new(),
            not_compared: Vec::new(),
            listed: reader.polled()?,
        };
        let plans = match only {
            Some(known) => vec![known],
            None => {
                let all = reader.plans(None, usize::MAX)?;
                all.into_iter().map(|plan| Known::new(plan, policy)).collect()
            }
        };
        for known in plans {
            report.add(reader, &known, span)?;
        }
        report.lines.sort_by(|left, right| {
            let key = |line: &Line| (line.at(), line.job_id.clone());
            key(left).cmp(&key(right))
        });
        Ok(report)
    }

    fn add(&mut self, reader: &Reader, known: &Known, span: Span) -> Result<(), LedgerError> {
        let plan = &known.plan;
        let kind = match &known.document {
            Document::Usable(plan) => Some(plan.schedule.kind()),
            Document::Gone | Document::Broken(_) => None,
        };
        if kind == Some(Kind::Continuous) {
            self.not_compared.push(NotCompared {
                job_id: plan.job.clone(),
                name: plan.name.clone(),
                project_id: plan.project.clone(),
                reason: "runs again one second after each run ends, which depends on how long its runs take",
            });
            return Ok(());
        }
        // The one before the span too: a late run in the span may be its.
        let earlier = reader.verdicts(&plan.job, DueTime::from_epoch(i64::MIN), span.from, 1)?;
        let since = span.from.plus(1);
        let mut verdicts = reader.verdicts(&plan.job, since, DueTime::from_epoch(i64::MAX), usize::MAX)?;
        verdicts.extend(earlier.into_iter().filter(|verdict| verdict.last < since));
        verdicts.reverse();
        let decided: Vec<Decided> = verdicts.iter().flat_map(decided).collect();
        // What ran before freezerd knew the plan, or was due before, is not compared.
        let known_from = decided
            .first()
            .map_or(plan.first_seen, |due| due.first.min(plan.first_seen));
        let early = kind == Some(Kind::Once);
        let from = if early {
            DueTime::from_epoch(i64::MIN)
        } else {
            known_from
        };
        let runs = reader.sightings(&plan.job, from)?;
        let lines = compare(&decided, &runs, self.listed, early);
        let lines = lines
            .iter()
            .filter(|line| line.decided.is_none_or(|decided| decided.would != Would::Itself));
        let lines = lines.map(|line| Line::new(line, known));
        self.lines
            .extend(lines.filter(|line| span.from < line.at() && line.at() <= span.until));
        Ok(())
    }

    /// How many lines there are of each sort.
    pub(super) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for line in &self.lines {
            let count = line.count;
            summary.due_times += count;
            let place = match (line.same, line.scheduler) {
                _ if line.due.is_none() => &mut summary.when_nothing_was_due,
                (Some(true), _) => &mut summary.alike,
                (Some(false), Scheduler::Missing) => &mut summary.missing,
                (Some(false), _) => &mut summary.ran_unlike_freezerd,
                (None, Scheduler::Pending) => &mut summary.pending,
                (None, Scheduler::Unknown) => &mut summary.unknown,
                (None, _) => &mut summary.while_freezerd_was_away,
            };
            *place += if line.due.is_none() { 1 } else { count };
            if line.late_seconds.is_some_and(|late| late >= LATE) {
                summary.late += 1;
            }
        }
        summary
    }

    /// Nothing in shadow was recorded.
    pub(super) fn is_empty_of_shadow(&self) -> bool {
        self.lines.is_empty() && self.not_compared.is_empty()
    }
}

/// From so many seconds on, a run counts as late in the summary.
const LATE: i64 = 60;

/// How many due times of each sort there are.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    /// In all.
    pub due_times: u64,
    /// Both ran it, or neither.
    pub alike: u64,
    /// Of all that ran: started a minute after its due time, or later.
    pub late: u64,
    /// freezerd would have run it, the other did not.
    pub missing: u64,
    /// The other ran what freezerd would have left alone.
    pub ran_unlike_freezerd: u64,
    /// Runs at times when nothing was due; not among the due times.
    pub when_nothing_was_due: u64,
    /// freezerd was away, and would have taken them together.
    pub while_freezerd_was_away: u64,
    /// It cannot be known.
    pub unknown: u64,
    /// Too early to say.
    pub pending: u64,
}

impl Summary {
    /// For people.
    pub(super) fn sentences(&self, listed: Option<DateTime<Utc>>) -> Vec<String> {
        let due = if self.due_times == 1 {
            "due time"
        } else {
            "due times"
        };
        let parts: BTreeMap<u8, (u64, &str)> = [
            (0, (self.alike, "alike")),
            (1, (self.missing, "missing from freezer-scheduler")),
            (2, (self.ran_unlike_freezerd, "run by freezer-scheduler alone")),
            (3, (self.while_freezerd_was_away, "while freezerd was away")),
            (4, (self.unknown, "not to be known")),
            (5, (self.pending, "too early to say")),
        ]
        .into();
        let parts: Vec<String> = parts
            .values()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let mut lines = vec![format!("{} {due}: {}", self.due_times, parts.join(", "))];
        if self.late > 0 {
            lines.push(format!("started a minute or more late: {}", self.late));
        }
        if self.when_nothing_was_due > 0 {
            lines.push(format!(
                "runs of freezer-scheduler when nothing was due: {}",
                self.when_nothing_was_due
            ));
        }
        if self.unknown > 0 {
            lines.push(
                "not to be known: a later run had taken its place before the next listing; poll more often"
                    .to_owned(),
            );
        }
        let listed = listed.map_or_else(
            || "there was no listing yet".to_owned(),
            |at| {
                format!(
                    "last listing at {}",
                    at.to_rfc3339_opts(SecondsFormat::Secs, true)
                )
            },
        );
        lines.push(listed);
        lines
    }
}

/// A verdict, as what freezerd would have done. After freezerd's own downtime several due times have one verdict;
/// of these it would have run the last.
fn decided(verdict: &VerdictRecord) -> Vec<Decided> {
    let VerdictRecord {
        first, last, count, ..
    } = *verdict;
    let all = |would| Decided {
        first,
        last,
        count,
        would,
    };
    match &verdict.verdict {
        Verdict::Run(_) | Verdict::Coalesced(_) => vec![all(Would::Itself)],
        Verdict::Skipped(Reason::Shadow) if count > 1 => vec![
            Decided {
                last: last.plus(-1),
                count: count - 1,
                ..all(Would::Coalesce)
            },
            Decided {
                first: last,
                count: 1,
                ..all(Would::Run)
            },
        ],
        Verdict::Skipped(Reason::Shadow) => vec![all(Would::Run)],
        Verdict::Skipped(reason) => vec![all(Would::Skip(*reason))],
    }
}
