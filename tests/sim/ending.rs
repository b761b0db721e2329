//! The end of a life: all is mended, what is left to do is done, and what is left is for the checker.

use super::checker::{History, Rules};
use super::script::{DAY, HOUR};
use super::windows;
use super::world::{Life, World};

impl World {
    /// The world is mended, and what is left to do is done.
    pub(super) fn heal(&mut self, end: i64) {
        self.tell("all is well again");
        self.events.clear();
        self.machine.fate.strike_at(0);
        (self.fair_again, self.disk_back) = (0, 0);
        self.restart = self.restart.map(|at| at.min(end));
        // The node may have slept beyond it.
        let end = end.max(self.machine.clock.now());
        // Nothing changes any more but by the end of what runs.
        self.poll_every = self.poll_every.max(HOUR / 2);
        self.until(end + 2 * HOUR);
        // Nothing more comes due: what runs or waits ends, and what hangs is aborted, again and again, for the next
        // one of the queue may hang as well.
        for round in 1..=20 {
            let ids: Vec<String> = self.users.iter().map(|(id, _)| id.clone()).collect();
            for id in ids {
                self.stop(&id, "abort");
            }
            self.machine.kill_orphans(|job| self.cloud.jobs.contains_key(job));
            self.next_poll = self.machine.clock.now();
            self.until(end + 2 * HOUR + round * 4 * HOUR);
            if round > 1 && self.is_quiet() {
                break;
            }
        }
        self.until(self.machine.clock.now() + DAY);
    }

    fn is_quiet(&self) -> bool {
        let shelf = self.shelf.lock().expect("single-threaded");
        let done = |state| matches!(state, freezerd::planner::RunState::Done(_));
        shelf.outbox.is_empty()
            && shelf.session_ends.is_empty()
            && shelf.runs.values().all(|run| done(run.state))
    }

    pub(super) fn over(self) -> Life {
        let evidence = self
            .machine
            .agents
            .lock()
            .expect("single-threaded")
            .evidence
            .clone();
        let shelf = self.shelf.lock().expect("single-threaded").clone();
        let ids = || self.users.iter().map(|(id, _)| id);
        let windows = self.outside.map(|outside| windows::of_plans(ids(), outside));
        let windows = windows.unwrap_or_default();
        let members = ids().filter(|id| self.cloud.is_member(id)).cloned().collect();
        Life {
            history: History {
                users: self.users,
                evidence,
                rules: Rules {
                    max_concurrent: self.policy.max_concurrent,
                    catch_up: self.policy.catch_up,
                    set_back: self.set_back,
                    session_refused: self.policy.session_refused,
                },
                verdicts: shelf.verdicts.into_values().collect(),
                runs: shelf.runs,
                plans: shelf.plans.keys().map(|job| job.as_str().to_owned()).collect(),
                reports: shelf.ended,
                waiting: shelf.outbox.len() + shelf.session_ends.len(),
                polled: shelf.polled.map_or(0, |polled| polled.timestamp()),
                told: self.cloud.told,
                jobs: self.cloud.jobs,
                wiped: self.cloud.wiped,
                wanted: self.wanted,
                missing: self.missing,
                windows,
                zones: self.zones,
                members,
                spoken: self
                    .cloud
                    .session
                    .map(|session| session.spoken)
                    .unwrap_or_default(),
            },
            story: self.story,
            kills: self.kills,
        }
    }
}
