//! The roster: every plan's slot, at a seat of its own for as long as the plan is known.
//!
//! A seat is four bytes and leads to its slot without a search, so whatever waits by the million (timers) holds
//! seats and not ids. A seat that is given up is given to the next plan that comes. What the roster has of each seat (the
//! slot, its front, its owner, the id in the directory) stands in a row of its own, so that who looks at one of these by the
//! hundred thousand fetches nothing else.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::plan::JobId;
use crate::schedule::DueTime;

use super::directory::{Directory, Jobs};
use super::front::{Front, Likeness};
use super::owners::Owners;
use super::seat::Seat;
use super::slot::{Seated, SeatedMut, Slot};

/// The slots, by seat and by job.
#[derive(Debug, Default)]
pub(super) struct Roster {
    slots: Vec<Option<Slot>>,
    /// Of each slot. Of a vacant seat it means nothing.
    fronts: Vec<Front>,
    ids: Directory,
    vacant: Vec<Seat>,
    /// The seats by the hash of the job that sits there.
    seats: HashTable<Seat>,
    hashes: foldhash::quality::RandomState,
    owners: Owners,
}

impl Roster {
    /// With room for so many, so that none of it has to be moved while they come.
    pub(super) fn with_capacity(plans: usize) -> Self {
        Self {
            slots: Vec::with_capacity(plans),
            fronts: Vec::with_capacity(plans),
            seats: HashTable::with_capacity(plans),
            ..Self::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Where `job` sits.
    pub(super) fn seat(&self, job: &JobId) -> Option<Seat> {
        let sits = |seat: &Seat| self.ids.at(*seat) == Some(job);
        self.seats.find(self.hashes.hash_one(job), sits).copied()
    }

    pub(super) fn at(&self, seat: Seat) -> Option<Seated<'_>> {
        Some(Seated {
            front: self.fronts.get(seat.index())?,
            slot: self.slots.get(seat.index())?.as_ref()?,
        })
    }

    /// To change it: what is worked out of it does not hold any more, until it is put on the clock again. One that waits with
    /// others is taken from among them first.
    pub(super) fn at_mut(&mut self, seat: Seat) -> Option<SeatedMut<'_>> {
        let front = self.fronts.get_mut(seat.index())?;
        debug_assert!(!front.waits(), "it waits with others");
        front.likeness = None;
        Some(SeatedMut {
            front,
            slot: self.slots.get_mut(seat.index())?.as_mut()?,
        })
    }

    pub(super) fn get(&self, job: &JobId) -> Option<Seated<'_>> {
        self.at(self.seat(job)?)
    }

    pub(super) fn get_mut(&mut self, job: &JobId) -> Option<SeatedMut<'_>> {
        self.at_mut(self.seat(job)?)
    }

    /// What a verdict on the plan that sits there looks at.
    pub(super) fn likeness(&self, seat: Seat) -> Likeness {
        let worked_out = || self.at(seat).map_or(Likeness::NONE, |slot| slot.likeness());
        let known = self.fronts.get(seat.index()).and_then(|front| front.likeness);
        debug_assert!(
            known.is_none_or(|known| known == worked_out()),
            "it changed unseen"
        );
        known.unwrap_or_else(worked_out)
    }

    /// Notes the due time that the plan is on the clock with from now on: the former one, and this one.
    pub(super) fn arm(&mut self, seat: Seat) -> Option<(Option<DueTime>, Option<DueTime>)> {
        let slot = self.at(seat)?;
        let (next, likeness) = (slot.next_due(), slot.likeness());
        let front = self.fronts.get_mut(seat.index())?;
        front.likeness = Some(likeness);
        Some((std::mem::replace(&mut front.armed, next), next))
    }

    /// Of all of these, which have nothing of their own: decided up to `covered`, and on the clock with `next`. They stay as
    /// alike as they were: what has not run ahead of what is decided, has not when more is.
    pub(super) fn cover_all(&mut self, seats: &[Seat], covered: DueTime, next: Option<DueTime>) {
        for seat in seats {
            if let Some(front) = self.fronts.get_mut(seat.index()) {
                front.covered = front.covered.max(covered);
                front.armed = next;
            }
        }
    }

    /// The runs of all of these wait together, for `due`; they are on the clock with `next`.
    pub(super) fn wait_all(&mut self, seats: &[Seat], due: DueTime, next: Option<DueTime>) {
        for seat in seats {
            if let Some(front) = self.fronts.get_mut(seat.index()) {
                (front.covered, front.armed) = (due, next);
                front.likeness = Some(Likeness::WAITS);
            }
        }
    }

    /// This one does not wait with others any more; gives for which due time it did.
    pub(super) fn stop_waiting(&mut self, seat: Seat) -> Option<DueTime> {
        let front = self.fronts.get_mut(seat.index()).filter(|front| front.waits())?;
        front.likeness = None;
        Some(front.covered)
    }

    /// Whose the plans are.
    pub(super) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// The plan that sits there may be another project's by now.
    pub(super) fn look_again_at_owner(&mut self, seat: Seat) {
        let slot = self.slots.get(seat.index()).and_then(Option::as_ref);
        if let Some(slot) = slot {
            self.owners.set(seat, &slot.plan.project);
        }
    }

    /// Who sits there.
    pub(super) fn jobs(&self, seats: Vec<Seat>) -> Jobs {
        Jobs::new(seats, &self.ids)
    }

    pub(super) fn contains(&self, job: &JobId) -> bool {
        self.seat(job).is_some()
    }

    /// Gives a plan its seat; one that has one keeps it.
    pub(super) fn insert(&mut self, front: Front, slot: Slot) -> Seat {
        let Self {
            slots,
            fronts,
            ids,
            vacant,
            seats,
            hashes,
            owners,
        } = self;
        let job = &slot.plan.id;
        let sits = |seat: &Seat| ids.at(*seat) == Some(job);
        let rehash = |seat: &Seat| ids.at(*seat).map_or(0, |job| hashes.hash_one(job));
        let seat = match seats.entry(hashes.hash_one(job), sits, rehash) {
            Entry::Occupied(seat) => *seat.get(),
            Entry::Vacant(place) => {
                // Four billion slots fit into no memory.
                let behind = || Seat::new(u32::try_from(slots.len()).unwrap_or(u32::MAX));
                let seat = vacant.pop().unwrap_or_else(behind);
                place.insert(seat);
                seat
            }
        };
        ids.set(seat, Some(job.clone()));
        owners.set(seat, &slot.plan.project);
        match (fronts.get_mut(seat.index()), slots.get_mut(seat.index())) {
            (Some(there), Some(place)) => (*there, *place) = (front, Some(slot)),
            _ => {
                fronts.push(front);
                slots.push(Some(slot));
            }
        }
        seat
    }

    /// Takes a plan out; its seat is free.
    pub(super) fn remove(&mut self, job: &JobId) -> Option<(Seat, Front)> {
        let sits = |seat: &Seat| self.ids.at(*seat) == Some(job);
        let (seat, _) = self
            .seats
            .find_entry(self.hashes.hash_one(job), sits)
            .ok()?
            .remove();
        self.vacant.push(seat);
        self.owners.clear(seat);
        self.ids.set(seat, None);
        self.slots.get_mut(seat.index())?.take()?;
        let front = self.fronts.get_mut(seat.index())?;
        front.likeness = None;
        Some((seat, *front))
    }

    /// All of them, by seat.
    pub(super) fn values(&self) -> impl Iterator<Item = Seated<'_>> {
        let both = self.fronts.iter().zip(&self.slots);
        both.filter_map(|(front, slot)| {
            let slot = slot.as_ref()?;
            Some(Seated { front, slot })
        })
    }

    /// The seats that are taken, in order.
    pub(super) fn seats(&self) -> Vec<Seat> {
        let numbered = self.slots.iter().zip(0..);
        numbered
            .filter(|(slot, _)| slot.is_some())
            .map(|(_, number)| Seat::new(number))
            .collect()
    }
}
