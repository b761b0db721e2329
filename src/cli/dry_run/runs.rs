//! The due times of all plans, merged into one stream.

use std::collections::HashMap;
use std::sync::Arc;

use super::run_line::Scheduled;
use super::span::Span;
use crate::schedule::{DueTime, Occurrence, Shift, Timetable};

/// About so many due times are worked out at a time, so that memory does not follow their number; of many timetables
/// [`OF_EACH`], as it takes longer to get hold of a timetable than to ask it.
const MANY: usize = 65_536;
const OF_EACH: usize = 4;
/// The first slice of time that is looked at, in seconds: the first lines come at once.
const FIRST_SLICE: i64 = 600;

/// The runs in order of due time, then of their plans.
///
/// Plans with one timetable are due together, so it is asked once for all of them. Time is cut into slices. Of each, every
/// timetable's due times are worked out in a row, then all are sorted: of a hundred thousand timetables that is much less
/// work than a heap, which is asked anew for each due time. Slices get longer or shorter so that about so many due times
/// lie in each.
pub(super) struct Runs<'a> {
    plans: &'a [Scheduled],
    groups: Vec<Group<'a>>,
    until: DueTime,
    /// How many due times are to lie in a slice, about.
    many: usize,
    /// How long the next slice is to be, in seconds.
    slice: i64,
    /// The due times of the slice, each with its group's place.
    due: std::iter::Peekable<std::vec::IntoIter<(Waiting, usize)>>,
    /// The plans that are due at the second of the slice that is told, in order; and how many of them were.
    second: Vec<(usize, Waiting)>,
    told: usize,
}

/// Plans that have their timetable in common.
struct Group<'a> {
    timetable: &'a Timetable,
    /// Their places, in order.
    plans: Vec<usize>,
    /// What is next after the slice.
    next: Option<Waiting>,
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
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut known = HashMap::with_hasher(foldhash::fast::RandomState::default());
        for (plan, place) in plans.iter().zip(0..) {
            let at = *known
                .entry(Arc::as_ptr(&plan.timetable).addr())
                .or_insert(groups.len());
            match groups.get_mut(at) {
                Some(group) => group.plans.push(place),
                None => groups.push(Group {
                    timetable: &plan.timetable,
                    plans: vec![place],
                    next: waiting(&plan.timetable, span.from, span.until),
                }),
            }
        }
        Self {
            plans,
            many: MANY.max(OF_EACH.saturating_mul(groups.len())),
            groups,
            until: span.until,
            slice: FIRST_SLICE,
            due: Vec::new().into_iter().peekable(),
            second: Vec::new(),
            told: 0,
        }
    }

    /// Works out the next slice in which something is due; `None` when nothing is any more.
    fn work_out(&mut self) -> Option<()> {
        let next = |group: &Group<'_>| group.next.map(|waiting| waiting.due);
        let first = self.groups.iter().filter_map(next).min()?;
        let mut due = Vec::new();
        while !self.slice_until(first.plus(self.slice - 1).min(self.until), &mut due) {
            // Many more than the slice before led to expect. A slice of one second has at most one a timetable.
            self.slice = (self.slice / 16).max(1);
            due.clear();
        }
        if due.len() < self.many / 2 {
            self.slice = self.slice.saturating_mul(2);
        } else if due.len() > self.many {
            self.slice = (self.slice / 2).max(1);
        }
        due.sort_unstable_by_key(|(waiting, group): &(Waiting, usize)| (waiting.due, *group));
        self.due = due.into_iter().peekable();
        Some(())
    }

    /// Collects the due times until `end`; false if they are far too many, then nothing has changed.
    fn slice_until(&mut self, end: DueTime, all: &mut Vec<(Waiting, usize)>) -> bool {
        let most = self.many.saturating_mul(2);
        let mut next = Vec::with_capacity(self.groups.len());
        for (place, group) in self.groups.iter().enumerate() {
            let mut first = group.next;
            while let Some(now) = first.filter(|waiting| waiting.due <= end) {
                // One timetable may be too much already: nothing for years, then every second.
                if all.len() > most && self.slice > 1 {
                    return false;
                }
                all.push((now, place));
                first = waiting(group.timetable, now.due, self.until);
            }
            next.push(first);
        }
        for (group, next) in self.groups.iter_mut().zip(next) {
            group.next = next;
        }
        true
    }

    /// Goes on to the next second at which something is due.
    fn go_on(&mut self) -> Option<()> {
        if self.due.peek().is_none() {
            self.work_out()?;
        }
        self.told = 0;
        self.second.clear();
        let (now, _) = *self.due.peek()?;
        let mut groups = 0;
        while let Some((waiting, place)) = self.due.next_if(|(waiting, _)| waiting.due == now.due) {
            let plans = self.groups.get(place).map_or(&[][..], |group| &group.plans);
            self.second.extend(plans.iter().map(|plan| (*plan, waiting)));
            groups += 1;
        }
        if groups > 1 {
            // Each group's are in order: those are only to be merged.
            self.second.sort_by_key(|(plan, _)| *plan);
        }
        Some(())
    }

    /// The next run, and the place of its plan.
    pub(super) fn next_indexed(&mut self) -> Option<(usize, Occurrence)> {
        if self.told == self.second.len() {
            self.go_on()?;
        }
        let (index, Waiting { due, shifted }) = *self.second.get(self.told)?;
        self.told += 1;
        let unshifted = Occurrence {
            due,
            shift: Shift::None,
        };
        // How it was shifted is worked out again for the few that were: nobody else has to carry it along.
        let shift = || self.plans.get(index)?.timetable.next(due.plus(-1));
        Some((index, if shifted { shift()? } else { unshifted }))
    }
}

/// What is next after `after`.
fn waiting(timetable: &Timetable, after: DueTime, until: DueTime) -> Option<Waiting> {
    let Occurrence { due, shift } = timetable.next(after)?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::super::tests::forecast_in;
    use super::*;
    use crate::plan::{self, Plan};
    use crate::schedule::Zone;

    fn plans(schedules: impl Iterator<Item = Value>) -> Vec<Plan> {
        let plan = |(number, schedule)| {
            let document = json!({"job_id": format!("{number:06}"), "job_schedule": schedule,
                "job_actions": [{"freezer_action": {"action": "backup"}}]});
            plan::parse(&document.to_string(), "here").unwrap().plan
        };
        (0_u32..).zip(schedules).map(plan).collect()
    }

    /// The runs' due times and plans; on the way no slice holds more due times than this.
    fn told(plans: Vec<Plan>, length: i64, most: usize) -> Vec<(i64, usize)> {
        let span = Span {
            from: DueTime::from_epoch(-1),
            until: DueTime::from_epoch(length - 1),
        };
        let forecast = forecast_in(plans, Arc::new(Zone::utc()), span);
        let mut runs = Runs::new(&forecast.scheduled, span);
        let mut told = Vec::new();
        while let Some((plan, occurrence)) = runs.next_indexed() {
            assert!(
                runs.due.len() <= most,
                "{} due times in one slice",
                runs.due.len()
            );
            told.push((occurrence.due.epoch(), plan));
        }
        told
    }

    #[test]
    fn much_behind_a_quiet_time_is_not_worked_out_at_once() {
        const WEEK: i64 = 7 * 86_400;
        // Slices are weeks long when the second begins: two days of it, every second.
        let two = [
            json!({"schedule_day_of_week": "thu", "schedule_hour": 0}),
            json!({"schedule_second": "*", "schedule_start_date": "1970-06-04T00:00:00"}),
        ];
        let start = 22 * WEEK;
        let told = told(plans(two.into_iter()), start + 2 * 86_400, 2 * MANY + 1);
        let mut expected: Vec<(i64, usize)> = (0..=22).map(|week| (week * WEEK, 0)).collect();
        expected.extend((start..start + 2 * 86_400).map(|second| (second, 1)));
        expected.sort_unstable();
        assert_eq!(told, expected);
    }

    #[test]
    fn many_timetables_are_asked_some_times_each() {
        // No two of them are alike.
        const PLANS: i64 = 20_000;
        let schedules = (0..PLANS).map(|at| {
            json!({"schedule_hour": at / 3600, "schedule_minute": at / 60 % 60, "schedule_second": at % 60})
        });
        let most = 2 * OF_EACH * 20_000 + 1;
        let told = told(plans(schedules), 12 * 86_400, most);
        let days = (0..12).flat_map(|day| (0..PLANS).map(move |at| day * 86_400 + at));
        let expected: Vec<(i64, usize)> = days.zip((0..20_000).cycle()).collect();
        assert_eq!(told, expected);
    }
}
