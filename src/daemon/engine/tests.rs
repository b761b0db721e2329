//! Runs that something has to be asked of the API for before they start; bursts of them; and disks that are full.

mod ahead;
mod burst;
mod full_disk;
mod shut;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::*;
use crate::launch::{LaunchError, Limits, Recipe};
use crate::plan::Digester;
use crate::planner::{Brief, Capabilities, CatchUp, LedgerPlan, Past, Policy, Reports, SessionRefused};
use crate::schedule::Zone;

/// It stands until it is moved.
struct At(Mutex<DateTime<Utc>>);

impl At {
    fn new(now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now)))
    }

    fn advance(&self, by: TimeDelta) {
        *self.0.lock().expect("no panic") += by;
    }
}

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("no panic")
    }

    fn monotonic(&self) -> Duration {
        (self.now() - DateTime::UNIX_EPOCH).to_std().expect("after 1970")
    }
}

#[derive(Default)]
struct Started {
    recipes: Mutex<Vec<Recipe>>,
    /// It cannot start any.
    refuses: AtomicBool,
    ready: Mutex<Vec<RunId>>,
    aborted: Mutex<Vec<RunId>>,
}

impl Started {
    /// Takes out what was started last.
    fn last(&self) -> Recipe {
        let mut recipes = self.recipes.lock().expect("no panic");
        recipes.pop().expect("it was started")
    }
}

impl Launcher for Started {
    fn lead(&self) -> Option<Duration> {
        Some(Duration::from_millis(50))
    }

    fn get_ready(&self, run: &RunId) {
        self.ready.lock().expect("no panic").push(run.clone());
    }

    fn start(&self, recipe: &Recipe) -> Result<(), LaunchError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(LaunchError::Spawn {
                run: recipe.run.clone(),
                program: "/usr/bin/freezerd".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            });
        }
        self.recipes.lock().expect("no panic").push(recipe.clone());
        Ok(())
    }

    fn find(&self, _: &RunId) -> Result<launch::Found, LaunchError> {
        Ok(launch::Found::Never)
    }

    fn abort(&self, run: &RunId) -> Result<(), LaunchError> {
        let started = self.recipes.lock().expect("no panic");
        assert!(
            started.iter().any(|recipe| recipe.run == *run),
            "nothing to abort"
        );
        self.aborted.lock().expect("no panic").push(run.clone());
        Ok(())
    }

    fn forget(&self, _: &RunId) {}
}

#[derive(Default)]
struct Kept {
    records: Vec<Record>,
    unreadable: Option<StoreError>,
    /// How many records there were after each commit.
    commits: Vec<usize>,
    /// There is room for so many commits.
    room: Option<usize>,
    /// How often there was none.
    full: usize,
    /// The clock, if each try takes a second.
    slow: Option<Arc<At>>,
}

impl Store for Kept {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        if let Some(clock) = &self.slow {
            clock.advance(TimeDelta::seconds(1));
        }
        if self.room.is_some_and(|room| self.commits.len() >= room) {
            self.full += 1;
            return Err(StoreError::Away("the disk is full".to_owned()));
        }
        self.records.extend_from_slice(records);
        self.commits.push(self.records.len());
        Ok(())
    }

    fn document(&self, _: &JobId) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(error) = &self.unreadable {
            return Err(error.clone());
        }
        let known = |record: &Record| match record {
            Record::Plan { document, .. } => document.clone(),
            _ => None,
        };
        Ok(self
            .records
            .iter()
            .rev()
            .find_map(known)
            .or(Some(plan("").document)))
    }
}

struct Nobody;

impl Witness for Nobody {
    fn recorded(&mut self, _: &[Record]) {}
    fn unrecorded(&mut self, _: &str) {}
}

type World = (Engine<Kept, Nobody>, Arc<Started>);

fn plan(event: &str) -> Plan {
    let document = json!({"job_id": "j1", "job_schedule": {"schedule_minute": "0", "event": event},
        "job_actions": [{"freezer_action": {"action": "backup", "mode": "cindernative"}}]});
    plan::parse(&document.to_string(), "a test").expect("a plan").plan
}

fn now() -> DateTime<Utc> {
    "2026-03-01T01:00:00Z".parse().expect("a time")
}

fn rules() -> Policy {
    Policy {
        max_concurrent: 12,
        catch_up: CatchUp::UntilNext,
        allow_exec: false,
        central: false,
        capabilities: Capabilities::default(),
        late_after: 0,
        session_refused: SessionRefused::Skip,
        session_wait: 0,
        shadow: false,
        reports: Reports::Upstream,
        zone: Arc::new(Zone::utc()),
        zones: Vec::new(),
        windows: Vec::new(),
    }
}

fn world(past: Past) -> World {
    let recipes = Recipes {
        agent: PathBuf::from("agent"),
        kill_grace: 1,
        keep_output: 1,
        limits: Limits::default(),
        credentials: BTreeMap::new(),
        elsewhere: false,
        trusts: true,
        prepares: true,
    };
    let started = Arc::new(Started::default());
    let planner = Planner::restore(rules(), past);
    let launcher: Arc<Started> = Arc::clone(&started);
    let engine = Engine::new(
        At::new(now()),
        planner,
        Kept::default(),
        Nobody,
        launcher,
        recipes,
    );
    (engine, started)
}

fn known() -> LedgerPlan {
    let before = DueTime::floor(now()).plus(-60);
    LedgerPlan {
        plan: Brief::of(&plan(""), &Digester::default()),
        first_seen: before,
        since: None,
        covered: before,
        last: None,
        success: None,
    }
}

/// The plan is due this moment: its run, which is being prepared.
fn due() -> (World, RunId) {
    let (mut engine, started) = world(Past {
        plans: vec![known()],
        ..Past::default()
    });
    let step = engine.step(vec![Input::Begin]);
    let run = asked(&step);
    assert_eq!(engine.preparing(&run).expect("it").0.state, RunState::Starting);
    assert!(started.recipes.lock().expect("no panic").is_empty());
    ((engine, started), run)
}

fn asked(step: &Step) -> RunId {
    let prepare = |errand: &Errand| match errand {
        Errand::Prepare(run) => Some(run.clone()),
        _ => None,
    };
    step.errands
        .iter()
        .find_map(prepare)
        .expect("it is to be prepared")
}

fn last_run(engine: &Engine<Kept, Nobody>) -> RunRecord {
    let run = |record: &Record| match record {
        Record::Run(run) => Some(run.clone()),
        _ => None,
    };
    engine.store.records.iter().rev().find_map(run).expect("a run")
}

#[test]
fn it_starts_when_it_is_prepared_with_what_was_got_ready() {
    let ((mut engine, started), run) = due();
    let step = engine.prepared(&run, Ok(Drafts::from([(0, "b1".to_owned())])));
    assert!(step.settled && engine.preparing(&run).is_none());
    let recipe = started.last();
    assert_eq!(recipe.run, run);
    assert!(recipe.steps[0].ini.contains("backup_id = b1\n"));
    // Said again, it starts nothing.
    engine.prepared(&run, Ok(Drafts::new()));
    assert!(started.recipes.lock().expect("no panic").is_empty());
}

#[test]
fn what_keeps_it_from_starting_is_how_it_ends() {
    let ((mut engine, started), run) = due();
    let step = engine.prepared(&run, Err("its trust is gone".to_owned()));
    let record = last_run(&engine);
    assert_eq!(record.state, RunState::Done(Outcome::Fail));
    assert_eq!(
        (record.detail.as_str(), record.started),
        ("its trust is gone", None)
    );
    assert!(step.errands.contains(&Errand::Deliver));
    assert!(started.recipes.lock().expect("no panic").is_empty());
}

#[test]
fn a_daemon_that_died_meanwhile_begins_anew() {
    let ((engine, _), run) = due();
    let (mut engine, started) = world(Past {
        plans: vec![known()],
        open: vec![last_run(&engine)],
        ..Past::default()
    });
    engine.find_launched(false);
    let step = engine.step(vec![Input::Begin]);
    assert_eq!(asked(&step), run);
    engine.prepared(&run, Ok(Drafts::new()));
    assert_eq!(started.recipes.lock().expect("no panic").len(), 1);
}

#[test]
fn a_document_that_cannot_be_read_at_present_is_waited_for() {
    let (mut engine, started) = world(Past {
        plans: vec![known()],
        ..Past::default()
    });
    engine.recipes.prepares = false;
    engine.store.unreadable = Some(StoreError::Away("the disk fails".to_owned()));
    let step = engine.step(vec![Input::Begin]);
    let record = last_run(&engine);
    assert_eq!(
        (record.state, record.detail.as_str()),
        (RunState::Queued, "the disk fails")
    );
    assert!(step.wake.is_some_and(|wake| Some(wake) == record.not_before));
    assert!(started.recipes.lock().expect("no panic").is_empty());
    engine.store.unreadable = Some(StoreError::Refused("it is damaged".to_owned()));
    engine.clock = At::new(now() + TimeDelta::seconds(2));
    let step = engine.step(vec![Input::Tick]);
    assert_eq!(step.refused.as_deref(), Some("it is damaged"));
    assert!(started.recipes.lock().expect("no panic").is_empty());
}

#[test]
fn what_runs_is_what_was_recorded_last() {
    let (mut engine, started) = world(Past {
        plans: vec![known()],
        ..Past::default()
    });
    engine.recipes.prepares = false;
    let edited = plan("").document.replace("cindernative", "edited");
    let edited = plan::parse(&edited, "a test").expect("a plan").plan;
    engine.step(vec![Input::Seen(Box::new(edited)), Input::Begin]);
    let recipe = started.last();
    assert!(recipe.steps[0].ini.contains("mode = edited\n"));
}

/// Found by the simulator: when the disk was back the question was sent, and the run started.
#[test]
fn whether_a_plan_is_gone_is_asked_while_the_ledger_cannot_be_written() {
    let (mut engine, _) = world(Past {
        plans: vec![known()],
        ..Past::default()
    });
    engine.store.room = Some(0);
    let step = engine.step(vec![Input::Listing {
        began: now(),
        plans: Vec::new(),
        broken: Vec::new(),
    }]);
    assert!(!step.settled);
    assert_eq!(step.errands, [Errand::ConfirmGone(JobId::new("j1"))]);
}

/// So many plans are due this moment; there is room for so many commits.
fn burst(plans: usize, room: Option<usize>) -> World {
    let due = |number| {
        let mut known = known();
        known.plan.id = JobId::new(&format!("j{number}"));
        known
    };
    let (mut engine, started) = world(Past {
        plans: (0..plans).map(due).collect(),
        ..Past::default()
    });
    engine.recipes.prepares = false;
    engine.store.room = room;
    (engine, started)
}

fn runs(records: &[Record]) -> BTreeMap<RunId, RunState> {
    let runs = |record: &Record| match record {
        Record::Run(run) => vec![(run.id.clone(), run.state)],
        Record::Queued(queued) => queued.runs().map(|run| (run.id, run.state)).collect(),
        _ => Vec::new(),
    };
    records.iter().flat_map(runs).collect()
}
