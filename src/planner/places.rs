//! The places: who holds one, and who may not have the last.
//!
//! A run may take as long as its owner likes, so turns alone protect nobody: they come only when a place becomes free.
//! Where a node has plans of several projects, none of them holds all places: the last one is kept for another.

use std::collections::BTreeMap;
use std::collections::btree_map::Values;

use crate::plan::{JobId, ProjectId};

use super::{Planner, RunId, RunRecord, RunState};

/// Every run that is queued, starting or running; also of plans that are gone by now.
#[derive(Debug, Default)]
pub(super) struct Open {
    runs: BTreeMap<RunId, RunRecord>,
    /// Those that hold a place (they are starting or running), and whose they are.
    placed: BTreeMap<RunId, Option<ProjectId>>,
}

impl Open {
    pub(super) fn get(&self, run: &RunId) -> Option<&RunRecord> {
        self.runs.get(run)
    }

    /// To change it; not what tells whether it holds a place: whoever gives or takes one inserts it.
    pub(super) fn get_mut(&mut self, run: &RunId) -> Option<&mut RunRecord> {
        self.runs.get_mut(run)
    }

    pub(super) fn insert(&mut self, run: RunRecord) {
        match run.state {
            RunState::Starting | RunState::Running => {
                self.placed.insert(run.id.clone(), run.project.clone());
            }
            RunState::Queued | RunState::Done(_) => {
                self.placed.remove(&run.id);
            }
        }
        self.runs.insert(run.id.clone(), run);
    }

    pub(super) fn remove(&mut self, run: &RunId) -> Option<RunRecord> {
        self.placed.remove(run);
        self.runs.remove(run)
    }

    /// Those of one plan; without a look at all the others.
    pub(super) fn of<'a>(&'a self, job: &'a JobId) -> impl Iterator<Item = &'a RunRecord> {
        let beginning = RunId::beginning(job);
        self.runs
            .range(beginning.clone()..)
            .take_while(move |(id, _)| id.as_str().starts_with(beginning.as_str()))
            .map(|(_, run)| run)
            .filter(move |run| run.job == *job)
    }

    pub(super) fn values(&self) -> Values<'_, RunId, RunRecord> {
        self.runs.values()
    }

    /// Runs that hold a place.
    pub(super) fn busy(&self) -> usize {
        self.placed.len()
    }

    /// Whose all the places are that are taken.
    fn sole_holder(&self) -> Option<&Option<ProjectId>> {
        let mut holders = self.placed.values();
        let first = holders.next()?;
        holders.all(|holder| holder == first).then_some(first)
    }
}

impl Planner {
    /// The project that may not have the next place: it is the last one, all others are that project's, and plans of
    /// another one are known. Where there is one place for all, turns have to do.
    pub(super) fn barred(&mut self) -> Option<Option<ProjectId>> {
        let most = self.policy.max_concurrent;
        if most < 2 || self.open.busy() + 1 < most {
            return None;
        }
        let holder = self.open.sole_holder()?.clone();
        self.slots.of_several_projects().then_some(holder)
    }
}
