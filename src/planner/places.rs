//! The places: who holds one, and who may not have the last.
//!
//! A run may take as long as its owner likes, so turns alone protect nobody: they come only when a place becomes free.
//! Where a node has plans of several projects, none of them holds all places: the last one is kept for another.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::plan::{JobId, ProjectId};

use super::{Planner, RunId, RunRecord, RunState};

/// Every run that is queued, starting or running; also of plans that are gone by now.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// By the plans whose they are: so those of one plan are found together.
    runs: HashTable<Placed>,
    hashes: foldhash::quality::RandomState,
    /// Those that hold a place (they are starting or running), and whose they are.
    placed: BTreeMap<RunId, Option<ProjectId>>,
}

/// A run, and the hash of its plan: of a hundred thousand runs few are looked at to find one.
#[derive(Debug)]
struct Placed {
    of_plan: u64,
    run: Box<RunRecord>,
}

impl Open {
    fn of_plan(&self, run: &RunId) -> u64 {
        self.hashes.hash_one(run.of_plan())
    }

    pub(super) fn get(&self, run: &RunId) -> Option<&RunRecord> {
        let of_plan = self.of_plan(run);
        let is_it = |placed: &Placed| placed.of_plan == of_plan && placed.run.id == *run;
        self.runs.find(of_plan, is_it).map(|placed| placed.run.as_ref())
    }

    /// To change it; not what tells whether it holds a place: whoever gives or takes one inserts it.
    pub(super) fn get_mut(&mut self, run: &RunId) -> Option<&mut RunRecord> {
        let of_plan = self.of_plan(run);
        let is_it = |placed: &Placed| placed.of_plan == of_plan && placed.run.id == *run;
        let placed = self.runs.find_mut(of_plan, is_it)?;
        Some(placed.run.as_mut())
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
        let of_plan = self.of_plan(&run.id);
        let is_it = |placed: &Placed| placed.of_plan == of_plan && placed.run.id == run.id;
        match self.runs.entry(of_plan, is_it, |placed| placed.of_plan) {
            Entry::Occupied(mut there) => *there.get_mut().run = run,
            Entry::Vacant(place) => {
                let run = Box::new(run);
                place.insert(Placed { of_plan, run });
            }
        }
    }

    pub(super) fn remove(&mut self, run: &RunId) -> Option<RunRecord> {
        self.placed.remove(run);
        let of_plan = self.of_plan(run);
        let is_it = |placed: &Placed| placed.of_plan == of_plan && placed.run.id == *run;
        let (placed, _) = self.runs.find_entry(of_plan, is_it).ok()?.remove();
        Some(*placed.run)
    }

    /// Those of one plan, in order; without a look at all the others.
    pub(super) fn of(&self, job: &JobId) -> impl Iterator<Item = &RunRecord> {
        let of_plan = self.of_plan(&RunId::beginning(job));
        let all = self.runs.iter_hash(of_plan).map(|placed| placed.run.as_ref());
        sorted(all.filter(|run| run.job == *job))
    }

    /// All of them, in order.
    pub(super) fn values(&self) -> impl Iterator<Item = &RunRecord> {
        sorted(self.runs.iter().map(|placed| placed.run.as_ref()))
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

fn sorted<'a>(runs: impl Iterator<Item = &'a RunRecord>) -> impl Iterator<Item = &'a RunRecord> {
    let mut runs: Vec<&RunRecord> = runs.collect();
    runs.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    runs.into_iter()
}

impl Planner {
    /// The project that may not have the next place: it is the last one, all others are that project's, and plans of
    /// another one are known. Where there is one place for all, turns have to do.
    pub(super) fn barred(&self) -> Option<Option<ProjectId>> {
        let most = self.policy.max_concurrent;
        if most < 2 || self.open.busy() + 1 < most {
            return None;
        }
        let holder = self.open.sole_holder()?.clone();
        self.slots.owners().are_several().then_some(holder)
    }
}
