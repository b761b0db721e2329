//! What goes between the daemon and the API: listings, questions, reports.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use freezerd::daemon::engine::Errand;
use freezerd::plan::{Digester, Digests, JobId, Plan};
use freezerd::planner::Input;

use super::checker::{Missing, Version};
use super::machine::{Killed, instant};
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

impl World {
    pub(super) fn see_to(&mut self, errand: Errand) {
        let job = match errand {
            Errand::ConfirmGone(job) => job,
            Errand::ReadWhole => {
                self.known.clear();
                return;
            }
            Errand::AskSession(ask) => return self.ask_session(ask),
            Errand::Prepare(_) => unreachable!("no plan of this world asks for that"),
            Errand::Deliver => {
                self.deliver.get_or_insert(self.machine.clock.now());
                return;
            }
        };
        match self.cloud.job(self.weather, job.as_str()) {
            Ok(Some(text)) => {
                let plan = freezerd::plan::parse(&text, job.as_str()).expect("a plan").plan;
                self.step(vec![Input::Seen(Box::new(plan))]);
            }
            Ok(None) => {
                let wall = self.machine.clock.wall();
                self.missing.push(Missing {
                    job: job.as_str().to_owned(),
                    listed: self.listed,
                    known: self.machine.started(),
                });
                if self.step_safely(vec![Input::Gone(job.clone())]) {
                    let user = self.users.iter_mut().find(|(id, _)| id == job.as_str());
                    if let Some(version) = user.and_then(|(_, versions)| versions.last_mut()) {
                        version.known.get_or_insert(wall);
                    }
                }
            }
            // The next listing asks again.
            Err(_) => {}
        }
    }

    pub(super) fn poll(&mut self) {
        let now = self.machine.clock.now();
        let jitter = Rng::of(self.seed, &now.to_string()).within(0, self.poll_every);
        self.next_poll = now + self.poll_every + jitter;
        let Ok(plans) = self.cloud.list(self.weather, self.page) else {
            return;
        };
        let latest = |(id, versions): &(String, Vec<Version>)| (id.clone(), versions.len() - 1);
        let slow = match self.weather {
            Weather::Slow(seconds) => seconds,
            _ => 0,
        };
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
        self.decides = true;
        // As the daemon reads listings: what is as it was in the one before is left out.
        let digester = Digester::default();
        let told: Vec<_> = plans.iter().map(|plan| digester.digest(&plan.document)).collect();
        let digests: Arc<Digests> = Arc::new(told.iter().copied().collect());
        let each = plans.into_iter().zip(told);
        let news = each
            .filter(|(_, digest)| !self.known.contains(digest))
            .map(|(plan, _)| plan);
        let pages = vec![Input::Page(news.collect())];
        self.known = Digests::clone(&digests);
        let over = Input::Listed {
            began,
            digests,
            broken,
        };
        self.listed = self.machine.started();
        let inputs = pages.into_iter().chain([over]).collect();
        if !self.step_safely(inputs) {
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

    pub(super) fn deliver_later(&mut self) {
        self.deliver = Some(self.machine.clock.now() + self.pause);
        self.pause = (self.pause * 2).min(60);
    }

    /// What waits in the outbox goes to the API, oldest first; a failure waits with back-off.
    pub(super) fn deliver_reports(&mut self) {
        self.deliver = None;
        let mut waiting: Vec<_> = {
            let shelf = self.shelf.lock().expect("single-threaded");
            shelf
                .outbox
                .iter()
                .map(|(job, one)| (job.clone(), one.clone()))
                .collect()
        };
        waiting.sort_by_key(|(_, (number, _))| *number);
        if !self.deliver_session_ends(None) {
            return;
        }
        let fate = Arc::clone(&self.machine.fate);
        for (job, (number, report)) in waiting {
            let now = self.machine.clock.now();
            let (cloud, shelf, weather) = (&mut self.cloud, &self.shelf, self.weather);
            let sent = catch_unwind(AssertUnwindSafe(|| {
                fate.strikes();
                let said = cloud.report(weather, job.as_str(), &report, now);
                fate.strikes();
                if said.is_err() || fate.disk_fails() {
                    return false;
                }
                shelf.lock().expect("single-threaded").delivered(&job, number);
                fate.strikes();
                true
            }));
            match sent {
                Ok(true) => self.pause = 1,
                Ok(false) => return self.deliver_later(),
                Err(payload) if payload.is::<Killed>() => return self.die(),
                Err(payload) => std::panic::resume_unwind(payload),
            }
        }
    }
}
