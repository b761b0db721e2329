//! What goes between the daemon and the API: listings, questions, reports.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use freezerd::daemon::engine::Errand;
use freezerd::freezer::ApiError;
use freezerd::plan::{Digester, Digests, JobId, Plan};
use freezerd::planner::Input;

use super::checker::{Missing, Version};
use super::cloud::Cloud;
use super::fate::{Disk, Killed};
use super::keeping::ready;
use super::machine::instant;
use super::rng::Rng;
use super::script::Weather;
use super::shelf::Shelf;
use super::world::World;

/// The longest pause of the outbox after a failure. The daemon's own is a minute; but most of a life in which the API
/// refuses everything would go into rounds that differ in nothing.
const LONGEST_PAUSE: i64 = 300;

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
            Errand::Deliver => {
                self.deliver.get_or_insert(self.machine.clock.now());
                return;
            }
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

    pub(super) fn deliver_later(&mut self) {
        if self.deliver.is_some() {
            return;
        }
        self.deliver = Some(self.machine.clock.now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// What waits in the outbox goes to the API, oldest first; a failure waits with back-off. As the daemon does: what
    /// the API refuses holds up nothing else, and one sort does not hold up the other.
    pub(super) fn deliver_reports(&mut self) {
        self.deliver = None;
        // In shadow nothing is written to the API.
        if self.policy.shadow {
            return;
        }
        self.deliver_records();
        if self.daemon.is_none() {
            return;
        }
        self.deliver_session_ends(None);
        if self.daemon.is_none() {
            return;
        }
        let mut waiting: Vec<_> = {
            let shelf = self.shelf.lock().expect("single-threaded");
            shelf
                .outbox
                .iter()
                .map(|(job, one)| (job.clone(), one.clone(), shelf.trust_for(job)))
                .collect()
        };
        waiting.sort_by_key(|(_, (number, _), _)| *number);
        let Some(api) = self.api.clone() else { return };
        for (job, (number, report), trust) in waiting {
            let goes_on = self.deliver(
                |_, _| ready(api.report(&job, trust.as_ref(), &report)).map(|_| ()),
                |shelf| shelf.delivered(&job, number),
            );
            if !goes_on {
                return;
            }
        }
    }

    /// Sends one thing of the outbox, and notes that it was taken. Whether the next one may fare better.
    pub(super) fn deliver(
        &mut self,
        send: impl FnOnce(&Mutex<Cloud>, Weather) -> Result<(), ApiError>,
        note: impl FnOnce(&mut Shelf),
    ) -> bool {
        let fate = Arc::clone(&self.machine.fate);
        let (cloud, shelf, weather) = (&self.cloud, &self.shelf, self.weather);
        let sent = catch_unwind(AssertUnwindSafe(|| {
            fate.strikes();
            let said = send(cloud, weather);
            fate.strikes();
            match said {
                Err(error) => Some(error.is_transient()),
                Ok(()) if fate.disk_fails(Disk::Delivered) => Some(true),
                Ok(()) => {
                    note(&mut shelf.lock().expect("single-threaded"));
                    fate.strikes();
                    None
                }
            }
        }));
        match sent {
            Ok(None) => {
                self.pause = 1;
                true
            }
            Ok(Some(away)) => {
                self.deliver_later();
                !away
            }
            Err(payload) if payload.is::<Killed>() => {
                self.die();
                false
            }
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }
}
