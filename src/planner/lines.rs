//! Lines: plans that were due at one second and wait for a place together.
//!
//! In a line all are of one project, and have one cadence and due time. So whose turn it is is told by the line, and of each
//! that waits in it there is nothing but its seat.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};

use crate::plan::ProjectId;
use crate::schedule::DueTime;

use super::seat::Seat;

/// What all in a line have in common, in the order in which lines move on: whose they are, their cadence in seconds, their due
/// time, and when it was decided that they wait.
type Common = (Option<ProjectId>, i64, DueTime, DateTime<Utc>);

/// All that wait together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: BTreeMap<Common, Line>,
    /// In all of them.
    len: usize,
}

/// Those who wait, the last of them first; never none. Who went out of turn may be among them still, but is not the last.
#[derive(Debug, Default)]
struct Line {
    seats: Vec<Seat>,
    gone: HashSet<Seat, foldhash::fast::RandomState>,
}

/// Who waits in a line no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaver {
    pub(super) seat: Seat,
    /// When it was decided that it waits.
    pub(super) decided: DateTime<Utc>,
}

impl Line {
    fn pop(&mut self) -> Option<Seat> {
        let first = self.seats.pop();
        self.tidy();
        first
    }

    /// Takes this one out; `false`: it is not in.
    fn take(&mut self, seat: Seat) -> bool {
        let there = self.seats.binary_search_by(|other| seat.cmp(other)).is_ok();
        let left = there && self.gone.insert(seat);
        self.tidy();
        left
    }

    fn tidy(&mut self) {
        while self.seats.pop_if(|last| self.gone.remove(last)).is_some() {}
    }
}

/// Before all lines of this project with this cadence, or a longer one.
fn before(project: &Option<ProjectId>, cadence: i64) -> Common {
    let first = DueTime::from_epoch(i64::MIN);
    (project.clone(), cadence, first, DateTime::<Utc>::MIN_UTC)
}

impl Lines {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Those who wait.
    pub(super) fn seats(&self) -> Vec<Seat> {
        let lines = self.lines.values();
        let waiting = lines.flat_map(|line| line.seats.iter().filter(|seat| !line.gone.contains(*seat)));
        waiting.copied().collect()
    }

    /// These, which are in order, line up behind those who are there already.
    pub(super) fn line_up(&mut self, common: Common, mut seats: Vec<Seat>) {
        if seats.is_empty() {
            return;
        }
        self.len = self.len.saturating_add(seats.len());
        seats.reverse();
        let line = self.lines.entry(common).or_default();
        if line.seats.is_empty() {
            line.seats = seats;
            return;
        }
        // Plans that are due by another schedule, and as often.
        line.seats.retain(|seat| !line.gone.contains(seat));
        line.gone.clear();
        line.seats.extend(seats);
        line.seats.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// The first of the line that moves on first, of those of a project with this cadence.
    pub(super) fn first_leaves(&mut self, project: &Option<ProjectId>, cadence: i64) -> Option<Leaver> {
        let mut lines = self.lines.range_mut(before(project, cadence)..);
        let theirs = |common: &Common| common.0 == *project && common.1 == cadence;
        let (common, line) = lines.next().filter(|(common, _)| theirs(common))?;
        let (common, seat) = (common.clone(), line.pop()?);
        self.one_less(&common);
        Some(Leaver {
            seat,
            decided: common.3,
        })
    }

    /// The one at this seat leaves its line; `None`: it is in none of these.
    pub(super) fn leave(
        &mut self,
        project: &Option<ProjectId>,
        cadence: i64,
        due: DueTime,
        seat: Seat,
    ) -> Option<Leaver> {
        let from = (project.clone(), cadence, due, DateTime::<Utc>::MIN_UTC);
        let to = (project.clone(), cadence, due, DateTime::<Utc>::MAX_UTC);
        let mut lines = self.lines.range_mut(from..=to);
        let common = lines.find_map(|(common, line)| line.take(seat).then(|| common.clone()))?;
        self.one_less(&common);
        Some(Leaver {
            seat,
            decided: common.3,
        })
    }

    fn one_less(&mut self, common: &Common) {
        self.len = self.len.saturating_sub(1);
        if self.lines.get(common).is_some_and(|line| line.seats.is_empty()) {
            self.lines.remove(common);
        }
    }

    /// The next project of which somebody waits in a line; `None`: the first.
    pub(super) fn project_after(&self, project: Option<&Option<ProjectId>>) -> Option<&Option<ProjectId>> {
        let next = match project {
            Some(project) => self.lines.range(before(project, i64::MAX)..).next(),
            None => self.lines.first_key_value(),
        };
        next.map(|((project, ..), _)| project)
    }

    /// The cadence, this one or a longer one, and the due time of the line that moves on first of this project's.
    pub(super) fn head(&self, project: &Option<ProjectId>, cadence: i64) -> Option<(i64, DueTime)> {
        let (first, _) = self.lines.range(before(project, cadence)..).next()?;
        let (whose, cadence, due, _) = first;
        (whose == project).then_some((*cadence, *due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(numbers: &[u32]) -> Vec<Seat> {
        numbers.iter().map(|number| Seat::new(*number)).collect()
    }

    #[test]
    fn whoever_leaves_out_of_turn_is_passed_over() {
        let (project, due) = (None, DueTime::from_epoch(60));
        let decided = due.instant();
        let mut lines = Lines::default();
        lines.line_up((None, 60, due, decided), seats(&[1, 4, 6]));
        lines.line_up((None, 60, due, decided), seats(&[0, 5]));
        let leave = |lines: &mut Lines, seat| lines.leave(&project, 60, due, Seat::new(seat));
        assert_eq!(leave(&mut lines, 2), None);
        assert!(leave(&mut lines, 0).is_some());
        assert!(leave(&mut lines, 4).is_some());
        assert_eq!(leave(&mut lines, 4), None, "it has left");
        assert_eq!(lines.len(), 3);
        let mut waiting = lines.seats();
        waiting.sort_unstable();
        assert_eq!(waiting, seats(&[1, 5, 6]));
        let order: Vec<Seat> = std::iter::from_fn(|| Some(lines.first_leaves(&project, 60)?.seat)).collect();
        assert_eq!(order, seats(&[1, 5, 6]));
        assert_eq!((lines.len(), lines.lines.len()), (0, 0));
    }
}
