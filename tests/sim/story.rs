//! One life: what happens, in the order a seed says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

use freezerd::daemon::engine::{Engine, Errand, Step, told};
use freezerd::daemon::recipes::Recipes;
use freezerd::plan::{JobId, Plan};
use freezerd::planner::{Capabilities, CatchUp, Input, Outcome, Planner, Policy, SessionRefused};
use freezerd::schedule::Zone;
use serde_json::Value;

use super::machine::{Agents, Evidence, Fate, Killed, Machine, Virtual, instant};
use super::rng::Rng;
use super::shelf::{Hand, Nobody, Shelf};

const START: i64 = 1_772_323_200; // 2026-03-01T00:00:00Z
pub(super) const HOUR: i64 = 3_600;

/// One state of a plan, as its user left it.
#[derive(Debug, Clone)]
pub struct Version {
    pub from: i64,
    /// `None`: deleted.
    pub document: Option<Value>,
    /// The same, parsed once.
    pub plan: Option<Plan>,
    pub stopped: bool,
    /// When the daemon certainly knew.
    pub known: Option<i64>,
}

/// All that is left of a life, for the checker.
pub struct Life {
    pub story: Vec<String>,
    pub users: Vec<(String, Vec<Version>)>,
    pub shelf: Shelf,
    pub evidence: Vec<Evidence>,
    pub policy: Policy,
    pub kills: u32,
}

pub(super) const SCHEDULES: [&str; 8] = [
    r#"{"schedule_minute": "*/20"}"#,
    r#"{"schedule_minute": "0"}"#,
    r#"{"schedule_hour": "*/6"}"#,
    r#"{"schedule_hour": "2", "schedule_minute": "30"}"#,
    r#"{"schedule_interval": "90 minutes"}"#,
    r#"{"schedule_interval": "7 hours"}"#,
    r#"{"schedule_day_of_week": "mon,thu", "schedule_hour": "4"}"#,
    r#"{"schedule_date": "2026-03-02T11:11:11Z"}"#,
];

type Daemon = Engine<Hand, Nobody>;

pub(super) struct Driver {
    pub(super) rng: Rng,
    pub(super) machine: Arc<Machine>,
    pub(super) shelf: Arc<Mutex<Shelf>>,
    pub(super) policy: Policy,
    pub(super) daemon: Option<Daemon>,
    pub(super) users: Vec<(String, Vec<Version>)>,
    pub(super) story: Vec<String>,
    pub(super) kills: u32,
    pub(super) wake: Option<i64>,
    pub(super) retry: Option<i64>,
    pub(super) begin: Option<i64>,
    pub(super) next_poll: i64,
    pub(super) next_user: i64,
    pub(super) next_disaster: i64,
    pub(super) restart: Option<i64>,
    pub(super) api_back: i64,
    pub(super) disk_back: i64,
}

pub fn live(seed: u64) -> Life {
    quiet_kills();
    let mut rng = Rng::new(seed);
    let length = rng.within(1, 12) * 24 * HOUR;
    let policy = Policy {
        max_concurrent: usize::try_from(rng.within(1, 4)).expect("small"),
        catch_up: rng.pick(&[CatchUp::UntilNext, CatchUp::UntilNext, CatchUp::Within(1800)]),
        allow_exec: false,
        central: false,
        capabilities: Capabilities::default(),
        late_after: HOUR,
        shadow: false,
        reports: freezerd::planner::Reports::Upstream,
        session_refused: SessionRefused::Skip,
        session_wait: 600,
        zone: Arc::new(Zone::utc()),
        zones: Vec::new(),
        windows: Vec::new(),
    };
    let lengths = [5, 60, 600, 2 * HOUR, 9 * HOUR];
    let outcomes = [Outcome::Success, Outcome::Success, Outcome::Fail];
    let plans = (0..17)
        .map(|_| (rng.pick(&lengths), rng.pick(&outcomes)))
        .collect();
    let machine = Arc::new(Machine {
        clock: Arc::new(Virtual::at(START)),
        fate: Arc::new(Fate::default()),
        agents: Mutex::new(Agents::new(plans)),
    });
    let mut driver = Driver {
        machine,
        shelf: Arc::default(),
        policy,
        daemon: None,
        users: Vec::new(),
        story: Vec::new(),
        kills: 0,
        wake: None,
        retry: None,
        begin: None,
        next_poll: START,
        next_user: START,
        next_disaster: START + rng.within(HOUR, 24 * HOUR),
        restart: Some(START),
        api_back: START,
        disk_back: START,
        rng,
    };
    for number in 0..driver.rng.within(1, 5) {
        driver.make(&format!("job{number}"));
    }
    driver.until(START + length);
    driver.heal(START + length);
    let evidence = driver
        .machine
        .agents
        .lock()
        .expect("single-threaded")
        .evidence
        .clone();
    let shelf = driver.shelf.lock().expect("single-threaded").clone();
    Life {
        story: driver.story,
        users: driver.users,
        shelf,
        evidence,
        policy: driver.policy,
        kills: driver.kills,
    }
}

/// Deaths that the story wants are not printed.
fn quiet_kills() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Killed>() {
                usual(info);
            }
        }));
    });
}

impl Driver {
    pub(super) fn now(&self) -> i64 {
        self.machine.clock.second()
    }

    pub(super) fn tell(&mut self, what: &str) {
        self.story
            .push(format!("{} {what}", instant(self.now()).format("%m-%d %H:%M:%S")));
    }

    fn until(&mut self, end: i64) {
        loop {
            let ends = self.machine.next_end();
            let daemon_lives = self.daemon.is_some();
            let only_living = |time: Option<i64>| time.filter(|_| daemon_lives);
            let next = [
                only_living(self.wake),
                only_living(self.retry),
                only_living(self.begin),
                only_living(Some(self.next_poll)),
                ends,
                Some(self.next_user),
                Some(self.next_disaster),
                self.restart,
            ];
            let Some(time) = next.into_iter().flatten().min().filter(|time| *time <= end) else {
                break;
            };
            self.machine.clock.set(time.max(self.now()));
            self.machine.let_agents_end();
            self.happen();
        }
        self.machine.clock.set(end.max(self.now()));
    }

    /// Whatever has come by now, one thing after the other.
    fn happen(&mut self) {
        let now = self.now();
        if self.next_user <= now {
            self.next_user = now + self.rng.within(600, 20 * HOUR);
            self.user_acts();
        }
        if self.next_disaster <= now {
            self.next_disaster = now + self.rng.within(600, 30 * HOUR);
            self.disaster();
        }
        self.machine.fate.fill_disk(self.disk_back > self.now());
        if self.restart.is_some_and(|at| at <= now) {
            self.start_daemon();
        }
        if self.begin.is_some_and(|at| at <= now) {
            self.begin = None;
            self.step(vec![Input::Begin]);
        }
        if self.next_poll <= now && self.daemon.is_some() {
            self.next_poll = now + 60 + self.rng.within(0, 600);
            self.poll();
        }
        if self.daemon.is_some() && self.machine.has_news() {
            self.step(Vec::new());
        }
        let woken = [self.wake, self.retry]
            .into_iter()
            .flatten()
            .any(|at| at <= self.now());
        if woken && self.daemon.is_some() {
            self.step(vec![Input::Tick]);
        }
    }

    pub(super) fn die(&mut self) {
        self.daemon = None;
        self.kills += 1;
        (self.wake, self.retry, self.begin) = (None, None, None);
        self.machine.fate.strike_at(0);
        self.machine.forget_what_was_told();
        self.restart = Some(self.now() + self.rng.pick(&[1, 30, 2 * HOUR, 30 * HOUR]));
        self.tell("the daemon is dead");
    }

    fn start_daemon(&mut self) {
        self.restart = None;
        self.tell("the daemon starts");
        let past = self.shelf.lock().expect("single-threaded").past();
        let planner = Planner::restore(self.policy.clone(), past);
        let hand = Hand {
            shelf: Arc::clone(&self.shelf),
            fate: Arc::clone(&self.machine.fate),
        };
        let recipes = Recipes {
            limits: freezerd::launch::Limits::default(),
            agent: PathBuf::from("agent"),
            kill_grace: 1,
            keep_output: 1,
            elsewhere: false,
            credentials: std::collections::BTreeMap::new(),
            trusts: true,
            prepares: false,
        };
        let clock: Arc<Virtual> = Arc::clone(&self.machine.clock);
        let machine: Arc<Machine> = Arc::clone(&self.machine);
        self.daemon = Some(Engine::new(clock, planner, hand, Nobody, machine, recipes));
        self.next_poll = self.now() + 1;
        self.begin = Some(self.now() + 10);
        self.act(Engine::find_launched);
    }

    /// What the agents have to tell comes before anything else, as in the daemon's own loop.
    fn step(&mut self, inputs: Vec<Input>) {
        let mut all: Vec<Input> = self.machine.news().into_iter().map(told).collect();
        all.extend(inputs);
        let inputs = all;
        self.act(|daemon| daemon.step(inputs));
    }

    /// Lets the daemon do something, in which it may be killed.
    fn act(&mut self, what: impl FnOnce(&mut Daemon) -> Step) {
        let Some(mut daemon) = self.daemon.take() else {
            return;
        };
        match catch_unwind(AssertUnwindSafe(|| what(&mut daemon))) {
            Err(payload) if payload.is::<Killed>() => self.die(),
            Err(payload) => std::panic::resume_unwind(payload),
            Ok(step) => {
                self.daemon = Some(daemon);
                self.wake = step.wake.map(|wake| wake.epoch());
                self.retry = (!step.settled).then(|| self.now() + 5);
                for errand in step.errands {
                    self.see_to(errand);
                }
            }
        }
    }

    fn see_to(&mut self, errand: Errand) {
        let Errand::ConfirmGone(job) = errand else { return };
        if let Some(plan) = self.listed(job.as_str()) {
            return self.step(vec![Input::Seen(Box::new(plan))]);
        }
        let (now, kills) = (self.now(), self.kills);
        self.step(vec![Input::Gone(job.clone())]);
        if self.kills == kills && self.daemon.is_some() && self.retry.is_none() {
            let user = self.users.iter_mut().find(|(id, _)| id == job.as_str());
            if let Some(version) = user.and_then(|(_, versions)| versions.last_mut()) {
                version.known.get_or_insert(now);
            }
        }
    }

    fn listed(&self, id: &str) -> Option<Plan> {
        let (_, versions) = self.users.iter().find(|(user, _)| user == id)?;
        versions.last()?.plan.clone()
    }

    fn poll(&mut self) {
        if self.api_back > self.now() {
            return;
        }
        let ids: Vec<String> = self.users.iter().map(|(id, _)| id.clone()).collect();
        // Offset paging over a changing list: a row may be skipped.
        let missed = self.rng.chance(10).then(|| {
            let all: Vec<&str> = ids.iter().map(String::as_str).collect();
            self.rng.pick(&all).to_owned()
        });
        let shown = ids.iter().filter(|id| Some(*id) != missed.as_ref());
        let plans: Vec<Plan> = shown.filter_map(|id| self.listed(id)).collect();
        let kills = self.kills;
        self.begin = None;
        self.step(vec![Input::Listing {
            began: instant(self.now()),
            plans,
            broken: Vec::new(),
        }]);
        if self.kills == kills && self.daemon.is_some() && self.retry.is_none() {
            let now = self.now();
            for (id, versions) in &mut self.users {
                let shown =
                    |version: &&mut Version| version.document.is_some() && Some(&*id) != missed.as_ref();
                if let Some(version) = versions.last_mut().filter(shown) {
                    version.known.get_or_insert(now);
                }
            }
        }
    }

    /// The world is mended, and what is left to do is done.
    fn heal(&mut self, end: i64) {
        self.tell("all is well again");
        self.next_user = i64::MAX;
        self.next_disaster = i64::MAX;
        self.machine.fate.strike_at(0);
        (self.api_back, self.disk_back) = (0, 0);
        self.machine.fate.fill_disk(false);
        self.restart = self.restart.map(|at| at.min(end));
        self.until(end + 2 * HOUR);
        // Nothing more comes due: what runs or waits ends.
        let gone: Vec<JobId> = self.users.iter().map(|(id, _)| JobId::new(id)).collect();
        for (id, versions) in self.users.clone() {
            let Some(Version {
                document: Some(document),
                ..
            }) = versions.last()
            else {
                continue;
            };
            let mut schedule = document["job_schedule"].clone();
            schedule.as_object_mut().expect("an object").remove("status");
            let stopped = self.version(&id, schedule, true);
            let user = self
                .users
                .iter_mut()
                .find(|(user, _)| *user == id)
                .expect("it is there");
            user.1.push(stopped);
        }
        assert!(!gone.is_empty());
        self.next_poll = self.now();
        self.until(end + 3 * 24 * HOUR);
    }
}
