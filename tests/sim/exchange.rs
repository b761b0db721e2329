//! What goes between the daemon and the API: listings, and questions about single plans.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freezerd::daemon::listing::Source;
use freezerd::daemon::main_loop::{Event as Came, Task};
use freezerd::plan::{Digester, Digests, JobId, Plan};
use freezerd::planner::Input;

use super::checker::{Missing, Version};
use super::keeping::{PATIENCE, ready};
use super::machine::instant;
use super::rng::Rng;
use super::script::Weather;
use super::world::World;

/// A listing on its way: when it was asked for (wall), what it holds, and which version of each plan that is.
pub(super) struct Listed {
    pub(super) began: i64,
    pub(super) arrives: i64,
    pub(super) plans: Vec<Plan>,
    pub(super) versions: BTreeMap<String, usize>,
}

/// Whether a plan is gone: an answer on its way.
pub(super) struct Confirmed {
    asked: i64,
    pub(super) arrives: i64,
    job: JobId,
    /// Which version of the plan that was.
    version: usize,
    answer: Option<Input>,
}

impl World {
    pub(super) fn see_to(&mut self, task: Task) {
        match task {
            Task::Confirm(job) => self.confirm(job),
            Task::ReadWhole => self.known.clear(),
            Task::Ask(ask) => self.ask_session(ask),
            Task::Prepare(run) => self.prepare(run),
            Task::Deliver => self.ring(),
        }
    }

    /// Asks whether a plan is gone; the answer takes its time.
    fn confirm(&mut self, job: JobId) {
        let (now, late) = (self.machine.clock.now(), self.late());
        let user = self.users.iter().find(|(id, _)| id == job.as_str());
        let version = user.map_or(0, |(_, versions)| versions.len().saturating_sub(1));
        self.cloud().too_slow = late > PATIENCE;
        let source = self.api.clone().map(Source::Api);
        let answer = self.beside(|_, _| source.map(|source| ready(source.confirm(&job, true))));
        self.cloud().too_slow = false;
        let Some(answer) = answer.flatten() else {
            return;
        };
        self.confirmed.push(Confirmed {
            asked: now,
            arrives: now + late.min(PATIENCE),
            job,
            version,
            answer,
        });
    }

    pub(super) fn confirmed(&mut self, confirmed: Confirmed) {
        let Confirmed { job, answer, .. } = confirmed;
        let now = self.machine.clock.now();
        let (wall, gone) = (self.machine.clock.wall(), matches!(answer, Some(Input::Gone(_))));
        // One that is long in coming is not waited for.
        if gone && confirmed.asked == now {
            self.missing.push(Missing {
                job: job.as_str().to_owned(),
                listed: self.listed,
                known: self.machine.started(),
            });
        }
        if self.come_safely(Came::Confirmed(job.clone(), answer)) && gone {
            let user = self.users.iter_mut().find(|(id, _)| id == job.as_str());
            if let Some(version) = user.and_then(|(_, versions)| versions.get_mut(confirmed.version)) {
                version.known.get_or_insert(wall);
            }
        }
    }

    /// How long answers take.
    pub(super) fn late(&self) -> i64 {
        match self.weather {
            Weather::Slow(seconds) => seconds,
            _ => 0,
        }
    }

    pub(super) fn poll(&mut self) {
        let now = self.machine.clock.now();
        let jitter = Rng::of(self.seed, &now.to_string()).within(0, self.poll_every);
        self.next_poll = now + self.poll_every + jitter;
        let listed = self.cloud().list(self.weather, self.page);
        let Ok(plans) = listed else {
            // Its pages were told as they came.
            let read = std::mem::take(&mut self.cloud().broken_off);
            let digester = Digester::default();
            let new = |plan: &Plan| !self.known.contains(&digester.digest(&plan.document));
            let news: Vec<Plan> = read.into_iter().filter(new).collect();
            if !news.is_empty() {
                self.come(Came::Page(news));
            }
            self.come(Came::BrokenOff);
            return;
        };
        let latest = |(id, versions): &(String, Vec<Version>)| (id.clone(), versions.len() - 1);
        let slow = self.late();
        self.next_poll += slow;
        self.listing = Some(Listed {
            began: self.machine.clock.wall(),
            arrives: now + slow,
            plans,
            versions: self.users.iter().map(latest).collect(),
        });
    }

    pub(super) fn listing_arrives(&mut self) {
        let Some(listed) = self.listing.take() else { return };
        let (plans, broken) = (listed.plans, Vec::new());
        let shown: BTreeSet<JobId> = plans.iter().map(|plan| plan.id.clone()).collect();
        let began = instant(listed.began);
        self.begin = None;
        // As the daemon reads listings: what is as it was in the one before is left out.
        let digester = Digester::default();
        let told: Vec<_> = plans.iter().map(|plan| digester.digest(&plan.document)).collect();
        let digests: Arc<Digests> = Arc::new(told.iter().copied().collect());
        let each = plans.into_iter().zip(told);
        let news = each
            .filter(|(_, digest)| !self.known.contains(digest))
            .map(|(plan, _)| plan);
        let news: Vec<Plan> = news.collect();
        for page in news.chunks(self.page) {
            self.come(Came::Page(page.to_vec()));
        }
        if self.daemon.is_none() {
            return;
        }
        self.known = Digests::clone(&digests);
        let over = Came::Listed {
            began,
            digests,
            broken,
        };
        self.listed = self.machine.started();
        if !self.come_safely(over) {
            return;
        }
        let wall = self.machine.clock.wall();
        for (id, versions) in &mut self.users {
            let shown = shown.contains(&JobId::new(id));
            if let Some(version) = listed.versions.get(id).and_then(|at| versions.get_mut(*at))
                && shown
            {
                version.known.get_or_insert(wall);
            }
        }
    }
}
