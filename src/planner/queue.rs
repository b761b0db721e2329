//! The queue: runs that are due and wait for a place. Waiting here never expires a run.
//!
//! Order: projects take turns (and none of several has all [`super::places`]); within a project the run that is longest overdue against its own cadence
//! goes first, so an hourly plan that is half an hour late goes before a weekly one that is a day late.
//! Runs of one cadence are in order of their due times, so only one head per cadence has to be compared.

use std::collections::BTreeSet;

use crate::plan::ProjectId;
use crate::schedule::DueTime;

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
    /// Whose turn it was last.
    served: Option<Option<ProjectId>>,
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

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.runs.len()
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

    /// The run whose turn it is, but for those of a project that may have no place now. It stays in until it is
    /// removed; its project's turn is over.
    pub(super) fn next(&mut self, now: DueTime, barred: Option<&Option<ProjectId>>) -> Option<RunId> {
        let project = self.next_project(barred)?;
        let run = self.longest_overdue(&project, now)?;
        self.served = Some(project);
        Some(run)
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
        next.map(|(project, ..)| project)
    }

    /// Of each cadence of a project the run that waits longest.
    fn heads<'a>(&'a self, project: &'a Option<ProjectId>) -> impl Iterator<Item = &'a Waiting> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let head = self.runs.range(before(project, from)..).next()?;
            from = head.1.saturating_add(1);
            (head.0 == *project).then_some(head)
        })
    }

    /// The head with the largest (now - due) / cadence; among equals the shorter cadence.
    fn longest_overdue(&self, project: &Option<ProjectId>, now: DueTime) -> Option<RunId> {
        let mut best: Option<(i128, i128, &RunId)> = None;
        for (_, cadence, due, run) in self.heads(project) {
            let (late, cadence) = (i128::from(now.since(*due)), i128::from(*cadence));
            // late / cadence > best_late / best_cadence, without dividing
            if best.is_none_or(|(best_late, best_cadence, _)| late * best_cadence > best_late * cadence) {
                best = Some((late, cadence, run));
            }
        }
        best.map(|(_, _, run)| run.clone())
    }
}
