//! One run, followed by the word of a service that says what a test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::clock::{Clock, SystemClock};
use crate::launch::event::{EventLauncher, Fate, Listener, Patience, Service, Sight, Trouble, Wish};
use crate::launch::{Found, LaunchError, LaunchEvent, Launcher, Recipe};
use crate::plan::{self, JobId, Plan, ProjectId};
use crate::planner::{NotStarted, Outcome, RunId};

type Said = Result<Option<String>, Trouble>;

/// What it says of its only plan, and what it was asked.
#[derive(Clone)]
struct Scripted {
    says: Arc<Mutex<Said>>,
    asked: Arc<Mutex<Vec<Wish>>>,
    /// When a start was asked for, and not answered yet.
    asking: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl Service for Scripted {
    async fn look(&self, _: &JobId) -> Result<Option<Sight>, Trouble> {
        let said = self.says.lock().expect("no panic").clone()?;
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
    fn say(&self, keys: &str) {
        *self.says.lock().expect("no panic") = Ok(Some(document(keys)));
    }

    fn asked(&self) -> Vec<Wish> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn document(keys: &str) -> String {
    format!(r#"{{"job_id": "a", "project_id": "p", {keys}}}"#)
}

fn parsed(text: &str) -> Plan {
    plan::parse(text, "a").expect("a plan").plan
}

struct Bed {
    folder: tempfile::TempDir,
    service: Scripted,
    launcher: EventLauncher<Scripted>,
    events: UnboundedReceiver<LaunchEvent>,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let service = Scripted {
            says: Arc::new(Mutex::new(Ok(Some(document(r#""status": "scheduled""#))))),
            asked: Arc::default(),
            asking: Arc::default(),
        };
        let (launcher, events) = launcher(&folder, &service);
        Self {
            folder,
            service,
            launcher,
            events,
        }
    }

    async fn event(&mut self) -> LaunchEvent {
        let patience = std::time::Duration::from_secs(30);
        let event = tokio::time::timeout(patience, self.events.recv()).await;
        event.expect("in time").expect("an event")
    }

    async fn started(&mut self) {
        self.launcher.start(&recipe()).expect("asked for");
        let event = self.event().await;
        let at = "2026-01-01T00:00:00Z".parse().expect("a time");
        let run = recipe().run;
        assert_eq!(event, LaunchEvent::Started { run, pid: 0, at });
    }

    async fn outcome(&mut self) -> Outcome {
        match self.event().await {
            LaunchEvent::Ended { report, .. } => report.outcome,
            other => panic!("{other:?}"),
        }
    }
}

fn launcher(
    folder: &tempfile::TempDir,
    service: &Scripted,
) -> (EventLauncher<Scripted>, UnboundedReceiver<LaunchEvent>) {
    let (send, events) = unbounded_channel();
    let patience = Patience {
        start_within: TimeDelta::hours(1),
        run_limit: TimeDelta::hours(1),
    };
    let clock = Arc::new(SystemClock::new());
    let launcher = EventLauncher::new(folder.path(), service.clone(), patience, clock, send);
    (launcher.expect("a launcher"), events)
}

fn now() -> DateTime<Utc> {
    SystemClock::new().now()
}

fn recipe() -> Recipe {
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
    }
}

#[tokio::test]
async fn who_wants_it_ended_has_the_service_asked_for_that_once() {
    let mut bed = Bed::new();
    bed.started().await;
    bed.launcher.abort(&recipe().run).expect("noted");
    let asked = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while bed.service.asked().len() < 2 {
            crate::clock::pause(std::time::Duration::from_millis(5)).await;
        }
    });
    asked.await.expect("in time");
    // No word of how it ended, but it is known who ended it.
    bed.service.say(
        r#""status": "scheduled", "started_at": "2026-01-01T00:00:00", "ended_at": "2026-01-01T01:00:00""#,
    );
    assert_eq!(bed.outcome().await, Outcome::Aborted);
    assert_eq!(bed.service.asked(), [Wish::Start, Wish::Abort]);
}

#[tokio::test]
async fn what_its_user_has_ended_already_is_not_ended_again() {
    let mut bed = Bed::new();
    bed.started().await;
    bed.service.say(
        r#""status": "running", "started_at": "2026-01-01T00:00:00", "job_schedule": {"event": "abort"}"#,
    );
    bed.launcher.abort(&recipe().run).expect("noted");
    crate::clock::pause(std::time::Duration::from_millis(300)).await;
    bed.service.say(
        r#""status": "scheduled", "started_at": "2026-01-01T00:00:00", "ended_at": "2026-01-01T01:00:00""#,
    );
    assert_eq!(bed.outcome().await, Outcome::Aborted);
    assert_eq!(bed.service.asked(), [Wish::Start]);
}

#[tokio::test]
async fn a_listing_is_as_good_as_a_look_if_it_is_young_enough() {
    let mut bed = Bed::new();
    let before = now();
    bed.started().await;
    *bed.service.says.lock().expect("no panic") = Err(Trouble {
        text: "no plan can be read by itself".to_owned(),
        fate: Fate::NotDone,
    });
    let ended = |result| {
        let keys = r#""status": "scheduled", "started_at": "2026-01-01T00:00:00", "ended_at": "2026-01-01T01:00:00""#;
        [parsed(&document(&format!("{keys}, \"result\": \"{result}\"")))]
    };
    bed.launcher.listed(before, &ended("fail"));
    crate::clock::pause(std::time::Duration::from_millis(100)).await;
    assert_eq!(
        bed.launcher.awaited(),
        [recipe().job],
        "also if its document stays as it is"
    );
    bed.launcher.listed(now(), &ended("success"));
    assert_eq!(bed.outcome().await, Outcome::Success);
    bed.launcher.forget(&recipe().run);
    assert_eq!(bed.launcher.awaited(), []);
}

/// It shows the plan as it was before the start took effect, with the result of the run before, however long it took to come.
#[tokio::test]
async fn a_listing_that_is_older_than_the_answer_or_than_a_look_says_nothing() {
    let mut bed = Bed::new();
    bed.started().await;
    let asking = bed
        .service
        .asking
        .lock()
        .expect("no panic")
        .expect("it was asked");
    let old = [parsed(&document(r#""status": "scheduled", "result": "success""#))];
    for began in [asking, asking + TimeDelta::milliseconds(100)] {
        bed.launcher.listed(began, &old);
        crate::clock::pause(std::time::Duration::from_millis(100)).await;
        assert_eq!(bed.launcher.awaited(), [recipe().job], "it runs");
    }
    bed.service.say(r#""status": "scheduled", "result": "fail""#);
    assert_eq!(bed.outcome().await, Outcome::Fail);
}

#[tokio::test]
async fn a_run_is_asked_for_once_and_found_until_it_is_forgotten() {
    let mut bed = Bed::new();
    let run = recipe().run;
    assert_eq!(bed.launcher.find(&run).expect("looked"), Found::Never);
    bed.started().await;
    let again = bed.launcher.start(&recipe());
    assert!(
        matches!(again, Err(LaunchError::AlreadyStarted { .. })),
        "{again:?}"
    );
    // Another daemon, with the same folder.
    let (other, mut events) = launcher(&bed.folder, &bed.service);
    let again = other.start(&recipe());
    assert!(
        matches!(again, Err(LaunchError::AlreadyStarted { .. })),
        "{again:?}"
    );
    assert!(matches!(
        other.find(&run),
        Ok(Found::Alive {
            pid: 0,
            started: Some(_)
        })
    ));
    bed.service
        .say(r#""status": "error", "started_at": "2026-01-01T00:00:00", "ended_at": "2026-01-01T01:00:00""#);
    assert_eq!(bed.outcome().await, Outcome::Fail);
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), events.recv()).await;
    assert!(matches!(told, Ok(Some(LaunchEvent::Ended { .. }))), "{told:?}");
    assert!(matches!(other.find(&run), Ok(Found::Ended(_))));
    other.forget(&run);
    assert_eq!(other.find(&run).expect("looked"), Found::Never);
    assert_eq!(bed.service.asked(), [Wish::Start]);
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_asked_for() {
    let mut bed = Bed::new();
    std::fs::remove_dir(bed.folder.path().join("asked")).expect("removed");
    bed.launcher.start(&recipe()).expect("taken");
    let event = bed.event().await;
    let LaunchEvent::NotStarted {
        why: NotStarted::Away { detail },
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert!(detail.contains("asked/a-20260101T000000Z.json"), "{detail}");
    assert!(bed.service.asked().is_empty());
}

#[tokio::test]
async fn a_damaged_trace_is_a_lost_run_and_no_second_start() {
    let bed = Bed::new();
    let run = recipe().run;
    std::fs::write(bed.folder.path().join(format!("asked/{run}.json")), "{").expect("written");
    assert_eq!(bed.launcher.find(&run).expect("looked"), Found::Lost);
    let again = bed.launcher.start(&recipe());
    assert!(
        matches!(again, Err(LaunchError::AlreadyStarted { .. })),
        "{again:?}"
    );
    bed.launcher.forget(&run);
    assert_eq!(bed.launcher.find(&run).expect("looked"), Found::Never);
}
