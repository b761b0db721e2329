//! The world in which a script is lived through.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use freezerd::clock::Clock;
use freezerd::daemon::engine::{Engine, Errand};
use freezerd::daemon::main_loop::{Event as Came, MainLoop, Refused};
use freezerd::daemon::recipes::Recipes;
use freezerd::freezer::Api;
use freezerd::planner::{Outside, Planner, Policy, Reason};
use freezerd::schedule::Zone;
use serde_json::Value;

use super::checker::{Missing, Shadow, Version};
use super::cloud::Cloud;
use super::exchange::Confirmed;
use super::fate::Killed;
use super::keeping::Readied;
use super::life::{STOPPED, Tally};
use super::listings::{Listed, Reader};
use super::machine::{Machine, Virtual, instant};
use super::outbox::Outbox;
use super::script::{Event, Weather};
use super::servers::{self, Servers};
use super::sessions::Answers;
use super::shelf::{Hand, Nobody, Shelf};

pub(super) type Daemon = MainLoop<Hand, Nobody>;

pub(super) struct World {
    pub(super) machine: Arc<Machine>,
    pub(super) shelf: Arc<Mutex<Shelf>>,
    pub(super) policy: Policy,
    pub(super) daemon: Option<Daemon>,
    pub(super) cloud: Arc<Mutex<Cloud>>,
    /// The daemon's client of it.
    pub(super) api: Option<Arc<Api>>,
    /// Some plans have a trust.
    pub(super) trusts: bool,
    pub(super) users: Vec<(String, Vec<Version>)>,
    pub(super) wanted: BTreeMap<String, Value>,
    /// Why plans may not run here, as their users left them.
    pub(super) hindered: BTreeMap<String, BTreeSet<Reason>>,
    pub(super) shadows: Vec<Shadow>,
    /// When (true time) the wall clock was set, and how far ahead it has been since.
    pub(super) clock: Vec<(i64, i64)>,
    /// How often things happened that some life should have.
    pub(super) tally: Tally,
    pub(super) story: Vec<String>,
    pub(super) kills: u32,
    /// How often a daemon started, its clock was set, or its rules changed.
    pub(super) afresh: usize,
    /// How soon the daemon is started again when it dies.
    pub(super) back: i64,
    pub(super) weather: Weather,
    pub(super) fair_again: i64,
    pub(super) disk_back: i64,
    pub(super) set_back: i64,
    pub(super) seed: u64,
    pub(super) poll_every: i64,
    pub(super) page: usize,
    pub(super) events: VecDeque<(i64, Event)>,
    pub(super) retry: Option<i64>,
    pub(super) begin: Option<i64>,
    pub(super) next_poll: i64,
    pub(super) listing: Option<Listed>,
    pub(super) reader: Reader,
    pub(super) deliver: Option<i64>,
    pub(super) outbox: Outbox,
    pub(super) restart: Option<i64>,
    /// By the wall clock: up to when everything is decided and safe, and when the daemon died last.
    pub(super) decided: i64,
    pub(super) died: i64,
    /// Answers whether plans are gone on their way.
    pub(super) confirmed: Vec<Confirmed>,
    /// Answers of sessions, likewise.
    pub(super) answers: Answers,
    /// What runs are prepared with, likewise.
    pub(super) readied: Vec<Readied>,
    /// When (true time) the daemon could not do what it should.
    pub(super) troubles: Vec<(i64, i64)>,
    pub(super) stepped: bool,
    /// The agents that had been started when the last listing was taken in.
    pub(super) listed: usize,
    pub(super) missing: Vec<Missing>,
    /// The zone's data, since when (true time).
    pub(super) zones: Vec<(i64, Arc<Zone>)>,
    pub(super) outside: Option<Outside>,
}

impl World {
    pub(super) fn tell(&mut self, what: &str) {
        let wall = instant(self.machine.clock.wall()).format("%Y-%m-%d %H:%M:%S");
        self.story.push(format!("{wall} {what}"));
    }

    fn next(&self) -> Option<i64> {
        let lives = self.daemon.is_some();
        let daemons = [
            self.wake(),
            self.retry,
            self.begin,
            self.deliver,
            self.listing.is_none().then_some(self.next_poll),
            self.listing.as_ref().map(|listed| listed.arrives),
            self.confirmed.iter().map(|one| one.arrives).min(),
            self.answers.next(),
            self.readied.iter().map(|one| one.arrives).min(),
        ];
        let daemons = daemons.into_iter().filter(|_| lives);
        let others = [
            self.machine.next_end(),
            self.events.front().map(|(at, _)| *at),
            self.restart,
        ];
        daemons.chain(others).flatten().min()
    }

    pub(super) fn until(&mut self, end: i64) {
        let mut still = 0;
        while let Some(time) = self.next().filter(|time| *time <= end) {
            let now = self.machine.clock.now();
            still = if time > now { 0 } else { still + 1 };
            assert!(still < 1_000, "the daemon turns in circles");
            self.machine.clock.set(time.max(now));
            self.machine.let_agents_end();
            self.now();
        }
        self.machine.clock.set(end.max(self.machine.clock.now()));
    }

    /// Whatever has come by now, one thing after the other.
    fn now(&mut self) {
        let clock = Arc::clone(&self.machine.clock);
        let due = |at: Option<i64>| at.is_some_and(|at| at <= clock.now());
        if self.fair_again <= clock.now() && self.weather != Weather::Fair {
            self.be(Weather::Fair);
        }
        if self.disk_back <= clock.now() {
            self.machine.fate.fail_commits(0);
        }
        while self.events.front().is_some_and(|(at, _)| *at <= clock.now()) {
            if let Some((_, event)) = self.events.pop_front() {
                self.tell(&format!("{event:?}"));
                self.happen(event);
            }
        }
        if due(self.restart) {
            self.start_daemon();
        }
        // From here on in the order in which the daemon's own loop looks.
        self.hear();
        if due(self.wake()) {
            self.come(Came::Due);
        }
        if due(self.listing.as_ref().map(|listed| listed.arrives)) {
            self.listing_arrives();
        }
        // One listing after the other.
        if due(Some(self.next_poll)) && self.daemon.is_some() && self.listing.is_none() {
            self.poll();
        }
        if due(self.listing.as_ref().map(|listed| listed.arrives)) {
            self.listing_arrives();
        }
        while let Some(at) = self.confirmed.iter().position(|one| one.arrives <= clock.now()) {
            let confirmed = self.confirmed.remove(at);
            self.confirmed(confirmed);
        }
        while let Some(answer) = self.answers.due(clock.now()) {
            self.session_answers(answer);
        }
        while self.take_readied(clock.now()) {}
        if due(self.begin) {
            self.begin = None;
            self.come(Came::Begin);
        }
        self.hear();
        if due(self.retry) {
            self.come(Came::Nothing);
        }
        if due(self.deliver) {
            self.deliver_reports();
        }
    }

    pub(super) fn die(&mut self) {
        self.kills += 1;
        self.tell("the daemon is dead");
        self.end();
    }

    /// There is no daemon any more, until one is started.
    fn end(&mut self) {
        self.daemon = None;
        self.died = self.machine.clock.wall();
        (self.retry, self.begin) = (None, None);
        (self.listing, self.deliver) = (None, None);
        self.confirmed.clear();
        self.answers = Answers::default();
        self.readied.clear();
        self.api = None;
        self.outbox = Outbox::default();
        self.machine.fate.strike_at(0);
        self.machine.forget_what_was_told();
        let now = self.machine.clock.now();
        self.restart = Some(now + self.back);
        self.troubles.push((now, now + self.back + 10));
    }

    /// SIGTERM: it launches nothing any more, tells the API what there is to tell, and ends.
    pub(super) fn stop_daemon(&mut self, back: i64) {
        self.come(Came::Stop);
        if self.daemon.is_some() {
            self.deliver_reports();
        }
        if self.daemon.is_some() {
            self.tell("the daemon has stopped");
            *self.tally.entry(STOPPED).or_default() += 1;
            self.back = back;
            self.end();
        }
    }

    fn start_daemon(&mut self) {
        self.restart = None;
        self.afresh += 1;
        self.tell("the daemon starts");
        let past = self.shelf.lock().expect("single-threaded").past();
        let planner = Planner::restore(self.policy.clone(), past);
        self.reader = Reader::new(planner.digests());
        let hand = self.hand();
        let recipes = Recipes {
            elsewhere: false,
            trusts: true,
            prepares: true,
            limits: freezerd::launch::Limits::default(),
            agent: PathBuf::from("agent"),
            kill_grace: 1,
            keep_output: 1,
            credentials: ["OS_USERNAME", "OS_PROJECT_NAME"]
                .map(|name| (name.to_owned(), "freezerd".to_owned()))
                .into(),
        };
        let clock: Arc<Virtual> = Arc::clone(&self.machine.clock);
        let servers = Arc::new(Servers {
            cloud: Arc::clone(&self.cloud),
            clock: Arc::clone(&clock),
            fate: Arc::clone(&self.machine.fate),
        });
        let for_api = Arc::clone(&self.machine.clock) as Arc<dyn Clock>;
        let api = Api::over(servers::access(), for_api, servers);
        self.api = Some(Arc::new(api.expect("settings")));
        let machine: Arc<Machine> = Arc::clone(&self.machine);
        let engine = Engine::new(clock, planner, hand, Nobody, machine, recipes);
        self.daemon = Some(MainLoop::new(engine, false));
        let now = self.machine.clock.now();
        self.next_poll = now + 1;
        self.begin = Some(now + 10);
        self.deliver = Some(now);
        self.act(MainLoop::find_launched);
    }

    /// When the daemon wants to wake, in true time.
    fn wake(&self) -> Option<i64> {
        let wake = self.daemon.as_ref()?.wake()?;
        Some(self.machine.clock.when(wake.epoch()))
    }

    /// The daemon hears what agents have to tell.
    pub(super) fn hear(&mut self) {
        if self.daemon.is_some() && self.machine.has_news() {
            self.come(Came::Nothing);
        }
    }

    /// Something comes to the daemon, with what the agents have to tell.
    pub(super) fn come(&mut self, event: Came) {
        if self.daemon.is_some() {
            let news = self.machine.news();
            self.act(|daemon| daemon.take(event, news));
        }
    }

    /// The same; whether it is done, and safe.
    pub(super) fn come_safely(&mut self, event: Came) -> bool {
        let kills = self.kills;
        self.come(event);
        self.kills == kills && self.daemon.is_some() && self.retry.is_none()
    }

    /// Lets the daemon do something, in which it may be killed.
    fn act(&mut self, what: impl FnOnce(&mut Daemon) -> Result<Vec<Errand>, Refused>) {
        let Some(mut daemon) = self.daemon.take() else {
            return;
        };
        match catch_unwind(AssertUnwindSafe(|| what(&mut daemon))) {
            Err(payload) if payload.is::<Killed>() => self.die(),
            Err(payload) => std::panic::resume_unwind(payload),
            Ok(left) => {
                let errands = left.expect("what was decided fits the ledger");
                self.retry = (!daemon.is_settled()).then(|| self.machine.clock.now() + 5);
                // One that is to stop decides nothing any more.
                if daemon.is_settled() && daemon.has_begun() && !daemon.is_stopping() {
                    self.decided = self.machine.clock.wall();
                }
                self.daemon = Some(daemon);
                for errand in errands {
                    self.see_to(errand);
                }
            }
        }
    }

    pub(super) fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().expect("no thread panics with it")
    }

    /// How the API is from now on.
    pub(super) fn be(&mut self, weather: Weather) {
        self.weather = weather;
        self.cloud().weather = weather;
        *self.tally.entry(weather.kind()).or_default() += 1;
    }

    /// The trust by which a job runs.
    pub(super) fn trust(&self, id: &str) -> Option<String> {
        (self.trusts && id.ends_with(['1', '3', '4'])).then(|| format!("trust-{id}"))
    }

    pub(super) fn clock_was_set(&mut self) {
        self.come(Came::ClockStepped);
    }

    /// Tells a daemon that lives of its new policy; whether it has it, and safe.
    pub(super) fn take_policy(&mut self) -> bool {
        self.come_safely(Came::Policy(Box::new(self.policy.clone())))
    }
}
