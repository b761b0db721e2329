//! The values that one field allows.

use std::ops::{BitAnd, BitOr};

/// A set of numbers from 0 to 63: the minutes, hours, days ... that a field allows.
///
/// Written as bits because every question the search asks ("which is the next allowed minute?") is then
/// one instruction; outside this file it is simply a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Values(u64);

impl Values {
    /// Nothing is allowed.
    pub const NONE: Self = Self(0);

    /// One value. Above 63: none.
    pub const fn one(value: u32) -> Self {
        match 1_u64.checked_shl(value) {
            Some(bit) => Self(bit),
            None => Self::NONE,
        }
    }

    /// All from `first` to `last`, both included. Nothing if `first` is above `last`.
    pub const fn span(first: u32, last: u32) -> Self {
        Self(Self::below(last.saturating_add(1)) & !Self::below(first))
    }

    /// From its bits: bit 0 is value 0.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    const fn below(value: u32) -> u64 {
        if value >= u64::BITS {
            u64::MAX
        } else {
            (1 << value) - 1
        }
    }

    /// Whether `value` is allowed.
    pub const fn contains(self, value: u32) -> bool {
        matches!(self.0.checked_shr(value), Some(rest) if rest & 1 == 1)
    }

    /// Whether nothing is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// How many of those below `value` are.
    pub const fn count_below(self, value: u32) -> u32 {
        (self.0 & Self::below(value)).count_ones()
    }

    /// The first one, from `value` on.
    pub const fn at_or_after(self, value: u32) -> Option<u32> {
        match self.0.checked_shr(value) {
            None | Some(0) => None,
            Some(rest) => Some(value + rest.trailing_zeros()),
        }
    }

    /// Whether more than one is.
    pub const fn several(self) -> bool {
        self.0 & self.0.wrapping_sub(1) != 0
    }

    /// All of them, ascending.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        std::iter::successors(self.at_or_after(0), move |value| {
            self.at_or_after(value.saturating_add(1))
        })
    }
}

impl BitOr for Values {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Values {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<u32> for Values {
    fn from_iter<I: IntoIterator<Item = u32>>(values: I) -> Self {
        values
            .into_iter()
            .fold(Self::NONE, |set, value| set | Self::one(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_both_its_ends() {
        assert_eq!(Values::span(3, 5).iter().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(Values::span(0, 63).count(), 64);
        assert!(Values::span(5, 3).is_empty());
    }

    #[test]
    fn values_beyond_the_set_are_simply_absent() {
        assert!(Values::one(64).is_empty());
        assert!(!Values::span(0, 63).contains(64));
        assert_eq!(Values::span(0, 63).at_or_after(64), None);
        assert_eq!(Values::span(0, 63).count_below(u32::MAX), 64);
    }

    #[test]
    fn the_next_value_is_found_from_itself_on() {
        let set: Values = [0, 15, 59].into_iter().collect();
        assert_eq!(set.at_or_after(0), Some(0));
        assert_eq!(set.at_or_after(1), Some(15));
        assert_eq!(set.at_or_after(59), Some(59));
        assert_eq!(set.at_or_after(60), None);
        assert_eq!(set.count_below(15), 1);
        assert!(set.several());
        assert!(!Values::one(63).several() && !Values::NONE.several());
    }
}
