//! Seats of the roster: what holds plans by the million holds these, and not their ids.

/// Where a plan sits in the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Seat(u32);

impl Seat {
    /// The one with this number.
    pub(super) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Where it stands in a row of all of them.
    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}
