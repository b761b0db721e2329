//! The directory: which job sits where, in pages that records share.
//!
//! A record of a hundred thousand plans that copied their ids would count each of these up, in as many places of the memory.
//! It holds their seats instead, and the directory as it is: whoever changes that later, changes a copy of the page, if
//! a record is left that shares it.

use std::fmt;
use std::sync::Arc;

use crate::plan::JobId;

use super::seat::Seat;

/// Seats of a page.
const PAGE: usize = 512;

type Page = [Option<JobId>; PAGE];

/// Who sits where.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    pages: Arc<Vec<Arc<Page>>>,
}

impl Directory {
    /// Who sits there.
    pub(super) fn at(&self, seat: Seat) -> Option<&JobId> {
        let (page, line) = (seat.index() / PAGE, seat.index() % PAGE);
        self.pages.get(page)?.get(line)?.as_ref()
    }

    /// From now on this one sits there, or nobody.
    pub(super) fn set(&mut self, seat: Seat, job: Option<JobId>) {
        let (page, line) = (seat.index() / PAGE, seat.index() % PAGE);
        let pages = Arc::make_mut(&mut self.pages);
        while pages.len() <= page {
            pages.push(Arc::new([const { None }; PAGE]));
        }
        let page = pages.get_mut(page).map(Arc::make_mut);
        if let Some(line) = page.and_then(|page| page.get_mut(line)) {
            *line = job;
        }
    }
}

/// Plans that something is about, together.
#[derive(Clone)]
pub struct Jobs {
    directory: Directory,
    seats: Vec<Seat>,
}

impl Jobs {
    /// Those that sit there now.
    pub(super) fn new(seats: Vec<Seat>, directory: &Directory) -> Self {
        Self {
            directory: directory.clone(),
            seats,
        }
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &JobId> {
        self.seats.iter().filter_map(|seat| self.directory.at(*seat))
    }
}

/// These; each is to be there once.
impl FromIterator<JobId> for Jobs {
    fn from_iter<J: IntoIterator<Item = JobId>>(jobs: J) -> Self {
        let mut directory = Directory::default();
        let numbered = jobs.into_iter().zip(0..);
        let seats = numbered.map(|(job, number)| {
            let seat = Seat::new(number);
            directory.set(seat, Some(job));
            seat
        });
        let seats = seats.collect();
        Self { directory, seats }
    }
}

impl PartialEq for Jobs {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Jobs {}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_some_plans_holds_them_as_they_were() {
        let seat = |number: usize| Seat::new(u32::try_from(number).unwrap());
        let (first, last) = (seat(0), seat(2 * PAGE));
        let mut directory = Directory::default();
        assert_eq!(directory.at(last), None);
        directory.set(last, Some(JobId::new("last")));
        directory.set(first, Some(JobId::new("first")));
        let jobs = Jobs::new(vec![first, last], &directory);
        directory.set(first, None);
        directory.set(last, Some(JobId::new("another")));
        assert_eq!(format!("{jobs:?}"), r#"[JobId("first"), JobId("last")]"#);
        assert_eq!((jobs.len(), directory.at(first)), (2, None));
        let now = Jobs::new(vec![last], &directory);
        assert_eq!(now.iter().collect::<Vec<_>>(), [&JobId::new("another")]);
        assert_ne!(now, jobs);
    }
}
