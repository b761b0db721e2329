//! The machine: its clock, its agents, and when the daemon is struck dead.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use freezerd::clock::Clock;
use freezerd::launch::{Found, LaunchError, LaunchEvent, Launcher, Recipe, RunReport};
use freezerd::planner::{Outcome, RunId};

/// A clock that stands until it is moved. Seconds since the epoch.
#[derive(Debug)]
pub struct Virtual(AtomicI64);

impl Virtual {
    pub fn at(second: i64) -> Self {
        Self(AtomicI64::new(second))
    }

    pub fn set(&self, second: i64) {
        self.0.store(second, Ordering::Relaxed);
    }

    pub fn second(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a time of the simulation")
}

impl Clock for Virtual {
    fn now(&self) -> DateTime<Utc> {
        instant(self.second())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.second()).expect("after 1970"))
    }
}

/// Thrown through the daemon when it is killed.
pub struct Killed;

/// Strikes the daemon dead before its n-th effect from now, and fills its disk.
#[derive(Debug, Default)]
pub struct Fate {
    countdown: AtomicI64,
    full: AtomicBool,
}

impl Fate {
    /// At the n-th effect from now; 0: never.
    pub fn strike_at(&self, effect: i64) {
        self.countdown.store(effect, Ordering::Relaxed);
    }

    pub fn fill_disk(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    pub fn disk_fails(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Called before and after every effect.
    pub fn strikes(&self) {
        if self.countdown.load(Ordering::Relaxed) > 0 && self.countdown.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::panic::panic_any(Killed);
        }
    }
}

/// What an agent itself saw: written outside the ledger.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub run: RunId,
    pub job: String,
    pub due: i64,
    pub started: i64,
    /// When it ended, and how.
    pub ended: Option<(i64, Outcome)>,
    /// When a reboot ended it without a word.
    pub crashed: Option<i64>,
}

impl Evidence {
    /// When it was over, however that came.
    pub fn over(&self) -> Option<i64> {
        self.ended.map(|(at, _)| at).or(self.crashed)
    }
}

#[derive(Debug)]
struct Agent {
    evidence: usize,
    until: i64,
    outcome: Outcome,
    told_start: bool,
    told_end: bool,
}

#[derive(Debug, Default)]
pub struct Agents {
    known: BTreeMap<RunId, Agent>,
    pub evidence: Vec<Evidence>,
    /// How long the next ones last, and how they end; taken in turn.
    plans: Vec<(i64, Outcome)>,
    started: usize,
}

impl Agents {
    /// Nothing runs yet.
    pub fn new(plans: Vec<(i64, Outcome)>) -> Self {
        Self {
            plans,
            ..Self::default()
        }
    }
}

pub struct Machine {
    pub clock: std::sync::Arc<Virtual>,
    pub fate: std::sync::Arc<Fate>,
    pub agents: Mutex<Agents>,
}

impl Machine {
    /// When the next agent ends.
    pub fn next_end(&self) -> Option<i64> {
        let agents = self.agents.lock().expect("no thread panics with it");
        let open = |agent: &&Agent| agents.evidence[agent.evidence].over().is_none();
        agents.known.values().filter(open).map(|agent| agent.until).min()
    }

    /// Agents whose time has come end, whether or not a daemon is there to hear it.
    pub fn let_agents_end(&self) {
        let now = self.clock.second();
        let mut agents = self.agents.lock().expect("no thread panics with it");
        let Agents { known, evidence, .. } = &mut *agents;
        for agent in known.values_mut() {
            let seen = &mut evidence[agent.evidence];
            if seen.over().is_none() && agent.until <= now {
                seen.ended = Some((agent.until, agent.outcome));
            }
        }
    }

    /// The machine goes down and comes up: every agent is gone without a word.
    pub fn reboot(&self) {
        self.let_agents_end();
        let mut agents = self.agents.lock().expect("no thread panics with it");
        for seen in agents.evidence.iter_mut().filter(|seen| seen.over().is_none()) {
            seen.crashed = Some(self.clock.second());
        }
    }

    /// A daemon that starts knows of nothing: it will be told again.
    pub fn forget_what_was_told(&self) {
        let mut agents = self.agents.lock().expect("no thread panics with it");
        for agent in agents.known.values_mut() {
            agent.told_start = false;
            agent.told_end = false;
        }
    }

    /// What there is to tell a daemon that listens.
    pub fn news(&self) -> Vec<LaunchEvent> {
        let mut agents = self.agents.lock().expect("no thread panics with it");
        let Agents { known, evidence, .. } = &mut *agents;
        let mut news = Vec::new();
        for (run, agent) in known {
            let seen = &evidence[agent.evidence];
            if !agent.told_start && seen.crashed.is_none() {
                agent.told_start = true;
                news.push(LaunchEvent::Started {
                    run: run.clone(),
                    pid: 7,
                    at: instant(seen.started),
                });
            }
            if let (Some((ended, outcome)), false) = (seen.ended, agent.told_end) {
                agent.told_end = true;
                news.push(LaunchEvent::Ended {
                    run: run.clone(),
                    report: report(seen.started, ended, outcome),
                });
            }
        }
        news
    }
}

fn report(started: i64, ended: i64, outcome: Outcome) -> RunReport {
    RunReport {
        outcome,
        started: Some(instant(started)),
        ended: instant(ended),
        steps: Vec::new(),
        detail: String::new(),
    }
}

impl Launcher for Machine {
    fn start(&self, recipe: &Recipe) -> Result<(), LaunchError> {
        self.fate.strikes();
        {
            let mut agents = self.agents.lock().expect("no thread panics with it");
            if agents.known.contains_key(&recipe.run) {
                return Err(LaunchError::AlreadyStarted {
                    run: recipe.run.clone(),
                });
            }
            let (length, outcome) = agents.plans[agents.started % agents.plans.len()];
            agents.started += 1;
            let now = self.clock.second();
            let due = DateTime::parse_from_rfc3339(&recipe.environment["FREEZERD_DUE"]).expect("RFC 3339");
            let evidence = Evidence {
                run: recipe.run.clone(),
                job: recipe.environment["FREEZERD_JOB_ID"].clone(),
                due: due.timestamp(),
                started: now,
                ended: None,
                crashed: None,
            };
            agents.evidence.push(evidence);
            let agent = Agent {
                evidence: agents.evidence.len() - 1,
                until: now + length,
                outcome,
                told_start: false,
                told_end: false,
            };
            agents.known.insert(recipe.run.clone(), agent);
        }
        self.fate.strikes();
        Ok(())
    }

    fn find(&self, run: &RunId) -> Result<Found, LaunchError> {
        let agents = self.agents.lock().expect("no thread panics with it");
        let Some(agent) = agents.known.get(run) else {
            return Ok(Found::Never);
        };
        let seen = &agents.evidence[agent.evidence];
        Ok(match seen.ended {
            Some((ended, outcome)) => Found::Ended(report(seen.started, ended, outcome)),
            None if seen.crashed.is_some() => Found::Lost,
            None => Found::Alive {
                pid: 7,
                started: Some(instant(seen.started)),
            },
        })
    }

    fn abort(&self, _: &RunId) -> Result<(), LaunchError> {
        Ok(())
    }

    fn forget(&self, run: &RunId) {
        self.fate.strikes();
        let mut agents = self.agents.lock().expect("no thread panics with it");
        agents.known.remove(run);
    }
}
