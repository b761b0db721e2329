//! The queue: runs that are due and wait for a place. Waiting here never expires a run.
//!
//! Order: projects take turns (and none of several has all [`super::places`]); within a project the run that is longest overdue against its own cadence
//! goes first, so an hourly plan that is half an hour late goes before a weekly one that is a day late.
//! Runs of one cadence are in order of their due times, so only one head per cadence has to be compared.
//!
//! Many that are due at one second wait together, in [`Line`]s: of these there is only the seat of their plan until it is
//! their turn ([`super::together`]).

use std::collections::BTreeSet;

use crate::plan::ProjectId;
use crate::schedule::DueTime;

use super::lines::{Leaver, Lines};
use super::{RunId, RunRecord};

/// The cadence by which a one-shot is measured: as if it were daily.
const ONE_SHOT_CADENCE: i64 = 86_400;

/// Whose run waits, its cadence in seconds, its due time, and which it is: in this order. One set for all: in a burst
/// nearly every run may be of another project, and a set for each would be mostly room for more.
type Waiting = (Option<ProjectId>, i64, DueTime, RunId);

/// Runs that may start as soon as there is a place.
#[derive(Debug, Default)]
pub(super) struct Queue {
    runs: BTreeSet<Waiting>,
    /// Those that wait together.
    pub(super) lines: Lines,
    /// Whose turn it was last.
    served: Option<Option<ProjectId>>,
}

/// The run whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// One that waits by itself. It stays in until it is removed.
    Run(RunId),
    /// One that waited with others. It does not any more.
    Left(Leaver),
}

/// What its lateness is measured by.
pub(super) fn measure(cadence: Option<i64>) -> i64 {
    cadence.unwrap_or(ONE_SHOT_CADENCE).clamp(1, i64::MAX - 1)
}

fn waiting(run: &RunRecord) -> Waiting {
    (run.project.clone(), measure(run.cadence), run.due, run.id.clone())
}

/// Before all runs of this project with this cadence, or a longer one.
fn before(project: &Option<ProjectId>, cadence: i64) -> Waiting {
    let (first, nameless) = (DueTime::from_epoch(i64::MIN), RunId::from_stored(String::new()));
    (project.clone(), cadence, first, nameless)
}

/// The first to go of those with one cadence.
struct Head {
    cadence: i64,
    due: DueTime,
    /// `None`: it waits with others.
    run: Option<RunId>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.runs.len().saturating_add(self.lines.len())
    }

    /// When it is this project's turn, among others: the lower, the sooner.
    pub(super) fn turn<'p>(&self, project: &'p Option<ProjectId>) -> (bool, &'p Option<ProjectId>) {
        let had_it = self.served.as_ref().is_some_and(|served| project <= served);
        (had_it, project)
    }

    pub(super) fn push(&mut self, run: &RunRecord) {
        self.runs.insert(waiting(run));
    }

    /// Takes `run` out, if it is in.
    pub(super) fn remove(&mut self, run: &RunRecord) {
        self.runs.remove(&waiting(run));
    }

    /// The run whose turn it is, but for those of a project that may have no place now. Its project's turn is over.
    pub(super) fn next(&mut self, now: DueTime, barred: Option<&Option<ProjectId>>) -> Option<Turn> {
        let project = self.next_project(barred)?;
        let longest = self.longest_overdue(&project, now)?;
        let turn = match longest.run {
            Some(run) => Turn::Run(run),
            None => Turn::Left(self.lines.first_leaves(&project, longest.cadence)?),
        };
        self.served = Some(project);
        Some(turn)
    }

    fn next_project(&self, barred: Option<&Option<ProjectId>>) -> Option<Option<ProjectId>> {
        let may = |after: Option<&Option<ProjectId>>| {
            let next = self.project_after(after)?;
            if barred == Some(next) {
                self.project_after(barred)
            } else {
                Some(next)
            }
        };
        let served = self.served.as_ref();
        served
            .and_then(|served| may(Some(served)))
            .or_else(|| may(None))
            .cloned()
    }

    /// The next one of which runs wait; `None`: the first.
    fn project_after(&self, project: Option<&Option<ProjectId>>) -> Option<&Option<ProjectId>> {
        let next = match project {
            Some(project) => self.runs.range(before(project, i64::MAX)..).next(),
            None => self.runs.first(),
        };
        let next = next.map(|(project, ..)| project);
        let in_line = self.lines.project_after(project);
        match (next, in_line) {
            (Some(next), Some(in_line)) => Some(next.min(in_line)),
            (next, in_line) => next.or(in_line),
        }
    }

    /// Of the runs of a project that have this cadence or a longer one, the first of the shortest there is.
    fn head(&self, project: &Option<ProjectId>, cadence: i64) -> Option<Head> {
        let next = self.runs.range(before(project, cadence)..).next();
        let by_itself = next.filter(|(whose, ..)| whose == project);
        let by_itself = by_itself.map(|(_, cadence, due, run)| (*cadence, *due, Some(run)));
        let in_line = self.lines.head(project, cadence);
        let in_line = in_line.map(|(cadence, due)| (cadence, due, None));
        let first = match (by_itself, in_line) {
            (Some(one), Some(other)) if (other.0, other.1) < (one.0, one.1) => other,
            (one, other) => one.or(other)?,
        };
        let (cadence, due, run) = first;
        let run = run.cloned();
        Some(Head { cadence, due, run })
    }

    /// Of each cadence of a project the run that waits longest.
    fn heads<'a>(&'a self, project: &'a Option<ProjectId>) -> impl Iterator<Item = Head> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let head = self.head(project, from)?;
            from = head.cadence.saturating_add(1);
            Some(head)
        })
    }

    /// The head with the largest (now - due) / cadence; among equals the shorter cadence.
    fn longest_overdue(&self, project: &Option<ProjectId>, now: DueTime) -> Option<Head> {
        let mut best: Option<(i128, Head)> = None;
        for head in self.heads(project) {
            let (late, cadence) = (i128::from(now.since(head.due)), i128::from(head.cadence));
            // late / cadence > best_late / best_cadence, without dividing
            let longer =
                |(best_late, best): &(i128, Head)| late * i128::from(best.cadence) > best_late * cadence;
            if best.as_ref().is_none_or(longer) {
                best = Some((late, head));
            }
        }
        best.map(|(_, head)| head)
    }
}
