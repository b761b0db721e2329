//! What freezerd's own client does beside the loop: runs are prepared at the API.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use freezerd::daemon::engine::Prepared;
use freezerd::daemon::main_loop::Event as Came;
use freezerd::daemon::prepare::Preparation;
use freezerd::daemon::recipes::Drafts;
use freezerd::freezer::Api;
use freezerd::planner::RunId;
use tokio::runtime::Runtime;

use super::checker::{Asked, Given, Refusal, Unstarted};
use super::fate::Killed;
use super::life::SHUT;
use super::machine::instant;
use super::shelf::Hand;
use super::world::World;

/// How long a run waits for the API, in seconds.
pub(super) const PATIENCE: i64 = 30;

/// Where limits of time are set: they take one, though nothing here lasts so long that one is reached.
static TIMERS: LazyLock<Runtime> = LazyLock::new(|| {
    let timers = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    timers.expect("a runtime")
});

/// What comes of a future that waits for nothing: this world's servers answer at once.
pub fn ready<F: Future>(future: F) -> F::Output {
    let _entered = TIMERS.enter();
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits for something"),
    }
}

/// An answer on its way.
pub(super) struct Readied {
    pub(super) arrives: i64,
    run: RunId,
    job: String,
    prepared: Prepared,
}

impl World {
    pub(super) fn hand(&self) -> Hand {
        Hand {
            shelf: Arc::clone(&self.shelf),
            fate: Arc::clone(&self.machine.fate),
        }
    }

    /// Works with the API, in which the daemon may be killed: then there is nothing.
    pub(super) fn beside<T>(&mut self, work: impl FnOnce(&Api, &Hand) -> T) -> Option<T> {
        let (api, hand) = (Arc::clone(self.api.as_ref()?), self.hand());
        match catch_unwind(AssertUnwindSafe(|| work(&api, &hand))) {
            Ok(done) => Some(done),
            Err(payload) if payload.is::<Killed>() => {
                self.die();
                None
            }
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }

    /// Asks the API for what a run must find there; the answer takes its time, and is given up when that is too long.
    pub(super) fn prepare(&mut self, run: RunId) {
        let Some(daemon) = &self.daemon else { return };
        let Some((record, plan)) = daemon.engine.preparing(&run) else {
            return;
        };
        let preparation = Preparation {
            run: record.clone(),
            plan: Arc::clone(plan),
            trust: daemon.engine.recipes().trust(plan).cloned(),
            account: self.hand(),
            clock: Arc::clone(&self.machine.clock) as Arc<dyn freezerd::clock::Clock>,
        };
        let slow = self.late();
        let now = self.machine.clock.now();
        let mut drafts = Drafts::new();
        let mut done = Ok(());
        if slow > PATIENCE {
            if let Some(trust) = &preparation.trust {
                let (trust, at, given) = (trust.to_string(), now, Given::Nothing);
                self.cloud().keystone.asked.push(Asked { trust, at, given });
            }
        } else {
            let carried_out = self.beside(|api, _| ready(preparation.carry_out(api, &mut drafts)));
            let Some(carried_out) = carried_out else { return };
            done = carried_out;
        }
        self.readied.push(Readied {
            arrives: now + slow.min(PATIENCE),
            job: preparation.run.job.as_str().to_owned(),
            run,
            prepared: done.map(|()| drafts),
        });
    }

    /// One that is prepared, and by now there.
    pub(super) fn take_readied(&mut self, now: i64) -> bool {
        // As the daemon's loop, which hears first of what ended.
        self.hear();
        let Some(at) = self.readied.iter().position(|one| one.arrives <= now) else {
            return false;
        };
        let Readied {
            run, job, prepared, ..
        } = self.readied.remove(at);
        let aborted = |daemon: &super::world::Daemon| daemon.engine.preparing(&run).is_none();
        if prepared.is_err() && !self.daemon.as_ref().is_none_or(aborted) {
            let mut agents = self.machine.agents.lock().expect("single-threaded");
            agents.unstarted.push(Unstarted {
                run: run.clone(),
                job,
                at: now,
                by: Refusal::Trust,
            });
        }
        let wall = self.machine.clock.wall();
        let shut = |daemon: &super::world::Daemon| {
            daemon.engine.preparing(&run).is_some() && !daemon.engine.planner().may_start(&run, instant(wall))
        };
        if prepared.is_ok() && self.daemon.as_ref().is_some_and(shut) {
            *self.tally.entry(SHUT).or_default() += 1;
        }
        self.come(Came::Prepared(run, prepared));
        true
    }
}
