//! One run, followed by the word of a service that says what a test wants.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;

use super::bed::{Bed, PATIENCE, document, launcher, now, parsed, recipe};
use crate::launch::event::{Listener, Wish};
use crate::launch::{Found, LaunchError, LaunchEvent, Launcher};
use crate::planner::{NotStarted, Outcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_wants_it_ended_has_the_service_asked_for_that_once() {
    let mut bed = Bed::new();
    bed.started().await;
    bed.launcher.abort(&recipe().run).expect("noted");
    let asked = tokio::time::timeout(PATIENCE, async {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn that_it_was_ended_is_known_to_the_next_daemon() {
    let mut bed = Bed::new();
    bed.started().await;
    let run = recipe().run;
    bed.launcher.abort(&run).expect("noted");
    bed.abort_noted().await;
    let (other, mut events) = launcher(&bed.folder, &bed.service, Arc::clone(&bed.clock));
    assert!(matches!(other.find(&run), Ok(Found::Alive { .. })));
    bed.service.say(
        r#""status": "scheduled", "started_at": "2026-01-01T00:00:00", "ended_at": "2026-01-01T01:00:00""#,
    );
    let told = tokio::time::timeout(PATIENCE, events.recv()).await;
    let Ok(Some(LaunchEvent::Ended { report, .. })) = told else {
        panic!("{told:?}")
    };
    assert_eq!(report.outcome, Outcome::Aborted);
}

/// However long the daemon was away, what it sees first decides, and not that it could not look at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_was_away_looks_before_it_gives_up() {
    let then = (now() - TimeDelta::hours(2)).to_rfc3339();
    let under_way = r#"{"started": null, "said_running": true}"#;
    let outcomes = tokio::join!(
        after_a_look_that_fails(&then, r#""asking""#.to_owned()),
        after_a_look_that_fails(&then, format!(r#"{{"taken": "{then}"}}"#)),
        after_a_look_that_fails(&then, format!(r#"{{"running": ["{then}", {under_way}]}}"#)),
    );
    assert_eq!(outcomes, (Outcome::Success, Outcome::Success, Outcome::Success));
}

/// What becomes of a run that was asked for then and has come so far, when the second look shows a success.
async fn after_a_look_that_fails(then: &str, phase: String) -> Outcome {
    let mut bed = Bed::new();
    let run = recipe().run;
    let before = r#"{"started": null, "ended": null}"#;
    let trace = format!(r#"{{"job": "a", "asked": "{then}", "before": {before}, "phase": {phase}}}"#);
    std::fs::write(bed.folder.path().join(format!("asked/{run}.json")), trace).expect("written");
    bed.service.fails();
    assert!(
        matches!(bed.launcher.find(&run), Ok(Found::Alive { .. })),
        "{phase}"
    );
    bed.service.looked.notified().await;
    let times = r#""started_at": "2026-01-01T00:00:00", "ended_at": "2026-01-01T01:00:00""#;
    let keys = format!(r#""status": "scheduled", "result": "success", {times}"#);
    let shown = [parsed(&document(&keys))];
    loop {
        match bed.event_of_listings(&shown).await {
            LaunchEvent::Ended { report, .. } => return report.outcome,
            LaunchEvent::Started { .. } => {}
            other => panic!("{phase}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_its_user_has_ended_already_is_not_ended_again() {
    let mut bed = Bed::new();
    bed.started().await;
    bed.service.say(
        r#""status": "running", "started_at": "2026-01-01T00:00:00", "job_schedule": {"event": "abort"}"#,
    );
    bed.launcher.abort(&recipe().run).expect("noted");
    bed.abort_noted().await;
    bed.service.say(
        r#""status": "scheduled", "started_at": "2026-01-01T00:00:00", "ended_at": "2026-01-01T01:00:00""#,
    );
    assert_eq!(bed.outcome().await, Outcome::Aborted);
    assert_eq!(bed.service.asked(), [Wish::Start]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_listing_is_as_good_as_a_look_if_it_is_young_enough() {
    let mut bed = Bed::new();
    let before = now();
    bed.started().await;
    bed.service.fails();
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
    match bed.event_of_listings(&ended("success")).await {
        LaunchEvent::Ended { report, .. } => assert_eq!(report.outcome, Outcome::Success),
        other => panic!("{other:?}"),
    }
    bed.launcher.forget(&recipe().run);
    assert_eq!(bed.launcher.awaited(), []);
}

/// It shows the plan as it was before the start took effect, with the result of the run before, however long it took to come.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
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

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
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
    let (other, mut events) = launcher(&bed.folder, &bed.service, Arc::clone(&bed.clock));
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
    let told = tokio::time::timeout(PATIENCE, events.recv()).await;
    assert!(matches!(told, Ok(Some(LaunchEvent::Ended { .. }))), "{told:?}");
    assert!(matches!(other.find(&run), Ok(Found::Ended(_))));
    other.forget(&run);
    assert_eq!(other.find(&run).expect("looked"), Found::Never);
    assert_eq!(bed.service.asked(), [Wish::Start]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_wall_clock_that_is_set_forward_makes_nobody_impatient() {
    let mut bed = Bed::new();
    bed.started().await;
    bed.clock.1.store(3 * 3600, Ordering::Relaxed);
    // Both what was said before this and what is taken in after it.
    for _ in 0..3 {
        bed.service.looked.notified().await;
    }
    assert_eq!(bed.launcher.awaited(), [recipe().job], "it runs");
    bed.service.say(r#""status": "scheduled", "result": "success""#);
    assert_eq!(bed.outcome().await, Outcome::Success);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
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

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
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
