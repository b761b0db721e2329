//! Plans whose document cannot be used when the daemon starts.

use super::restart::{past, record};
use super::*;

#[test]
fn a_document_that_was_broken_at_the_start_keeps_its_place_when_it_is_mended() {
    let once = plan("a", json!({}));
    let aside = Aside {
        job: job("a"),
        first_seen: due("2026-03-01T01:00:00Z"),
        covered: due("2026-03-01T01:00:00Z"),
        last: Some(LastRun::from(&record(RunState::Done(Outcome::Success)))),
        success: Some(LastRun::from(&record(RunState::Done(Outcome::Success)))),
    };
    let past = Past {
        aside: vec![aside],
        ..Past::default()
    };
    let mut world = World::bare("2026-03-01T02:00:00Z", policy(), past);
    world.list(vec![once]);
    assert_eq!(world.launched(), [], "it has had its run");
}

#[test]
fn a_document_that_was_broken_at_the_start_and_is_gone_is_forgotten() {
    let aside = Aside {
        job: job("a"),
        first_seen: due("2026-03-01T01:00:00Z"),
        covered: due("2026-03-01T01:00:00Z"),
        last: None,
        success: None,
    };
    let mut world = World::bare(
        "2026-03-01T02:00:00Z",
        policy(),
        Past {
            aside: vec![aside],
            ..Past::default()
        },
    );
    world.list(vec![]);
    let forget = Record::Forget { job: job("a") };
    assert!(world.orders.contains(&Order::ConfirmGone(job("a"))));
    assert!(!world.records.contains(&forget), "it is asked for first");
    world.tell(Input::Gone(job("a")));
    assert!(world.records.contains(&forget));
}

/// Offset paging over a list that changes skips rows. Forgotten at once, it would run a second time.
#[test]
fn one_that_runs_once_and_is_missing_from_a_listing_has_had_its_run_all_the_same() {
    let ran = Some(LastRun::from(&record(RunState::Done(Outcome::Success))));
    let aside = Aside {
        job: job("a"),
        first_seen: due("2026-03-01T01:00:00Z"),
        covered: due("2026-03-01T01:00:00Z"),
        last: ran.clone(),
        success: ran,
    };
    let past = Past {
        aside: vec![aside],
        ..Past::default()
    };
    let mut world = World::bare("2026-03-01T02:00:00Z", policy(), past);
    world.list(vec![]);
    world.list(vec![plan("a", json!({}))]);
    assert_eq!(world.launched(), []);
}

/// Its document was edited into something that cannot be used while it ran, before the daemon started.
fn woken_without_its_document(policy: Policy) -> World {
    let Past { open, polled, .. } = past(RunState::Running);
    let aside = Aside {
        job: job("a"),
        first_seen: due("2026-03-01T00:30:00Z"),
        covered: due("2026-03-01T01:00:00Z"),
        last: None,
        success: None,
    };
    let past = Past {
        open,
        aside: vec![aside],
        polled,
        ..Past::default()
    };
    World::bare("2026-03-01T01:10:00Z", policy, past)
}

#[test]
fn a_run_whose_plan_cannot_be_read_any_more_is_reported_and_can_be_aborted() {
    let mut world = woken_without_its_document(policy());
    let run = world.planner.launched().remove(0).id;
    let broken = Broken {
        job: job("a"),
        document: "{".into(),
        event: "abort".to_owned(),
    };
    world.tell(Input::Listing {
        began: world.now,
        plans: Vec::new(),
        broken: vec![broken],
    });
    assert!(
        world.orders.contains(&Order::Abort(run.clone())),
        "{:?}",
        world.orders
    );
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(world.reports().last(), Some(&("scheduled", "success")));
    // Mended into one that runs once, it has had its run.
    let before = world.launched().len();
    world.list(vec![plan("a", json!({}))]);
    assert_eq!(world.launched().len(), before);
}

/// Broken since before the daemon started; nothing of it ran.
fn broken_since_yesterday() -> World {
    let aside = Aside {
        job: job("a"),
        first_seen: due("2026-02-28T00:30:00Z"),
        covered: due("2026-02-28T12:00:00Z"),
        last: None,
        success: None,
    };
    let past = Past {
        aside: vec![aside],
        polled: Some(at("2026-03-01T09:59:00Z")),
        ..Past::default()
    };
    World::bare("2026-03-01T10:00:00Z", policy(), past)
}

#[test]
fn a_document_that_is_mended_has_no_due_times_in_the_past() {
    let mut world = broken_since_yesterday();
    world.list(vec![plan("a", json!({"schedule_hour": "3"}))]);
    assert_eq!(world.launched(), []);
    assert_eq!(world.wake, Some(due("2026-03-02T03:00:00Z")));
}

#[test]
fn one_that_is_mended_into_a_plan_that_runs_once_runs() {
    let mut world = broken_since_yesterday();
    world.list(vec![plan("a", json!({}))]);
    assert_eq!(world.launched().len(), 1);
}
