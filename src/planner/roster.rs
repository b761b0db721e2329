//! The roster: every plan's slot, at a seat of its own for as long as the plan is known.
//!
//! A seat is four bytes and leads to its slot without a search, so whatever waits by the million (timers) holds
//! seats and not ids. A seat that is given up is given to the next plan that comes.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::plan::JobId;

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
        if let Some(seat) = self.seat(&slot.plan.id) {
            if let Some(place) = self.slots.get_mut(seat.index()) {
                *place = Some(slot);
            }
            return seat;
        }
        let hash = self.hashes.hash_one(&slot.plan.id);
        let seat = match self.vacant.pop() {
            Some(seat) => {
                if let Some(place) = self.slots.get_mut(seat.index()) {
                    *place = Some(slot);
                }
                seat
            }
            None => {
                // Four billion slots fit into no memory.
                let seat = Seat(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
                self.slots.push(Some(slot));
                seat
            }
        };
        let Self {
            slots, seats, hashes, ..
        } = self;
        let rehash = |seat: &Seat| {
            let slot = slots.get(seat.index()).and_then(Option::as_ref);
            slot.map_or(0, |slot| hashes.hash_one(&slot.plan.id))
        };
        seats.insert_unique(hash, seat, rehash);
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
        Some((seat, self.slots.get_mut(seat.index())?.take()?))
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
