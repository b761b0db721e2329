//! The loop, and what it holds in its hands.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use crate::clock::{self, Clock, Timer, TimerError, Woke};
use crate::config::Settings;
use crate::launch::LaunchEvent;
use crate::launch::event::Listener;
use crate::ledger::Ledger;
use crate::observe::health::Health;
use crate::observe::http;
use crate::observe::logs::LogHandle;
use crate::observe::metrics::Metrics;
use crate::observe::notify::Notifier;
use crate::plan::Digester;
use crate::planner::RunId;
use crate::schedule::DueTime;
use crate::zones::Zones;

use super::clock_behind::{Believed, Waiting};
use super::copying::{self, Copier};
use super::engine::{Errand, Prepared};
use super::listing::{self, Memory, Polled, Polling};
use super::main_loop::{Event, MainLoop};
use super::outbox::{Bell, Outbox};
use super::reading::Reading;
use super::register::{self, BackOff, Contact};
use super::session_ends::Turns;
use super::signals::Wish;
use super::trouble::Trouble;
use super::witness::{Shelf, Teller};
use super::{DaemonError, Start};

/// How soon a ledger that could not be written may be tried again: the engine says whether it is.
const LEDGER_RETRY: Duration = Duration::from_secs(5);
/// Whoever wakes this much too late was suspended or stalled: news of runs may be on its way.
const LATE: TimeDelta = TimeDelta::seconds(2);
/// How long such news is waited for.
const NEWS: Duration = Duration::from_millis(50);

/// A running daemon. [`Daemon::open`] makes one.
pub(super) struct Daemon {
    pub(super) start: Start,
    pub(super) started_with: Settings,
    pub(super) log: LogHandle,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) zones: Zones,
    pub(super) main_loop: MainLoop<Shelf, Teller>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) notifier: Arc<Notifier>,
    pub(super) polling: watch::Sender<Polling>,
    /// Hears what listings say: runs that were started elsewhere are seen in them.
    pub(super) listener: Arc<dyn Listener>,
    pub(super) contact: watch::Sender<Contact>,
    pub(super) copier: Copier,
    pub(super) keep: Duration,
    pub(super) stop_grace: Duration,
    pub(super) health: Arc<Health>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) bell: Arc<Bell>,
    pub(super) launches: mpsc::UnboundedReceiver<LaunchEvent>,
    pub(super) wishes: mpsc::UnboundedReceiver<Wish>,
    pub(super) answers: mpsc::UnboundedReceiver<Answer>,
    pub(super) ask: mpsc::UnboundedSender<Answer>,
    pub(super) prepared: mpsc::UnboundedReceiver<(RunId, Prepared)>,
    pub(super) prepare: mpsc::UnboundedSender<(RunId, Prepared)>,
    pub(super) turns: Arc<Turns>,
    pub(super) timer: Timer,
    pub(super) proves_absence: bool,
    pub(super) trouble: Trouble,
    /// What the ledger's upkeep has come to.
    pub(super) upkeep: super::upkeep::Upkeep,
    pub(super) digester: Digester,
    /// What the poller begins with.
    pub(super) reading: Option<Reading>,
    /// The poller is to read the next listing whole.
    pub(super) read_whole: Arc<AtomicBool>,
    pub(super) http: Option<http::Bound>,
}

/// What those who were asked say.
pub(super) enum Answer {
    /// The source, or a session.
    Asked(Event),
    /// Nobody: it is time to remove more of what is old.
    PruneOn,
    /// More of it may go on in one row.
    CondenseOn,
}

/// What the loop woke for.
enum Woken {
    Wish(Wish),
    Launch(LaunchEvent),
    Polled(Polled),
    Answer(Answer),
    Prepared(RunId, Prepared),
    Asked,
    Clock(Woke),
    Begin,
    Retry,
}

impl Daemon {
    /// Lives until it is told to stop.
    pub(super) async fn live(mut self) -> Result<(), DaemonError> {
        let (results, mut polls) = mpsc::channel(1);
        let poll_now = Arc::new(Notify::new());
        let mut tasks = self.tasks(Arc::clone(&poll_now), results);
        let found = self.main_loop.find_launched()?;
        self.see_to(found);
        self.announce();
        let mut first = None;
        let waiting = Waiting {
            clock: &*self.clock,
            timer: &mut self.timer,
            wishes: &mut self.wishes,
            health: &self.health,
        };
        let polled = self.main_loop.engine.planner().polled();
        match waiting.until_believed(polled).await.map_err(lost_timer)? {
            Believed::Clock => {}
            Believed::Reload => first = Some(Woken::Wish(Wish::Reload)),
            Believed::Stop => return Ok(()),
        }

        let grace = clock::pause(self.started_with.dispatch.start_grace);
        let mut farewell: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(std::future::pending());
        tokio::pin!(grace);
        loop {
            let due = self.main_loop.wake();
            let wake = due.map(DueTime::instant);
            let ahead = self.main_loop.engine.ahead_of(due, self.clock.now());
            let (begun, settled) = (self.main_loop.has_begun(), self.main_loop.is_settled());
            let woken = tokio::select! {
                biased;
                woken = std::future::ready(first.take()), if first.is_some() => woken.unwrap_or(Woken::Retry),
                Some(wish) = self.wishes.recv() => Woken::Wish(wish),
                Some(event) = self.launches.recv() => Woken::Launch(event),
                woke = self.timer.wait(ahead.as_ref().map(|(_, at)| *at).or(wake)) => {
                    Woken::Clock(woke.map_err(lost_timer)?)
                }
                Some(polled) = polls.recv() => Woken::Polled(polled),
                Some(answer) = self.answers.recv() => Woken::Answer(answer),
                Some((run, prepared)) = self.prepared.recv() => Woken::Prepared(run, prepared),
                () = &mut grace, if !begun => Woken::Begin,
                () = &mut farewell => break,
                Some(ended) = tasks.join_next() => return Err(lost_task(ended)),
                () = self.health.asked() => Woken::Asked,
                () = clock::pause(LEDGER_RETRY), if !settled => Woken::Retry,
            };
            let event = match woken {
                Woken::Wish(Wish::Reload) if self.main_loop.is_stopping() => {
                    tracing::info!("stopping: the configuration is not read again");
                    Event::Nothing
                }
                Woken::Wish(Wish::Reload) => {
                    let policy = self.reload();
                    poll_now.notify_one();
                    policy.map_or(Event::Nothing, Event::Policy)
                }
                Woken::Wish(Wish::Stop) if self.main_loop.is_stopping() => break,
                Woken::Wish(Wish::Stop) => {
                    farewell = Box::pin(self.farewell());
                    Event::Stop
                }
                Woken::Launch(event) => Event::Launch(event),
                Woken::Answer(Answer::Asked(event)) => event,
                Woken::Answer(Answer::PruneOn) => {
                    self.prune_on();
                    Event::Nothing
                }
                Woken::Answer(Answer::CondenseOn) => {
                    self.condense_on();
                    Event::Nothing
                }
                Woken::Prepared(run, prepared) => Event::Prepared(run, prepared),
                Woken::Polled(polled) => self.polled(polled),
                Woken::Begin => {
                    tracing::warn!("no listing yet: going on with the plans of the ledger");
                    Event::Begin
                }
                Woken::Clock(Woke::ClockStepped) => {
                    tracing::warn!("the wall clock was set, or the machine was asleep");
                    clock::pause(NEWS).await;
                    Event::ClockStepped
                }
                Woken::Clock(Woke::Due) if let Some((run, _)) = &ahead => {
                    self.main_loop.engine.get_ready(run);
                    continue;
                }
                Woken::Clock(Woke::Due) => {
                    if wake.is_some_and(|due| self.clock.now() - due > LATE) {
                        clock::pause(NEWS).await;
                    }
                    Event::Due
                }
                // Who asks is answered below, as are those who ask while something else goes on.
                Woken::Asked | Woken::Retry => Event::Nothing,
            };
            let news = std::iter::from_fn(|| self.launches.try_recv().ok());
            let left = self.main_loop.take(event, news)?;
            self.see_to(left);
            if let Some(damage) = self.upkeep.damage.take() {
                return Err(DaemonError::Ledger(damage));
            }
            self.tell_readiness();
            self.health.heartbeat(|| self.refresh_gauges());
        }
        tracing::info!("stopped; runs that are under way go on");
        Ok(())
    }

    /// Everything that has a life of its own. None of them ends; all of them end with the loop.
    fn tasks(&mut self, poll_now: Arc<Notify>, results: mpsc::Sender<Polled>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let (polling, clock) = (self.polling.subscribe(), Arc::clone(&self.clock));
        if let Some(reading) = self.reading.take() {
            let whole = Arc::clone(&self.read_whole);
            let memory = Memory { reading, whole };
            tasks.spawn(listing::forever(polling, poll_now, clock, memory, results));
        }
        let outbox = Outbox {
            ledger: Shelf(Arc::clone(&self.ledger)),
            polling: self.polling.subscribe(),
            turns: Arc::clone(&self.turns),
            bell: Arc::clone(&self.bell),
            metrics: Arc::clone(&self.metrics),
            shadow: self.start.shadow,
        };
        tasks.spawn(outbox.forever());
        tasks.spawn(copying::forever(self.copier.orders(), Arc::clone(&self.metrics)));
        if !self.start.shadow {
            let (polling, contact) = (self.polling.subscribe(), self.contact.subscribe());
            tasks.spawn(register::forever(polling, contact, BackOff::default()));
        }
        let (notifier, health) = (Arc::clone(&self.notifier), Arc::clone(&self.health));
        tasks.spawn(async move { notifier.keep_watchdog(&health).await });
        if let Some(bound) = self.http.take() {
            tracing::info!("listening on http://{}", bound.address());
            let limits = http::Limits {
                connections: self.started_with.http.max_connections.get(),
                ..http::Limits::default()
            };
            let (metrics, health) = (Arc::clone(&self.metrics), Arc::clone(&self.health));
            let state = http::State {
                metrics,
                health,
                limits,
            };
            tasks.spawn(async move {
                if let Err(error) = http::serve(bound, state, std::future::pending()).await {
                    tracing::error!("{error}");
                }
            });
        }
        tasks
    }

    /// Has others do what is left to do.
    fn see_to(&mut self, errands: Vec<Errand>) {
        for errand in errands {
            match errand {
                Errand::Deliver => self.bell.ring.notify_one(),
                Errand::ConfirmGone(job) => self.confirm_gone(job),
                Errand::Prepare(run) => self.prepare(run),
                Errand::AskSession(ask) => self.ask_session(ask),
                Errand::ReadWhole => self.read_whole.store(true, Ordering::Relaxed),
            }
        }
    }

    /// Ready, or why not: said in one place.
    fn tell_readiness(&mut self) {
        if let Some(why) = &self.main_loop.engine.witness().stuck {
            self.health
                .set_not_ready(&format!("the ledger cannot be written: {why}"));
        } else if self.main_loop.has_begun() {
            self.health.set_ready();
        }
    }

    fn announce(&self) {
        let shadow = if self.start.shadow {
            ", in shadow: nothing is launched"
        } else {
            ""
        };
        let plans = self.main_loop.engine.planner().plan_count();
        let state_dir = self.started_with.state_dir.display().to_string();
        tracing::info!(
            plans,
            state_dir,
            "freezerd {} runs{shadow}",
            env!("CARGO_PKG_VERSION")
        );
        self.notifier.ready("running");
    }

    /// Completes when every report is delivered, or the grace is over.
    fn farewell(&mut self) -> impl Future<Output = ()> + Send + 'static {
        tracing::info!("stopping: delivering what can be delivered");
        self.notifier.stopping("delivering reports");
        self.health.set_stopping();
        let delivered = self.bell.last_call();
        let grace = self.stop_grace;
        async move {
            let _ = tokio::time::timeout(grace, delivered).await;
        }
    }
}

fn lost_timer(error: TimerError) -> DaemonError {
    DaemonError::System {
        what: "wait for due times",
        source: std::io::Error::other(error),
    }
}

/// A task that ends has failed: without it the daemon would live on half dead.
fn lost_task(ended: Result<(), JoinError>) -> DaemonError {
    let why = ended.map_or_else(|error| error.to_string(), |()| "it ended".to_owned());
    DaemonError::System {
        what: "go on, a part of it is gone",
        source: std::io::Error::other(why),
    }
}
