//! A service that says what a test wants, a launcher that asks it, and one run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::clock::{Clock, SystemClock};
use crate::launch::event::{EventLauncher, Fate, Listener, Patience, Service, Sight, Trouble, Wish};
use crate::launch::{LaunchEvent, Launcher, Recipe};
use crate::plan::{self, JobId, Plan, ProjectId};
use crate::planner::{Outcome, RunId};

/// Only a failure waits so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

type Said = Result<Option<String>, Trouble>;

/// What it says of its only plan, and what it was asked.
#[derive(Clone)]
pub(super) struct Scripted {
    says: Arc<Mutex<Said>>,
    asked: Arc<Mutex<Vec<Wish>>>,
    /// When a start was asked for, and not answered yet.
    pub(super) asking: Arc<Mutex<Option<DateTime<Utc>>>>,
    /// Told of each look.
    pub(super) looked: Arc<Notify>,
}

/// The system's, but for what its wall clock was set forward, in seconds.
pub(super) struct Set(SystemClock, pub(super) AtomicI64);

impl Clock for Set {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + TimeDelta::seconds(self.1.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

impl Service for Scripted {
    async fn look(&self, _: &JobId) -> Result<Option<Sight>, Trouble> {
        let said = self.says.lock().expect("no panic").clone();
        self.looked.notify_one();
        let said = said?;
        Ok(said.map(|text| Sight::from(&parsed(&text))))
    }

    async fn ask(&self, _: &JobId, project: Option<&ProjectId>, wish: Wish) -> Result<(), Trouble> {
        assert_eq!(project.map(ProjectId::as_str), Some("p"));
        self.asked.lock().expect("no panic").push(wish);
        if wish == Wish::Start {
            *self.asking.lock().expect("no panic") = Some(now());
            self.say(r#""status": "running", "started_at": "2026-01-01T00:00:00""#);
        }
        Ok(())
    }
}

impl Scripted {
    pub(super) fn say(&self, keys: &str) {
        *self.says.lock().expect("no panic") = Ok(Some(document(keys)));
    }

    pub(super) fn fails(&self) {
        *self.says.lock().expect("no panic") = Err(Trouble {
            text: "no plan can be read by itself".to_owned(),
            fate: Fate::NotDone,
        });
    }

    pub(super) fn asked(&self) -> Vec<Wish> {
        self.asked.lock().expect("no panic").clone()
    }
}

pub(super) fn document(keys: &str) -> String {
    format!(r#"{{"job_id": "a", "project_id": "p", {keys}}}"#)
}

pub(super) fn parsed(text: &str) -> Plan {
    plan::parse(text, "a").expect("a plan").plan
}

pub(super) struct Bed {
    pub(super) folder: tempfile::TempDir,
    pub(super) service: Scripted,
    pub(super) launcher: EventLauncher<Scripted>,
    pub(super) clock: Arc<Set>,
    events: UnboundedReceiver<LaunchEvent>,
}

impl Bed {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let service = Scripted {
            says: Arc::new(Mutex::new(Ok(Some(document(r#""status": "scheduled""#))))),
            asked: Arc::default(),
            asking: Arc::default(),
            looked: Arc::default(),
        };
        let clock = Arc::new(Set(SystemClock::new(), AtomicI64::new(0)));
        let (launcher, events) = launcher(&folder, &service, Arc::clone(&clock));
        Self {
            folder,
            service,
            launcher,
            clock,
            events,
        }
    }

    pub(super) async fn event(&mut self) -> LaunchEvent {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("in time").expect("an event")
    }

    pub(super) async fn started(&mut self) {
        self.launcher.start(&recipe()).expect("asked for");
        let event = self.event().await;
        let at = "2026-01-01T00:00:00Z".parse().expect("a time");
        let run = recipe().run;
        assert_eq!(event, LaunchEvent::Started { run, pid: 0, at });
    }

    /// Until it is noted that somebody wanted its end.
    pub(super) async fn abort_noted(&self) {
        let trace = self.folder.path().join(format!("asked/{}.json", recipe().run));
        let noted = tokio::time::timeout(PATIENCE, async {
            while !std::fs::read_to_string(&trace).is_ok_and(|text| text.contains(r#""aborted":true"#)) {
                crate::clock::pause(Duration::from_millis(5)).await;
            }
        });
        noted.await.expect("in time");
    }

    /// What comes of it when this is listed over and over, as a daemon's polls do: a listing that was asked for before a look
    /// says nothing any more.
    pub(super) async fn event_of_listings(&mut self, plans: &[Plan]) -> LaunchEvent {
        let listings = async {
            loop {
                self.launcher.listed(now(), plans);
                crate::clock::pause(Duration::from_millis(20)).await;
            }
        };
        let event = async {
            tokio::select! {
                event = self.events.recv() => event.expect("an event"),
                () = listings => unreachable!("they never end"),
            }
        };
        tokio::time::timeout(PATIENCE, event).await.expect("in time")
    }

    pub(super) async fn outcome(&mut self) -> Outcome {
        match self.event().await {
            LaunchEvent::Ended { report, .. } => report.outcome,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn launcher(
    folder: &tempfile::TempDir,
    service: &Scripted,
    clock: Arc<Set>,
) -> (EventLauncher<Scripted>, UnboundedReceiver<LaunchEvent>) {
    let (send, events) = unbounded_channel();
    let patience = Patience {
        start_within: TimeDelta::hours(1),
        run_limit: TimeDelta::hours(1),
    };
    let launcher = EventLauncher::new(folder.path(), service.clone(), patience, clock, send);
    (launcher.expect("a launcher"), events)
}

pub(super) fn now() -> DateTime<Utc> {
    SystemClock::new().now()
}

pub(super) fn recipe() -> Recipe {
    Recipe {
        run: RunId::from_stored("a-20260101T000000Z".to_owned()),
        job: JobId::new("a"),
        agent: "/nowhere".into(),
        steps: Vec::new(),
        environment: BTreeMap::new(),
        without: Vec::new(),
        kill_grace: 1,
        keep_output: 1,
        limits: crate::launch::Limits::default(),
        journal: false,
        further: false,
        open_files: None,
    }
}
