//! The event launcher: runs nothing here, but asks whoever keeps the plans to start one, and follows what the
//! plan's document says of that run until its outcome is known. For nodes without an agent.
//!
//! **At most one start.** The request is noted in the state directory before it is sent ([`traces`]). When its answer
//! is lost, or the daemon dies before it hears it, the plan's document is watched, and only when that shows no start
//! for a good while after the request can have arrived, the run is handed back to the planner, to be tried again.
//! Before every request the document is looked at: a plan that runs already, is disabled, stopped or gone is not asked
//! for.
//!
//! What a document says of a run is judged in [`course`], without clocks; [`follow`] is the life of one run. Each look
//! is one request, every few seconds at first and then less and less often; while nothing is followed nothing is asked.
//! Listings that come in anyway are looked at too.
//!
//! It does not know the API: it is handed a [`Service`].

mod course;
mod follow;
#[cfg(test)]
mod tests;
mod traces;
mod waited;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::plan::{JobId, Plan, ProjectId};
use crate::planner::{NotStarted, RunId};

use super::{Found, LaunchError, LaunchEvent, Launcher, Recipe};

pub use course::Sight;
use follow::Follower;
pub(super) use traces::ASKED;
use traces::{Left, Phase, Traces};

/// What a plan can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To run now.
    Start,
    /// To end its run.
    Abort,
}

/// Who keeps the plans, and starts them when asked.
pub trait Service: Send + Sync + 'static {
    /// The plan's document as it is now; `None`: there is no such plan.
    fn look(&self, job: &JobId) -> impl Future<Output = Result<Option<Sight>, Trouble>> + Send;
    /// Asks once, and never again by itself.
    fn ask(
        &self,
        job: &JobId,
        project: Option<&ProjectId>,
        wish: Wish,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;
}

/// Why the service gave no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Trouble {
    /// What went wrong, for people.
    pub text: String,
    /// What became of the request.
    pub fate: Fate,
}

impl Trouble {
    /// What that means to a run that is still to be asked for.
    fn not_started(&self) -> NotStarted {
        NotStarted::Away {
            detail: format!("the API cannot be asked: {self}"),
        }
    }
}

/// What became of a request that got no good answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing was done; later it may be.
    NotDone,
    /// It was looked at and refused, so asking again is useless.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// How long a run is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From when the request was taken to the start.
    pub start_within: TimeDelta,
    /// From the start to the end; then the run is given up as lost.
    pub run_limit: TimeDelta,
}

/// Asks for runs, and follows them. Dropping it ends no run; one that is made afterwards finds them.
pub struct EventLauncher<S> {
    inner: Arc<Inner<S>>,
}

struct Inner<S> {
    service: S,
    traces: Traces,
    patience: Patience,
    clock: Arc<dyn Clock>,
    events: UnboundedSender<LaunchEvent>,
    tasks: tokio::runtime::Handle,
    followed: Mutex<HashMap<RunId, Followed>>,
}

/// What a listing said of a plan, and when that listing was asked for.
type Listed = Option<(DateTime<Utc>, Sight)>;

/// A run that is being asked for or followed: the daemon's end of it.
struct Followed {
    job: JobId,
    started: Option<DateTime<Utc>>,
    /// Somebody wants it ended.
    abort: Arc<Notify>,
    listed: watch::Sender<Listed>,
}

impl<S: Service> EventLauncher<S> {
    /// A launcher whose traces survive in `state_dir`. To be called within a tokio runtime. What becomes of the
    /// runs is told on `events`.
    ///
    /// # Errors
    /// When the directory cannot be used, or there is no runtime.
    pub fn new(
        state_dir: &Path,
        service: S,
        patience: Patience,
        clock: Arc<dyn Clock>,
        events: UnboundedSender<LaunchEvent>,
    ) -> Result<Self, LaunchError> {
        let tasks = tokio::runtime::Handle::try_current().map_err(|problem| LaunchError::Setup {
            what: "use",
            path: state_dir.to_owned(),
            source: std::io::Error::other(problem),
        })?;
        let inner = Inner {
            service,
            traces: Traces::new(state_dir)?,
            patience,
            clock,
            events,
            tasks,
            followed: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

/// Who wants to hear what listings say.
pub trait Listener: Send + Sync {
    /// Plans of a listing that was asked for at `began`.
    fn listed(&self, began: DateTime<Utc>, plans: &[Plan]);

    /// The jobs of which it waits to hear, be they as they were.
    fn awaited(&self) -> Vec<JobId>;
}

impl<S: Service> Listener for EventLauncher<S> {
    fn listed(&self, began: DateTime<Utc>, plans: &[Plan]) {
        let followed = self.inner.followed();
        if followed.is_empty() {
            return;
        }
        let by_job: HashMap<&JobId, &Followed> = followed
            .values()
            .map(|followed| (&followed.job, followed))
            .collect();
        for plan in plans {
            if let Some(followed) = by_job.get(&plan.id) {
                followed.listed.send_replace(Some((began, Sight::from(plan))));
            }
        }
    }

    fn awaited(&self) -> Vec<JobId> {
        let followed = self.inner.followed();
        followed.values().map(|followed| followed.job.clone()).collect()
    }
}

impl<S> Inner<S> {
    /// Never held while something waits. A panic under it cannot have left the map half changed.
    fn followed(&self) -> MutexGuard<'_, HashMap<RunId, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Service> Inner<S> {
    /// Takes the run in hand; `None`: it is already.
    fn take(
        self: &Arc<Self>,
        run: &RunId,
        job: &JobId,
        started: Option<DateTime<Utc>>,
    ) -> Option<Follower<S>> {
        let (listed, listing) = watch::channel(None);
        let abort = Arc::new(Notify::new());
        match self.followed().entry(run.clone()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => place.insert(Followed {
                job: job.clone(),
                started,
                abort: Arc::clone(&abort),
                listed,
            }),
        };
        Some(Follower::new(
            Arc::clone(self),
            run.clone(),
            job.clone(),
            abort,
            listing,
        ))
    }
}

impl<S: Service> Launcher for EventLauncher<S> {
    fn start(&self, recipe: &Recipe) -> Result<(), LaunchError> {
        let run = &recipe.run;
        let already = || LaunchError::AlreadyStarted { run: run.clone() };
        if self.inner.traces.read(run)? != Left::Nothing {
            return Err(already());
        }
        let follower = self.inner.take(run, &recipe.job, None).ok_or_else(already)?;
        self.inner.tasks.spawn(follower.ask());
        Ok(())
    }

    fn find(&self, run: &RunId) -> Result<Found, LaunchError> {
        let alive = |started| Ok(Found::Alive { pid: 0, started });
        let followed = self.inner.followed().get(run).map(|followed| followed.started);
        if let Some(started) = followed {
            return alive(started);
        }
        let trace = match self.inner.traces.read(run)? {
            Left::Nothing => return Ok(Found::Never),
            Left::Damaged => return Ok(Found::Lost),
            Left::Trace(trace) => trace,
        };
        if let Phase::Ended(report) = trace.phase {
            return Ok(Found::Ended(report));
        }
        let started = trace.since();
        if let Some(follower) = self.inner.take(run, &trace.job, started) {
            self.inner.tasks.spawn(follower.resume(trace));
        }
        alive(started)
    }

    /// Asks the service to end it, as soon as it is seen to run.
    fn abort(&self, run: &RunId) -> Result<(), LaunchError> {
        if let Some(followed) = self.inner.followed().get(run) {
            followed.abort.notify_one();
        }
        Ok(())
    }

    fn forget(&self, run: &RunId) {
        self.inner.followed().remove(run);
        if let Err(problem) = self.inner.traces.remove(run) {
            tracing::warn!(%run, %problem, "the trace of a recorded run could not be removed");
        }
    }
}
