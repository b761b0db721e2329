//! The roster: every plan's slot, at a seat of its own for as long as the plan is known.
//!
//! A seat is four bytes and leads to its slot without a search, so whatever waits by the million (timers) holds
//! seats and not ids. A seat that is given up is given to the next plan that comes.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::plan::{JobId, ProjectId};

use super::slot::Slot;

/// Where a plan sits in the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat(u32);

impl Seat {
    #[cfg(test)]
    pub(super) const fn new(number: u32) -> Self {
        Self(number)
    }

    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The slots, by seat and by job.
#[derive(Debug, Default)]
pub(super) struct Roster {
    slots: Vec<Option<Slot>>,
    vacant: Vec<Seat>,
    /// The seats by the hash of the job that sits there.
    seats: HashTable<Seat>,
    hashes: foldhash::quality::RandomState,
    projects: Projects,
}

/// Whose the plans are: looked through only when somebody asks, and not again before it may be otherwise.
#[derive(Debug, Default)]
enum Projects {
    #[default]
    Unknown,
    /// All are of this one.
    One(Option<ProjectId>),
    Several,
}

impl Roster {
    /// With room for so many, so that none of it has to be moved while they come.
    pub(super) fn with_capacity(plans: usize) -> Self {
        Self {
            slots: Vec::with_capacity(plans),
            seats: HashTable::with_capacity(plans),
            ..Self::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Where `job` sits.
    pub(super) fn seat(&self, job: &JobId) -> Option<Seat> {
        let sits = |seat: &Seat| self.at(*seat).is_some_and(|slot| slot.plan.id == *job);
        self.seats.find(self.hashes.hash_one(job), sits).copied()
    }

    pub(super) fn at(&self, seat: Seat) -> Option<&Slot> {
        self.slots.get(seat.index())?.as_ref()
    }

    pub(super) fn at_mut(&mut self, seat: Seat) -> Option<&mut Slot> {
        self.slots.get_mut(seat.index())?.as_mut()
    }

    pub(super) fn get(&self, job: &JobId) -> Option<&Slot> {
        self.at(self.seat(job)?)
    }

    pub(super) fn get_mut(&mut self, job: &JobId) -> Option<&mut Slot> {
        self.at_mut(self.seat(job)?)
    }

    pub(super) fn contains(&self, job: &JobId) -> bool {
        self.seat(job).is_some()
    }

    /// Gives a plan its seat; one that has one keeps it.
    pub(super) fn insert(&mut self, slot: Slot) -> Seat {
        if matches!(&self.projects, Projects::One(project) if *project != slot.plan.project) {
            self.projects = Projects::Several;
        }
        let Self {
            slots,
            vacant,
            seats,
            hashes,
            ..
        } = self;
        let job = |seat: &Seat| Some(&slots.get(seat.index())?.as_ref()?.plan.id);
        let sits = |seat: &Seat| job(seat) == Some(&slot.plan.id);
        let rehash = |seat: &Seat| job(seat).map_or(0, |job| hashes.hash_one(job));
        let seat = match seats.entry(hashes.hash_one(&slot.plan.id), sits, rehash) {
            Entry::Occupied(seat) => *seat.get(),
            Entry::Vacant(place) => {
                // Four billion slots fit into no memory.
                let behind = || Seat(u32::try_from(slots.len()).unwrap_or(u32::MAX));
                let seat = vacant.pop().unwrap_or_else(behind);
                place.insert(seat);
                seat
            }
        };
        match slots.get_mut(seat.index()) {
            Some(place) => *place = Some(slot),
            None => slots.push(Some(slot)),
        }
        seat
    }

    /// Takes a plan out; its seat is free.
    pub(super) fn remove(&mut self, job: &JobId) -> Option<(Seat, Slot)> {
        let hash = self.hashes.hash_one(job);
        let slots = &self.slots;
        let sits = |seat: &Seat| {
            let slot = slots.get(seat.index()).and_then(Option::as_ref);
            slot.is_some_and(|slot| slot.plan.id == *job)
        };
        let (seat, _) = self.seats.find_entry(hash, sits).ok()?.remove();
        self.vacant.push(seat);
        self.look_again_at_projects();
        Some((seat, self.slots.get_mut(seat.index())?.take()?))
    }

    /// A plan is gone, or another project's.
    pub(super) fn look_again_at_projects(&mut self) {
        self.projects = Projects::Unknown;
    }

    /// Whether there are plans of more than one project.
    pub(super) fn of_several_projects(&mut self) -> bool {
        if matches!(self.projects, Projects::Unknown) {
            self.projects = self.whose();
        }
        matches!(self.projects, Projects::Several)
    }

    fn whose(&self) -> Projects {
        let mut projects = self.values().map(|slot| &slot.plan.project);
        let Some(first) = projects.next() else {
            return Projects::Unknown;
        };
        if projects.all(|project| project == first) {
            Projects::One(first.clone())
        } else {
            Projects::Several
        }
    }

    /// All of them, by seat.
    pub(super) fn values(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    /// The seats that are taken, in order.
    pub(super) fn seats(&self) -> Vec<Seat> {
        let numbered = self.slots.iter().zip(0..);
        numbered
            .filter(|(slot, _)| slot.is_some())
            .map(|(_, number)| Seat(number))
            .collect()
    }
}
