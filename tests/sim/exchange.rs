//! What goes between the daemon and the API: listings, and questions about single plans.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freezerd::daemon::engine::Errand;
use freezerd::plan::{Digester, Digests, JobId, Plan};
use freezerd::planner::Input;

use super::checker::{Missing, Version};
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

impl World {
    pub(super) fn see_to(&mut self, errand: Errand) {
        let job = match errand {
            Errand::ConfirmGone(job) => job,
            Errand::ReadWhole => {
                self.known.clear();
                return;
            }
            Errand::AskSession(ask) => return self.ask_session(ask),
            Errand::Prepare(run) => return self.prepare(run),
            Errand::Deliver => return self.ring(),
        };
        let asked = self.cloud().job(self.weather, job.as_str());
        match asked {
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
        let listed = self.cloud().list(self.weather, self.page);
        let Ok(plans) = listed else {
            // Its pages were told as they came.
            let read = std::mem::take(&mut self.cloud().broken_off);
            let digester = Digester::default();
            let new = |plan: &Plan| !self.known.contains(&digester.digest(&plan.document));
            let news: Vec<Plan> = read.into_iter().filter(new).collect();
            if !news.is_empty() {
                self.step(vec![Input::Page(news)]);
            }
            self.step(vec![Input::BrokenOff]);
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
            self.step(vec![Input::Page(page.to_vec())]);
        }
        if self.daemon.is_none() {
            return;
        }
        self.known = Digests::clone(&digests);
        let over = Input::Listed {
            began,
            digests,
            broken,
        };
        self.listed = self.machine.started();
        // Before the first whole listing, or the end of its patience, it decides nothing.
        self.decides = true;
        if !self.step_safely(vec![over]) {
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
