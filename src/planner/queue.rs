//! The queue: runs that are due and wait for a place. Waiting here never expires a run.
//!
//! Order: projects take turns (and none of several has all [`super::places`]); within a project the run that is longest overdue against its own cadence
//! goes first, so an hourly plan that is half an hour late goes before a weekly one that is a day late.
//! Runs of one cadence are in order of their due times, so only one head per cadence has to be compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::ProjectId;
use crate::schedule::DueTime;

use super::{RunId, RunRecord};

/// The cadence by which a one-shot is measured: as if it were daily.
const ONE_SHOT_CADENCE: i64 = 86_400;

type Lane = BTreeMap<i64, BTreeSet<(DueTime, RunId)>>;

/// Runs that may start as soon as there is a place.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lanes: BTreeMap<Option<ProjectId>, Lane>,
    /// Whose turn it was last.
    served: Option<Option<ProjectId>>,
    length: usize,
}

fn cadence(run: &RunRecord) -> i64 {
    run.cadence.unwrap_or(ONE_SHOT_CADENCE).max(1)
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn push(&mut self, run: &RunRecord) {
        let lane = self.lanes.entry(run.project.clone()).or_default();
        if lane
            .entry(cadence(run))
            .or_default()
            .insert((run.due, run.id.clone()))
        {
            self.length += 1;
        }
    }

    /// Takes `run` out, if it is in.
    pub(super) fn remove(&mut self, run: &RunRecord) {
        let Some(lane) = self.lanes.get_mut(&run.project) else {
            return;
        };
        let key = cadence(run);
        let Some(waiting) = lane.get_mut(&key) else { return };
        if waiting.remove(&(run.due, run.id.clone())) {
            self.length -= 1;
        }
        if waiting.is_empty() {
            lane.remove(&key);
        }
        if lane.is_empty() {
            self.lanes.remove(&run.project);
        }
    }

    /// The run whose turn it is, but for those of a project that may have no place now. It stays in until it is
    /// removed; its project's turn is over.
    pub(super) fn next(&mut self, now: DueTime, barred: Option<&Option<ProjectId>>) -> Option<RunId> {
        let project = self.next_project(barred)?;
        let run = longest_overdue(self.lanes.get(&project)?, now)?;
        self.served = Some(project);
        Some(run)
    }

    fn next_project(&self, barred: Option<&Option<ProjectId>>) -> Option<Option<ProjectId>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let may = |project: &&Option<ProjectId>| barred != Some(*project);
        let after = self.served.as_ref().and_then(|served| {
            let mut later = self.lanes.range((Excluded(served), Unbounded));
            later.find_map(|(project, _)| Some(project).filter(may))
        });
        after.or_else(|| self.lanes.keys().find(may)).cloned()
    }
}

/// The head with the largest (now - due) / cadence; among equals the shorter cadence.
fn longest_overdue(lane: &Lane, now: DueTime) -> Option<RunId> {
    let mut best: Option<(i128, i128, &RunId)> = None;
    for (cadence, waiting) in lane {
        let Some((due, run)) = waiting.first() else {
            continue;
        };
        let (late, cadence) = (i128::from(now.since(*due)), i128::from(*cadence));
        // late / cadence > best_late / best_cadence, without dividing
        if best.is_none_or(|(best_late, best_cadence, _)| late * best_cadence > best_late * cadence) {
            best = Some((late, cadence, run));
        }
    }
    best.map(|(_, _, run)| run.clone())
}
