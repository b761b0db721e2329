//! The timers: which plans are due at which second.
//!
//! Due times are whole seconds, and plans share them: a million plans are due at some thousand different seconds.
//! So there is one entry for each second, which holds the seats of its plans in no order. Setting a timer is a
//! search among the seconds and a push; the plans of one second are taken out at once. A timer that is taken back
//! is only noted beside its second, and struck out when the second comes, or when half of its seats are so noted:
//! to search for it among all who are due with it would cost what all of them cost.

use std::collections::BTreeMap;

use crate::schedule::DueTime;

use super::seat::Seat;

/// Who is due when. A seat has at most one timer; its owner knows for when it is set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    seconds: BTreeMap<DueTime, Second>,
}

/// The plans that are due at one second: `seats` without `taken_back`. Never none.
#[derive(Debug, Default)]
struct Second {
    seats: Vec<Seat>,
    taken_back: Vec<Seat>,
}

impl Timers {
    /// Sets the timer of `seat`, which has none.
    pub(super) fn set(&mut self, due: DueTime, seat: Seat) {
        self.seconds.entry(due).or_default().seats.push(seat);
    }

    /// Sets the timers of all of these, which have none.
    pub(super) fn set_all(&mut self, due: DueTime, seats: Vec<Seat>) {
        let there = &mut self.seconds.entry(due).or_default().seats;
        if there.is_empty() {
            *there = seats;
        } else {
            there.extend(seats);
        }
    }

    /// Takes back the timer of `seat`, which is set for `due` (or its second was taken out).
    pub(super) fn take_back(&mut self, due: DueTime, seat: Seat) {
        let Some(second) = self.seconds.get_mut(&due) else {
            return;
        };
        second.taken_back.push(seat);
        if second.taken_back.len() >= second.seats.len() {
            self.seconds.remove(&due);
        } else if second.taken_back.len() > second.seats.len() / 2 {
            second.strike_out();
        }
    }

    /// The earliest second at which anything is due.
    pub(super) fn first(&self) -> Option<DueTime> {
        self.seconds.first_key_value().map(|(due, _)| *due)
    }

    /// Of the earliest second, if it is not later than `now`, one whose timer may be set for it.
    pub(super) fn peek_due(&self, now: DueTime) -> Option<(DueTime, Seat)> {
        let (due, second) = self.seconds.first_key_value().filter(|(due, _)| **due <= now)?;
        Some((*due, *second.seats.first()?))
    }

    /// Takes out the earliest second, if it is not later than `now`. In the order of their seats.
    pub(super) fn take_due(&mut self, now: DueTime) -> Option<(DueTime, Vec<Seat>)> {
        let first = self.seconds.first_entry().filter(|first| *first.key() <= now)?;
        let (due, mut second) = first.remove_entry();
        second.strike_out();
        // Mostly they are, or in a few rows that are.
        second.seats.sort();
        Some((due, second.seats))
    }
}

impl Second {
    /// Each time a timer was taken back takes one of its seat's away: it may have been set again since.
    fn strike_out(&mut self) {
        if self.taken_back.is_empty() {
            return;
        }
        self.seats.sort_unstable();
        self.taken_back.sort_unstable();
        let mut gone = self.taken_back.drain(..).peekable();
        self.seats.retain(|seat| gone.next_if_eq(seat).is_none());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// What is done to the timers: a seat's is set for a second, or what is due by a second is taken out.
    #[derive(Debug, Clone)]
    enum Deed {
        Set(u32, i64),
        TakeBack(u32),
        TakeDue(i64),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            6 => (0..12u32, 0..6i64).prop_map(|(seat, due)| Deed::Set(seat, due)),
            4 => (0..12u32).prop_map(Deed::TakeBack),
            1 => (0..6i64).prop_map(Deed::TakeDue),
        ]
    }

    proptest! {
        #[test]
        fn they_are_a_set_ordered_by_second(deeds in prop::collection::vec(deed(), 0..200)) {
            let mut timers = Timers::default();
            let mut model: BTreeSet<(DueTime, Seat)> = BTreeSet::new();
            let mut set_for: BTreeMap<Seat, DueTime> = BTreeMap::new();
            for deed in deeds {
                match deed {
                    Deed::Set(seat, due) => {
                        let (seat, due) = (Seat::new(seat), DueTime::from_epoch(due));
                        if let Some(former) = set_for.insert(seat, due) {
                            timers.take_back(former, seat);
                            model.remove(&(former, seat));
                        }
                        timers.set(due, seat);
                        model.insert((due, seat));
                    }
                    Deed::TakeBack(seat) => {
                        let seat = Seat::new(seat);
                        if let Some(former) = set_for.remove(&seat) {
                            timers.take_back(former, seat);
                            model.remove(&(former, seat));
                        }
                    }
                    Deed::TakeDue(now) => {
                        let now = DueTime::from_epoch(now);
                        while let Some((due, seats)) = timers.take_due(now) {
                            let expected: Vec<Seat> =
                                model.iter().filter(|(second, _)| *second == due).map(|(_, seat)| *seat).collect();
                            prop_assert_eq!(&seats, &expected);
                            for seat in seats {
                                model.remove(&(due, seat));
                                set_for.remove(&seat);
                            }
                        }
                        prop_assert!(model.first().is_none_or(|(due, _)| *due > now));
                    }
                }
                prop_assert_eq!(timers.first(), model.first().map(|(due, _)| *due));
            }
        }
    }
}
