//! The end of a life: all is mended, what is left to do is done, and what is left is for the checker.

use freezerd::planner::Verdict;

use super::checker::{Between, History, Rules};
use super::life::{Life, TOGETHER};
use super::script::{DAY, HOUR};
use super::windows;
use super::world::World;

impl World {
    /// The world is mended, and what is left to do is done.
    pub(super) fn heal(&mut self, end: i64) {
        self.tell("all is well again");
        self.events.clear();
        self.machine.fate.strike_at(0);
        self.machine.lose_agent(0);
        self.shadow(false);
        (self.fair_again, self.disk_back) = (0, 0);
        self.cloud().refuses = 0;
        self.cloud().keystone.give_all_back();
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
            self.machine
                .kill_orphans(|job| self.cloud().jobs.contains_key(job));
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
            && shelf.untold_backups().is_empty()
            && shelf.pending_drafts().is_empty()
            && shelf.runs.values().all(|run| done(run.state))
    }

    pub(super) fn over(self) -> Life {
        let (evidence, unstarted) = {
            let agents = self.machine.agents.lock().expect("single-threaded");
            (agents.evidence.clone(), agents.unstarted.clone())
        };
        let shelf = self.shelf.lock().expect("single-threaded").clone();
        let ids = || self.users.iter().map(|(id, _)| id);
        let windows = self.outside.map(|outside| windows::of_plans(ids(), outside));
        let windows = windows.unwrap_or_default();
        let trust = |id: &String| Some((id.clone(), self.trust(id)?));
        let trusts = ids().filter_map(trust).collect();
        let members = ids().filter(|id| self.cloud().is_member(id)).cloned().collect();
        let records = shelf.untold_backups().len() + shelf.pending_drafts().len();
        let cloud = std::mem::take(&mut *self.cloud());
        let mut tally = self.tally;
        tally.extend(self.machine.fate.failed());
        let disk: u64 = self.machine.fate.failed().iter().map(|(_, times)| times).sum();
        let between = if self.kills > 0 || disk + cloud.unheard > 0 {
            Between::Doubt
        } else if cloud.unanswered > 0 || !self.troubles.is_empty() {
            Between::Refusals
        } else {
            Between::Nothing
        };
        tally.insert(between.word(), 1);
        tally.insert(TOGETHER, shelf.together);
        for record in shelf.verdicts.values() {
            if let Verdict::Skipped(reason) = record.verdict {
                *tally.entry(reason.word()).or_default() += 1;
            }
        }
        Life {
            history: History {
                users: self.users,
                evidence,
                unstarted,
                afresh: self.afresh,
                rules: Rules {
                    max_concurrent: self.policy.max_concurrent,
                    catch_up: self.policy.catch_up,
                    set_back: self.set_back,
                    late_news: 0,
                    session_refused: self.policy.session_refused,
                    central: self.policy.central,
                    stepped: self.stepped,
                },
                verdicts: shelf.verdicts.into_values().collect(),
                runs: shelf.runs,
                plans: shelf.plans.keys().map(|job| job.as_str().to_owned()).collect(),
                reports: shelf.ended,
                waiting: shelf.outbox.len() + shelf.session_ends.len() + records,
                polled: shelf.polled.map_or(0, |polled| polled.timestamp()),
                told: cloud.told,
                written: cloud.written,
                between,
                jobs: cloud.jobs,
                wiped: cloud.wiped,
                wanted: self.wanted,
                missing: self.missing,
                windows,
                zones: self.zones,
                members,
                records: cloud.backups.there.into_values().collect(),
                removed: cloud.backups.removed,
                trusts,
                asked: cloud.keystone.asked,
                troubles: self.troubles,
                shadows: self.shadows,
                clock: self.clock,
                spoken: cloud.session.map(|session| session.spoken).unwrap_or_default(),
            },
            tally,
            story: self.story,
            kills: self.kills,
            faults: cloud.faults,
            places: self.machine.fate.places(),
        }
    }
}
