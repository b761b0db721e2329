//! Questions to the source about single plans and single runs, asked beside the loop, a few at a time.
//!
//! A whole listing may be gone, and a thousand runs may wait for their sessions at once: each question under way has its
//! price. The two sorts have places of their own, so that neither waits for the other: until it is known whether a plan is
//! gone its run waits, but not for long. So those plans come first that are due first: one that is there after all does not
//! wait behind thousands that are gone.

use std::collections::{BTreeSet, HashSet, VecDeque};

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
    /// Those that it is being asked for, or will be.
    all: HashSet<JobId>,
    /// Those of them whose turn has not come, by when their runs need the answer; those that are not due are the last.
    unasked: BTreeSet<(bool, Option<DueTime>, JobId)>,
}

impl Plans {
    /// It is to be asked for, unless it already is.
    pub(super) fn add(&mut self, job: JobId, due: Option<DueTime>) {
        if self.all.insert(job.clone()) {
            self.unasked.insert((due.is_none(), due, job));
        }
    }

    /// That is answered, or cannot be.
    pub(super) fn answered(&mut self, job: &JobId) {
        self.all.remove(job);
    }

    /// Which is to be asked for now.
    pub(super) fn next(&mut self) -> Option<JobId> {
        let asked = self.all.len() - self.unasked.len();
        if asked >= AT_ONCE {
            return None;
        }
        self.unasked.pop_first().map(|(.., job)| job)
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
        ] {
            plans.add(JobId::new(job), due);
        }
        plans.add(JobId::new("late"), at(0));
        let turns: Vec<JobId> = std::iter::from_fn(|| plans.next()).collect();
        assert_eq!(turns, ["soon", "a", "b", "late"].map(JobId::new));
        plans.answered(&JobId::new("a"));
        // It was there, and another listing does not show it.
        plans.add(JobId::new("a"), at(21));
        assert_eq!(plans.next(), Some(JobId::new("a")));
        plans.answered(&JobId::new("soon"));
        assert_eq!(plans.next(), Some(JobId::new("never")));
        assert_eq!(plans.next(), None);
    }
}
