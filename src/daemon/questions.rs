//! Questions to the source about single plans and single runs, asked beside the loop, a few at a time.
//!
//! A whole listing may be gone, and a thousand runs may wait for their sessions at once: each question under way has its
//! price. The two sorts have places of their own, so that neither waits for the other: until it is known whether a plan is
//! gone its run waits, but not for long. So those plans come first that are due first, and those whose run waits already, or will
//! soon, have places of their own: one that is there after all does not wait behind thousands that are gone.

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
    /// Those that it is being asked for, or will be.
    all: HashMap<JobId, Question>,
    pressing: Lane,
    others: Lane,
}

/// Whether a plan is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    /// When its next run needs the answer.
    due: Option<DueTime>,
    /// One waits for it, or will soon.
    presses: bool,
    /// It is being asked.
    asked: bool,
}

/// Plans that wait for one another.
#[derive(Debug, Default)]
struct Lane {
    /// Whose turn has not come, by when their runs need the answer; those that are not due are the last.
    waiting: BTreeSet<(bool, Option<DueTime>, JobId)>,
    /// So many are being asked for.
    asked: usize,
}

impl Lane {
    fn next(&mut self) -> Option<JobId> {
        if self.asked >= AT_ONCE {
            return None;
        }
        let (.., job) = self.waiting.pop_first()?;
        self.asked += 1;
        Some(job)
    }
}

impl Plans {
    fn lane(&mut self, presses: bool) -> &mut Lane {
        if presses {
            &mut self.pressing
        } else {
            &mut self.others
        }
    }

    /// It is to be asked for, unless it already is.
    pub(super) fn add(&mut self, job: JobId, due: Option<DueTime>, presses: bool) {
        let question = Question {
            due,
            presses,
            asked: false,
        };
        match self.all.get(&job) {
            Some(before) if before.asked || *before == question => return,
            Some(before) => {
                let before = *before;
                let place = (before.due.is_none(), before.due, job.clone());
                self.lane(before.presses).waiting.remove(&place);
            }
            None => {}
        }
        self.all.insert(job.clone(), question);
        self.lane(presses).waiting.insert((due.is_none(), due, job));
    }

    /// That is answered, or cannot be.
    pub(super) fn answered(&mut self, job: &JobId) {
        if let Some(question) = self.all.remove(job) {
            let lane = self.lane(question.presses);
            lane.asked = lane.asked.saturating_sub(1);
        }
    }

    /// Which is to be asked for now.
    pub(super) fn next(&mut self) -> Option<JobId> {
        let job = self.pressing.next().or_else(|| self.others.next())?;
        if let Some(question) = self.all.get_mut(&job) {
            question.asked = true;
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds it as due at this second, if at any.
    fn add(plans: &mut Plans, job: &str, due: Option<i64>, presses: bool) {
        plans.add(JobId::new(job), due.map(DueTime::from_epoch), presses);
    }

    fn turns(plans: &mut Plans) -> Vec<JobId> {
        std::iter::from_fn(|| plans.next()).collect()
    }

    #[test]
    fn who_is_due_first_is_asked_for_first_a_few_at_a_time() {
        let mut plans = Plans::default();
        for (job, due) in [
            ("never", None),
            ("late", Some(90)),
            ("b", Some(20)),
            ("a", Some(20)),
            ("soon", Some(10)),
        ] {
            add(&mut plans, job, due, true);
        }
        assert_eq!(turns(&mut plans), ["soon", "a", "b", "late"].map(JobId::new));
        add(&mut plans, "late", Some(0), true);
        plans.answered(&JobId::new("a"));
        assert_eq!(turns(&mut plans), [JobId::new("never")]);
        // It was there, and another listing does not show it.
        add(&mut plans, "a", Some(21), true);
        assert_eq!(turns(&mut plans), []);
        plans.answered(&JobId::new("late"));
        assert_eq!(turns(&mut plans), [JobId::new("a")]);
    }

    #[test]
    fn whose_run_waits_does_not_wait_for_others() {
        let mut plans = Plans::default();
        for number in 0..2 * AT_ONCE {
            add(&mut plans, &format!("in a year {number}"), Some(1000), false);
        }
        assert_eq!(turns(&mut plans).len(), AT_ONCE);
        add(&mut plans, "now", Some(5), true);
        assert_eq!(turns(&mut plans), [JobId::new("now")]);
        // By the next listing its time has come.
        add(&mut plans, "in a year 7", Some(1000), true);
        assert_eq!(turns(&mut plans), [JobId::new("in a year 7")]);
        for number in 0..AT_ONCE {
            plans.answered(&JobId::new(&format!("in a year {number}")));
        }
        assert_eq!(
            turns(&mut plans),
            [4, 5, 6].map(|number| JobId::new(&format!("in a year {number}")))
        );
    }
}
