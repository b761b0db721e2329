//! Questions to the source about single plans and single runs, asked beside the loop, a few at a time.
//!
//! A whole listing may be gone, and a thousand runs may wait for their sessions at once: each question under way has its
//! price. The two sorts have places of their own, so that neither waits for the other: until it is known whether a plan is
//! gone its run waits, but not for long. So those plans come first that are due first, and those that are not due at all have
//! places of their own: one that is there after all does not wait behind thousands that are gone.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::plan::JobId;
use crate::planner::SessionAsk;
use crate::schedule::DueTime;

/// Questions of each sort at one time.
const AT_ONCE: usize = 4;

/// What is asked, and what will be.
#[derive(Debug, Default)]
pub(super) struct Questions {
    pub(super) plans: Plans,
    pub(super) sessions: Sessions,
}

/// Runs whose sessions are asked whether they may start.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// So many are being asked.
    asked: usize,
    /// What others ask theirs when their turn comes.
    waiting: VecDeque<Box<SessionAsk>>,
}

impl Sessions {
    /// That is to be asked.
    pub(super) fn add(&mut self, ask: Box<SessionAsk>) {
        self.waiting.push_back(ask);
    }

    /// What is to be asked now.
    pub(super) fn next(&mut self) -> Option<Box<SessionAsk>> {
        if self.asked >= AT_ONCE {
            return None;
        }
        let ask = self.waiting.pop_front()?;
        self.asked += 1;
        Some(ask)
    }

    /// One has answered.
    pub(super) fn answered(&mut self) {
        self.asked = self.asked.saturating_sub(1);
    }
}

/// Plans that the source is asked for by themselves.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// Those that it is being asked for, or will be, and when their runs need the answer.
    all: HashMap<JobId, Option<DueTime>>,
    due: Lane,
    /// Those that are not due.
    others: Lane,
}

/// Plans that wait for one another.
#[derive(Debug, Default)]
struct Lane {
    /// Whose turn has not come, by when their runs need the answer.
    waiting: BTreeSet<(Option<DueTime>, JobId)>,
    /// So many are being asked for.
    asked: usize,
}

impl Lane {
    fn next(&mut self) -> Option<JobId> {
        if self.asked >= AT_ONCE {
            return None;
        }
        let (_, job) = self.waiting.pop_first()?;
        self.asked += 1;
        Some(job)
    }
}

impl Plans {
    fn lane(&mut self, due: Option<DueTime>) -> &mut Lane {
        if due.is_some() {
            &mut self.due
        } else {
            &mut self.others
        }
    }

    /// It is to be asked for, unless it already is.
    pub(super) fn add(&mut self, job: JobId, due: Option<DueTime>) {
        if let Entry::Vacant(new) = self.all.entry(job.clone()) {
            new.insert(due);
            self.lane(due).waiting.insert((due, job));
        }
    }

    /// That is answered, or cannot be.
    pub(super) fn answered(&mut self, job: &JobId) {
        if let Some(due) = self.all.remove(job) {
            let lane = self.lane(due);
            lane.asked = lane.asked.saturating_sub(1);
        }
    }

    /// Which is to be asked for now.
    pub(super) fn next(&mut self) -> Option<JobId> {
        self.due.next().or_else(|| self.others.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_due_first_is_asked_for_first_a_few_at_a_time() {
        let mut plans = Plans::default();
        let at = |second| Some(DueTime::from_epoch(second));
        for (job, due) in [
            ("never", None),
            ("late", at(90)),
            ("b", at(20)),
            ("a", at(20)),
            ("soon", at(10)),
            ("nor this", None),
        ] {
            plans.add(JobId::new(job), due);
        }
        plans.add(JobId::new("late"), at(0));
        let turns: Vec<JobId> = std::iter::from_fn(|| plans.next()).collect();
        assert_eq!(
            turns,
            ["soon", "a", "b", "late", "never", "nor this"].map(JobId::new)
        );
        for (job, due) in [("next", at(100)), ("no more", None)] {
            plans.add(JobId::new(job), due);
        }
        assert_eq!(
            plans.next(),
            Some(JobId::new("no more")),
            "there are places for that sort"
        );
        for never in 0..AT_ONCE {
            plans.add(JobId::new(&format!("gone{never}")), None);
        }
        assert_eq!(plans.next(), Some(JobId::new("gone0")));
        assert_eq!(plans.next(), None);
        plans.answered(&JobId::new("a"));
        // It was there, and another listing does not show it.
        plans.add(JobId::new("a"), at(21));
        assert_eq!(
            plans.next(),
            Some(JobId::new("a")),
            "it waits for none that is not due"
        );
        plans.answered(&JobId::new("soon"));
        assert_eq!(plans.next(), Some(JobId::new("next")));
        assert_eq!(plans.next(), None);
    }
}
