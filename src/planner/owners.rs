//! Owners: whose the plans are, in a row beside the fronts.
//!
//! In a burst, who has which turn goes by project. To look into a hundred thousand slots for that would cost more than all the
//! rest of the decision; so each project has a number, and each seat the number of its own. What also comes of it is
//! whether there are plans of more than one.

use std::collections::HashMap;

use crate::plan::ProjectId;

use super::seat::Seat;

/// A project, or none, by a number that it has for as long as it has plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Owner(u32);

/// Of a seat at which nobody sits.
const NOBODY: Owner = Owner(u32::MAX);

impl Owner {
    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Who owns the plan at which seat.
#[derive(Debug, Default)]
pub(super) struct Owners {
    of_seats: Vec<Owner>,
    /// By number, and how many plans each has.
    projects: Vec<(Option<ProjectId>, u32)>,
    numbers: HashMap<Option<ProjectId>, Owner, foldhash::quality::RandomState>,
    vacant: Vec<Owner>,
}

impl Owners {
    /// Whose plan sits there.
    pub(super) fn of(&self, seat: Seat) -> Owner {
        self.of_seats.get(seat.index()).copied().unwrap_or(NOBODY)
    }

    /// Who that is.
    pub(super) fn project(&self, owner: Owner) -> Option<&Option<ProjectId>> {
        self.projects.get(owner.index()).map(|(project, _)| project)
    }

    /// The number of this one, if it has plans.
    pub(super) fn number(&self, project: &Option<ProjectId>) -> Option<Owner> {
        self.numbers.get(project).copied()
    }

    /// From now on the plan at this seat is this one's.
    pub(super) fn set(&mut self, seat: Seat, project: &Option<ProjectId>) {
        let owner = self.number(project).unwrap_or_else(|| self.welcome(project));
        if let Some((_, plans)) = self.projects.get_mut(owner.index()) {
            *plans = plans.saturating_add(1);
        }
        self.clear(seat);
        if self.of_seats.len() <= seat.index() {
            self.of_seats.resize(seat.index().saturating_add(1), NOBODY);
        }
        if let Some(place) = self.of_seats.get_mut(seat.index()) {
            *place = owner;
        }
    }

    fn welcome(&mut self, project: &Option<ProjectId>) -> Owner {
        let row = (project.clone(), 0);
        let owner = self.vacant.pop().unwrap_or_else(|| {
            // There are no more projects than plans.
            Owner(u32::try_from(self.projects.len()).unwrap_or(u32::MAX - 1))
        });
        match self.projects.get_mut(owner.index()) {
            Some(place) => *place = row,
            None => self.projects.push(row),
        }
        self.numbers.insert(project.clone(), owner);
        owner
    }

    /// Nobody sits there any more.
    pub(super) fn clear(&mut self, seat: Seat) {
        let Some(place) = self.of_seats.get_mut(seat.index()) else {
            return;
        };
        let owner = std::mem::replace(place, NOBODY);
        let Some((project, plans)) = self.projects.get_mut(owner.index()) else {
            return;
        };
        *plans = plans.saturating_sub(1);
        if *plans == 0 {
            self.numbers.remove(project);
            *project = None;
            self.vacant.push(owner);
        }
    }

    /// Whether there are plans of more than one of them.
    pub(super) fn are_several(&self) -> bool {
        self.numbers.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_projects_for_as_long_as_it_has_plans() {
        let (a, b) = (Some(ProjectId::new("a")), Some(ProjectId::new("b")));
        let mut owners = Owners::default();
        owners.set(Seat::new(3), &a);
        owners.set(Seat::new(0), &a);
        assert!(!owners.are_several());
        owners.set(Seat::new(1), &None);
        assert!(owners.are_several());
        assert_eq!(owners.of(Seat::new(3)), owners.of(Seat::new(0)));
        assert_eq!(owners.number(&None), Some(owners.of(Seat::new(1))));
        assert_eq!(owners.project(owners.of(Seat::new(3))), Some(&a));
        // At this seat nobody sits.
        assert_eq!(owners.project(owners.of(Seat::new(2))), None);
        owners.set(Seat::new(3), &b);
        owners.clear(Seat::new(0));
        assert_eq!(owners.number(&a), None, "its last plan is gone");
        owners.clear(Seat::new(1));
        assert!(!owners.are_several());
        owners.set(Seat::new(0), &a);
        assert_eq!(owners.project(owners.of(Seat::new(0))), Some(&a));
        assert_eq!(owners.project(owners.of(Seat::new(3))), Some(&b));
        assert_eq!(owners.projects.len(), 3, "numbers are given again");
    }
}
