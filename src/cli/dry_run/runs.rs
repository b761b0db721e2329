//! The due times of all plans, merged into one stream.

use super::run_line::Scheduled;
use super::span::Span;
use crate::schedule::{DueTime, Occurrence, Shift};

/// About so many runs are worked out at a time, so that memory does not follow their number.
const MANY: usize = 65_536;
/// The first slice of time that is looked at, in seconds: the first lines come at once.
const FIRST_SLICE: i64 = 600;

/// The runs in order of due time, then of their plans.
///
/// Time is cut into slices. Of each, every plan's due times are worked out in a row, then all are sorted: that is much
/// less work than a heap of a hundred thousand plans, which is asked anew for each run. Slices get longer or
/// shorter so that about [`MANY`] runs lie in each.
pub(super) struct Runs<'a> {
    plans: &'a [Scheduled],
    until: DueTime,
    /// For each plan, what is next after the slice.
    next: Vec<Option<Waiting>>,
    /// How long the next slice is to be, in seconds.
    slice: i64,
    /// The runs of the slice.
    runs: std::vec::IntoIter<(Waiting, usize)>,
}

/// A due time, and whether the clocks changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: DueTime,
    shifted: bool,
}

impl<'a> Runs<'a> {
    /// The runs of `plans` (in order of their ids) within the span.
    pub(super) fn new(plans: &'a [Scheduled], span: Span) -> Self {
        let next = plans
            .iter()
            .map(|plan| waiting(plan, span.from, span.until))
            .collect();
        Self {
            plans,
            until: span.until,
            next,
            slice: FIRST_SLICE,
            runs: Vec::new().into_iter(),
        }
    }

    /// Works out the next slice in which something is due; false when nothing is any more.
    fn work_out(&mut self) -> bool {
        let Some(first) = self.next.iter().flatten().map(|waiting| waiting.due).min() else {
            return false;
        };
        let mut runs = Vec::new();
        loop {
            let end = first.plus(self.slice - 1).min(self.until);
            if let Some(next) = self.slice_until(end, &mut runs) {
                self.next = next;
                break;
            }
            // Many more than the slice before led to expect. A slice of one second has at most one a plan.
            self.slice = (self.slice / 16).max(1);
            runs.clear();
        }
        if runs.len() < MANY / 2 {
            self.slice = self.slice.saturating_mul(2);
        } else if runs.len() > MANY {
            self.slice = (self.slice / 2).max(1);
        }
        runs.sort_unstable_by_key(|(waiting, plan): &(Waiting, usize)| (waiting.due, *plan));
        self.runs = runs.into_iter();
        true
    }

    /// Collects the runs until `end`, and gives what is next after them; `None` if they are far too many.
    fn slice_until(&self, end: DueTime, runs: &mut Vec<(Waiting, usize)>) -> Option<Vec<Option<Waiting>>> {
        let mut next = self.next.clone();
        let most = 4 * MANY.max(self.plans.len());
        for (index, (plan, next)) in self.plans.iter().zip(&mut next).enumerate() {
            while let Some(waiting_now) = next.filter(|waiting| waiting.due <= end) {
                runs.push((waiting_now, index));
                *next = waiting(plan, waiting_now.due, self.until);
            }
            if runs.len() > most && self.slice > 1 {
                return None;
            }
        }
        Some(next)
    }
}

/// What is next of a plan after `after`.
fn waiting(plan: &Scheduled, after: DueTime, until: DueTime) -> Option<Waiting> {
    let Occurrence { due, shift } = plan.timetable.next(after)?;
    (due <= until).then_some(Waiting {
        due,
        shifted: shift != Shift::None,
    })
}

impl<'a> Iterator for Runs<'a> {
    type Item = (&'a Scheduled, Occurrence);

    fn next(&mut self) -> Option<Self::Item> {
        let (index, occurrence) = self.next_indexed()?;
        Some((self.plans.get(index)?, occurrence))
    }
}

impl Runs<'_> {
    /// The next run, and the place of its plan.
    pub(super) fn next_indexed(&mut self) -> Option<(usize, Occurrence)> {
        let (Waiting { due, shifted }, index) = match self.runs.next() {
            Some(run) => run,
            None if self.work_out() => self.runs.next()?,
            None => return None,
        };
        let unshifted = Occurrence {
            due,
            shift: Shift::None,
        };
        // How it was shifted is worked out again for the few that were: nobody else has to carry it along.
        let shift = || self.plans.get(index)?.timetable.next(due.plus(-1));
        Some((index, if shifted { shift()? } else { unshifted }))
    }
}
