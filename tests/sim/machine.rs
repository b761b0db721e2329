//! The node: its clocks, and its agents.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use freezerd::clock::Clock;
use freezerd::launch::{Found, LaunchError, LaunchEvent, Launcher, Recipe, RunReport};
use freezerd::planner::{Outcome, RunId};

use super::agents;
use super::checker::{Evidence, Refusal, Unstarted};
use super::cloud::Cloud;
use super::fate::Fate;
use super::rng::Rng;
use super::script::{DAY, HOUR};

/// True time stands until it is moved, and only goes forward; the wall clock is set against it.
#[derive(Debug)]
pub struct Virtual {
    now: AtomicI64,
    ahead: AtomicI64,
}

impl Virtual {
    pub fn at(second: i64) -> Self {
        Self {
            now: AtomicI64::new(second),
            ahead: AtomicI64::new(0),
        }
    }

    pub fn set(&self, second: i64) {
        self.now.store(second, Ordering::Relaxed);
    }

    pub fn step(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// True time.
    pub fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    /// What the wall clock shows.
    pub fn wall(&self) -> i64 {
        self.now() + self.ahead.load(Ordering::Relaxed)
    }

    /// When, in true time, the wall clock will show this.
    pub fn when(&self, wall: i64) -> i64 {
        wall - self.ahead.load(Ordering::Relaxed)
    }
}

pub fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a time of the simulation")
}

impl Clock for Virtual {
    fn now(&self) -> DateTime<Utc> {
        instant(self.wall())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.now()).expect("after 1970"))
    }
}

#[derive(Debug)]
struct Agent {
    evidence: usize,
    /// When it ends by itself (true time); never, if it hangs.
    until: i64,
    outcome: Outcome,
    /// What the wall clock showed when it ended.
    ended: i64,
    /// The record that each of its steps is to fill in.
    told: Vec<Option<String>>,
    told_start: bool,
    told_end: bool,
}

#[derive(Debug, Default)]
pub struct Agents {
    known: BTreeMap<RunId, Agent>,
    pub evidence: Vec<Evidence>,
    pub unstarted: Vec<Unstarted>,
    /// The agent is missing until then.
    pub missing_until: i64,
}

pub struct Machine {
    pub seed: u64,
    pub clock: Arc<Virtual>,
    pub fate: Arc<Fate>,
    /// Where agents look for records of old backups.
    pub cloud: Arc<Mutex<Cloud>>,
    pub agents: Mutex<Agents>,
}

impl Machine {
    /// How many agents were ever started.
    pub fn started(&self) -> usize {
        let agents = self.agents.lock().expect("no thread panics with it");
        agents.evidence.len()
    }

    /// The agent is missing for so long.
    pub fn lose_agent(&self, length: i64) {
        let mut agents = self.agents.lock().expect("no thread panics with it");
        agents.missing_until = self.clock.now() + length;
    }

    /// When the next agent ends.
    pub fn next_end(&self) -> Option<i64> {
        let agents = self.agents.lock().expect("no thread panics with it");
        let open = |agent: &&Agent| agents.evidence[agent.evidence].over().is_none();
        let ends = agents.known.values().filter(open).map(|agent| agent.until);
        ends.min().filter(|end| *end < i64::MAX)
    }

    /// Agents whose time has come end, whether or not a daemon is there to hear it.
    pub fn let_agents_end(&self) {
        let now = self.clock.now();
        let mut agents = self.agents.lock().expect("no thread panics with it");
        let Agents { known, evidence, .. } = &mut *agents;
        for agent in known.values_mut() {
            let seen = &mut evidence[agent.evidence];
            if seen.over().is_none() && agent.until <= now {
                seen.ended = Some((agent.until, agent.outcome));
                seen.said = self.said(&seen.job, &seen.run, &agent.told, agent.outcome);
                agent.ended = self.clock.wall() - (now - agent.until);
            }
        }
    }

    /// The machine goes down and comes up: every agent is gone without a word.
    pub fn reboot(&self) {
        self.let_agents_end();
        let mut agents = self.agents.lock().expect("no thread panics with it");
        for seen in agents.evidence.iter_mut().filter(|seen| seen.over().is_none()) {
            seen.crashed = Some(self.clock.now());
        }
    }

    /// One agent that runs, and its supervisor, are killed. Gives which.
    pub fn kill_one(&self) -> Option<RunId> {
        let mut agents = self.agents.lock().expect("no thread panics with it");
        let seen = agents.evidence.iter_mut().find(|seen| seen.over().is_none())?;
        seen.crashed = Some(self.clock.now());
        Some(seen.run.clone())
    }

    /// The operator kills what hangs of jobs that nobody can abort any more: they are not `there`.
    pub fn kill_orphans(&self, there: impl Fn(&str) -> bool) {
        let mut agents = self.agents.lock().expect("no thread panics with it");
        let Agents { known, evidence, .. } = &mut *agents;
        for agent in known.values().filter(|agent| agent.until == i64::MAX) {
            let seen = &mut evidence[agent.evidence];
            if seen.over().is_none() && !there(&seen.job) {
                seen.crashed = Some(self.clock.now());
            }
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

    /// Whether there is something to tell.
    pub fn has_news(&self) -> bool {
        let agents = self.agents.lock().expect("no thread panics with it");
        agents.known.values().any(|agent| {
            let over = agents.evidence[agent.evidence].over().is_some();
            (!agent.told_start && !over) || (over && !agent.told_end)
        })
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
            if seen.over().is_some() && !agent.told_end {
                agent.told_end = true;
                news.push(LaunchEvent::Ended {
                    run: run.clone(),
                    report: self.report(seen, agent.ended),
                });
            }
        }
        news
    }

    /// What is left of a run that is over; of one that was killed the watcher says that it is lost.
    fn report(&self, seen: &Evidence, ended: i64) -> RunReport {
        let (ended, outcome) = match seen.ended {
            Some((_, outcome)) => (ended, outcome),
            None => (self.clock.wall(), Outcome::Lost),
        };
        RunReport {
            outcome,
            started: Some(instant(seen.started)),
            ended: instant(ended),
            steps: agents::steps(&seen.said),
            detail: String::new(),
        }
    }

    /// How long an agent lasts, and how it ends: by the run alone. One of twenty hangs.
    fn fortune(&self, run: &RunId) -> (i64, Outcome) {
        let mut rng = Rng::of(self.seed, run.as_str());
        let lengths = [5, 60, 600, 600, 2 * HOUR, 9 * HOUR, 2 * DAY];
        let outcomes = [Outcome::Success, Outcome::Success, Outcome::Fail];
        let length = if rng.chance(5) {
            i64::MAX
        } else {
            rng.pick(&lengths)
        };
        (length, rng.pick(&outcomes))
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
            let job = recipe.environment["FREEZERD_JOB_ID"].clone();
            if self.clock.now() < agents.missing_until {
                let (run, at) = (recipe.run.clone(), self.clock.now());
                let by = Refusal::Launcher;
                agents.unstarted.push(Unstarted { run, job, at, by });
                return Err(LaunchError::Spawn {
                    run: recipe.run.clone(),
                    program: "agent".into(),
                    source: std::io::ErrorKind::NotFound.into(),
                });
            }
            let (length, outcome) = self.fortune(&recipe.run);
            let due = DateTime::parse_from_rfc3339(&recipe.environment["FREEZERD_DUE"]).expect("RFC 3339");
            let evidence = Evidence {
                run: recipe.run.clone(),
                job,
                due: due.timestamp(),
                started: self.clock.wall(),
                began: self.clock.now(),
                ended: None,
                crashed: None,
                said: Vec::new(),
                trust: agents::trust(recipe),
                project: recipe.environment.contains_key("OS_PROJECT_NAME"),
            };
            agents.evidence.push(evidence);
            let agent = Agent {
                evidence: agents.evidence.len() - 1,
                until: self.clock.now().saturating_add(length),
                outcome,
                ended: 0,
                told: agents::told(recipe),
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
        Ok(match seen.over() {
            Some(_) if seen.ended.is_none() => Found::Lost,
            Some(_) => Found::Ended(self.report(seen, agent.ended)),
            None => Found::Alive {
                pid: 7,
                started: Some(instant(seen.started)),
            },
        })
    }

    /// It takes its time to die.
    fn abort(&self, run: &RunId) -> Result<(), LaunchError> {
        self.fate.strikes();
        let now = self.clock.now();
        {
            let mut agents = self.agents.lock().expect("no thread panics with it");
            if let Some(agent) = agents.known.get_mut(run).filter(|agent| agent.until > now + 10) {
                agent.until = now + 10;
                agent.outcome = Outcome::Aborted;
            }
        }
        self.fate.strikes();
        Ok(())
    }

    fn forget(&self, run: &RunId) {
        self.fate.strikes();
        {
            let mut agents = self.agents.lock().expect("no thread panics with it");
            agents.known.remove(run);
        }
        self.fate.strikes();
    }
}
