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
use crate::plan::{Digester, JobId, Plan};
use crate::planner::{Input, RunId};
use crate::schedule::DueTime;
use crate::zones::Zones;

use super::clock_behind::{Believed, Waiting};
use super::copying::{self, Copier};
use super::engine::{Engine, Errand, Prepared, Step, told};
use super::listing::{self, Memory, Polled, Polling};
use super::outbox::{Bell, Outbox};
use super::questions::Questions;
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
    pub(super) engine: Engine<Shelf, Teller>,
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
    pub(super) questions: Questions,
    pub(super) turns: Arc<Turns>,
    pub(super) timer: Timer,
    pub(super) wake: Option<DueTime>,
    pub(super) settled: bool,
    /// The first listing is in, or was waited for long enough.
    pub(super) begun: bool,
    /// The ledger of before was lost, and no listing was taken in since.
    pub(super) lost: bool,
    pub(super) stopping: bool,
    pub(super) proves_absence: bool,
    pub(super) trouble: Trouble,
    /// What the ledger's upkeep has come to.
    pub(super) upkeep: super::upkeep::Upkeep,
    pub(super) digester: Digester,
    /// What the poller begins with.
    pub(super) reading: Option<Reading>,
    /// The poller is to read the next listing whole.
    pub(super) read_whole: Arc<AtomicBool>,
    /// Plans of a listing that must be taken in at once.
    pub(super) withheld: Vec<Plan>,
    pub(super) http: Option<http::Bound>,
}

/// What those who were asked say.
pub(super) enum Answer {
    /// The source, of one plan; `None`: nothing that can be used.
    Confirmed(JobId, Option<Input>),
    /// The API, of a session.
    Said(Input),
    /// Nobody: it is time to remove more of what is old.
    PruneOn,
    /// More of it may go on in one row.
    CondenseOn,
}

/// What the loop woke for.
enum Event {
    Wish(Wish),
    Launch(LaunchEvent),
    Polled(Polled),
    Answer(Answer),
    Prepared(RunId, Prepared),
    Asked,
    Woke(Woke),
    Begin,
    Retry,
}

impl Daemon {
    /// Lives until it is told to stop.
    pub(super) async fn live(mut self) -> Result<(), DaemonError> {
        let (results, mut polls) = mpsc::channel(1);
        let poll_now = Arc::new(Notify::new());
        let mut tasks = self.tasks(Arc::clone(&poll_now), results);
        let step = self.engine.find_launched(self.lost);
        self.see_to(step)?;
        self.announce();
        let mut first = None;
        let waiting = Waiting {
            clock: &*self.clock,
            timer: &mut self.timer,
            wishes: &mut self.wishes,
            health: &self.health,
        };
        let polled = self.engine.planner().polled();
        match waiting.until_believed(polled).await.map_err(lost_timer)? {
            Believed::Clock => {}
            Believed::Reload => first = Some(Event::Wish(Wish::Reload)),
            Believed::Stop => return Ok(()),
        }

        let grace = clock::pause(self.started_with.dispatch.start_grace);
        let mut farewell: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(std::future::pending());
        tokio::pin!(grace);
        loop {
            let wake = self.wake.map(DueTime::instant);
            let event = tokio::select! {
                biased;
                event = std::future::ready(first.take()), if first.is_some() => event.unwrap_or(Event::Retry),
                Some(wish) = self.wishes.recv() => Event::Wish(wish),
                Some(event) = self.launches.recv() => Event::Launch(event),
                woke = self.timer.wait(wake) => Event::Woke(woke.map_err(lost_timer)?),
                Some(polled) = polls.recv() => Event::Polled(polled),
                Some(answer) = self.answers.recv() => Event::Answer(answer),
                Some((run, prepared)) = self.prepared.recv() => Event::Prepared(run, prepared),
                () = &mut grace, if !self.begun => Event::Begin,
                () = &mut farewell => break,
                Some(ended) = tasks.join_next() => return Err(lost_task(ended)),
                () = self.health.asked() => Event::Asked,
                () = clock::pause(LEDGER_RETRY), if !self.settled => Event::Retry,
            };
            let mut inputs = Vec::new();
            match event {
                Event::Wish(Wish::Reload) if self.stopping => {
                    tracing::info!("stopping: the configuration is not read again");
                }
                Event::Wish(Wish::Reload) => {
                    inputs.extend(self.reload());
                    poll_now.notify_one();
                }
                Event::Wish(Wish::Stop) if self.stopping => break,
                Event::Wish(Wish::Stop) => {
                    inputs.push(Input::Halt);
                    farewell = Box::pin(self.farewell());
                }
                Event::Launch(event) => inputs.push(told(event)),
                Event::Answer(Answer::Confirmed(job, input)) => {
                    self.confirmed(&job);
                    inputs.extend(input);
                }
                Event::Answer(Answer::Said(input)) => {
                    self.said();
                    inputs.push(input);
                }
                Event::Answer(Answer::PruneOn) => self.prune_on(),
                Event::Answer(Answer::CondenseOn) => self.condense_on(),
                Event::Prepared(run, prepared) if !self.stopping => {
                    let step = self.engine.prepared(&run, prepared);
                    self.see_to(step)?;
                }
                // Nothing is launched any more; the next daemon begins anew.
                Event::Prepared(..) => {}
                // Answered below, as are those who ask while something else goes on.
                Event::Asked => {}
                Event::Polled(polled) => inputs.extend(self.polled(polled)),
                Event::Begin => {
                    tracing::warn!("no listing yet: going on with the plans of the ledger");
                    self.begun = true;
                    inputs.push(Input::Begin);
                }
                Event::Woke(Woke::ClockStepped) => {
                    tracing::warn!("the wall clock was set, or the machine was asleep");
                    clock::pause(NEWS).await;
                    inputs.push(Input::ClockStepped);
                }
                Event::Woke(Woke::Due) => {
                    let late = |due: DueTime| self.clock.now() - due.instant() > LATE;
                    if self.wake.is_some_and(late) {
                        clock::pause(NEWS).await;
                    }
                    inputs.push(Input::Tick);
                }
                Event::Retry => {}
            }
            self.take_in(inputs)?;
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

    /// One step with everything that is there by now: what runs have to tell comes first, in its order.
    fn take_in(&mut self, inputs: Vec<Input>) -> Result<(), DaemonError> {
        let of_a_run = |input: &Input| {
            matches!(
                input,
                Input::Started { .. } | Input::NotStarted { .. } | Input::Ended { .. }
            )
        };
        let (mut all, others): (Vec<Input>, Vec<Input>) = inputs.into_iter().partition(of_a_run);
        while let Ok(event) = self.launches.try_recv() {
            all.push(told(event));
        }
        all.extend(others);
        // What was left undone is tried again whenever the loop comes round.
        if all.is_empty() && self.settled {
            return Ok(());
        }
        let step = self.engine.step(all);
        self.see_to(step)
    }

    fn see_to(&mut self, step: Step) -> Result<(), DaemonError> {
        if let Some(why) = step.refused {
            return Err(DaemonError::Refused(why));
        }
        self.wake = step.wake;
        self.settled = step.settled;
        for errand in step.errands {
            match errand {
                Errand::Deliver => self.bell.ring.notify_one(),
                Errand::ConfirmGone(job) => self.confirm_gone(job),
                Errand::Prepare(run) => self.prepare(run),
                Errand::AskSession(ask) => self.ask_session(ask),
                Errand::ReadWhole => self.read_whole.store(true, Ordering::Relaxed),
            }
        }
        Ok(())
    }

    /// Ready, or why not: said in one place.
    fn tell_readiness(&mut self) {
        if let Some(why) = &self.engine.witness().stuck {
            self.health
                .set_not_ready(&format!("the ledger cannot be written: {why}"));
        } else if self.begun {
            self.health.set_ready();
        }
    }

    fn announce(&self) {
        let shadow = if self.start.shadow {
            ", in shadow: nothing is launched"
        } else {
            ""
        };
        let plans = self.engine.planner().plan_count();
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
        self.stopping = true;
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
