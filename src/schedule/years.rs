//! The years that a calendar allows, when its text names any.

use super::fields::YEAR;
use super::values::Values;

const WORDS: usize = ((YEAR.last - YEAR.first) / u64::BITS + 1) as usize;

/// A set of years from 1970 to 9999, one bit each: [`Values`] in a row, 64 years apiece.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Years(Box<[Values; WORDS]>);

impl Years {
    pub fn new() -> Self {
        Self(Box::new([Values::NONE; WORDS]))
    }

    /// Adds every `step`-th year from `first` to `last`.
    pub fn allow(&mut self, first: u32, last: u32, step: u32) {
        if self.all() {
            return;
        }
        let mut year = first;
        while year <= last {
            let (word, bit) = place(year);
            if let Some(values) = self.0.get_mut(word) {
                *values = *values | Values::one(bit);
            }
            year = year.saturating_add(step.max(1));
        }
    }

    /// Whether every year is allowed.
    pub fn all(&self) -> bool {
        self.0.iter().map(|values| values.count()).sum::<u32>() == YEAR.last - YEAR.first + 1
    }

    /// The first allowed year, from `year` on.
    pub fn at_or_after(&self, year: u32) -> Option<u32> {
        let (first, bit) = place(year);
        let mut from = bit;
        for (word, values) in self.0.iter().enumerate().skip(first) {
            if let Some(found) = values.at_or_after(from) {
                return Some(YEAR.first + u32::try_from(word).ok()? * u64::BITS + found);
            }
            from = 0;
        }
        None
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        std::iter::successors(self.at_or_after(YEAR.first), |year| {
            self.at_or_after(year.saturating_add(1))
        })
    }
}

/// In which word a year stands, and at which bit.
const fn place(year: u32) -> (usize, u32) {
    let since = year.saturating_sub(YEAR.first);
    ((since / u64::BITS) as usize, since % u64::BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_of_a_set_come_back_in_order() {
        let mut years = Years::new();
        years.allow(2026, 2034, 4);
        years.allow(9999, 9999, 1);
        years.allow(1970, 1970, 1);
        assert_eq!(years.iter().collect::<Vec<_>>(), [1970, 2026, 2030, 2034, 9999]);
        assert_eq!(years.at_or_after(2031), Some(2034));
        assert_eq!(years.at_or_after(10_000), None);
        assert!(!years.all());
    }

    #[test]
    fn every_year_is_all_of_them() {
        let mut years = Years::new();
        years.allow(1970, 9999, 1);
        assert!(years.all());
    }
}
