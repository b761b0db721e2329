use crate::schedule::Crontab;

use super::*;

fn nightly(outside: Outside) -> Policy {
    let allow = Crontab::compile("* 20-23,0-5 * * *").expect("a test's window");
    let rule = WindowRule {
        scope: Scope::default(),
        allow: vec![allow],
        deny: Vec::new(),
        outside: Some(outside),
    };
    Policy {
        windows: vec![rule],
        ..policy()
    }
}

#[test]
fn a_plan_due_outside_its_window_waits_for_it_to_open() {
    let noon = plan("a", json!({"schedule_hour": "12"}));
    let mut world = World::new("2026-03-01T11:00:00Z", nightly(Outside::Wait), vec![noon]);
    world.live_until("2026-03-01T19:59:59Z");
    assert_eq!((world.launched().len(), world.planner.counts().held), (0, 1));
    world.live_until("2026-03-01T20:00:00Z");
    assert_eq!(world.launched().len(), 1);
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T12:00:00Z run a-20260301T120000Z"]
    );
}

#[test]
fn or_is_skipped_as_configured() {
    let noon = plan("a", json!({"schedule_hour": "12"}));
    let mut world = World::new("2026-03-01T11:00:00Z", nightly(Outside::Skip), vec![noon]);
    world.live_until("2026-03-01T23:00:00Z");
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T12:00:00Z skipped OutsideWindow"]
    );
}

#[test]
fn a_window_that_shuts_while_a_run_is_queued_holds_it_until_it_opens_again() {
    let five = plan("a", json!({"schedule_hour": "5"}));
    let rules = Policy {
        max_concurrent: 0,
        ..nightly(Outside::Skip)
    };
    let mut world = World::new("2026-03-01T04:00:00Z", rules, vec![five]);
    world.live_until("2026-03-01T06:30:00Z");
    world.tell(Input::Policy(Box::new(nightly(Outside::Skip))));
    assert_eq!((world.launched().len(), world.planner.counts().held), (0, 1));
    world.live_until("2026-03-01T20:00:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn a_continuous_plan_that_is_shut_out_is_due_again_when_its_window_opens() {
    let again = plan("a", json!({"schedule_interval": "continuous"}));
    let mut world = World::new("2026-03-01T11:00:00Z", nightly(Outside::Skip), vec![again]);
    world.live_until("2026-03-01T20:00:00Z");
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T11:00:00Z skipped OutsideWindow",
            "2026-03-01T20:00:00Z run a-20260301T200000Z"
        ]
    );
}

#[test]
fn a_window_for_one_plan_leaves_the_others_alone() {
    let mut rules = nightly(Outside::Wait);
    for rule in &mut rules.windows {
        rule.scope.plans = vec!["a*".to_owned()];
    }
    let noon = |id| plan(id, json!({"schedule_hour": "12"}));
    let mut world = World::new("2026-03-01T11:00:00Z", rules, vec![noon("a1"), noon("b1")]);
    world.live_until("2026-03-01T12:00:00Z");
    assert_eq!(world.launched().len(), 1);
    assert!(world.launched().iter().all(|run| run.as_str().starts_with("b1")));
}

/// A continuous plan that was shut out at noon: it is due again at eight in the evening.
fn shut_out() -> World {
    let again = plan("a", json!({"schedule_interval": "continuous"}));
    let world = World::new("2026-03-01T12:00:00Z", nightly(Outside::Skip), vec![again]);
    assert_eq!(world.wake, Some(due("2026-03-01T20:00:00Z")));
    world
}

/// Found by the simulator: its new due times before that had no verdict.
#[test]
fn a_continuous_plan_that_is_shut_out_and_edited_is_due_by_its_new_schedule() {
    let mut world = shut_out();
    world.now = at("2026-03-01T12:30:00Z");
    world.list(vec![hourly("a")]);
    world.live_until("2026-03-01T13:30:00Z");
    assert_eq!(
        world.verdicts("a")[1..],
        ["2026-03-01T13:00:00Z skipped OutsideWindow"]
    );
}

#[test]
fn a_continuous_plan_that_is_shut_out_runs_when_its_window_is_taken_away() {
    let mut world = shut_out();
    world.now = at("2026-03-01T12:30:00Z");
    world.tell(Input::Policy(Box::new(policy())));
    assert_eq!(world.launched().len(), 1);
}

/// Found by the simulator: its verdict was void, and there was no other.
#[test]
fn one_that_runs_once_and_was_shut_out_ahead_of_a_wrong_clock_is_due_again() {
    let mut world = World::new(
        "2026-03-01T12:00:00Z",
        nightly(Outside::Skip),
        vec![plan("a", json!({}))],
    );
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T12:00:00Z skipped OutsideWindow"]
    );
    world.now = at("2026-03-01T10:00:00Z");
    world.tell(Input::ClockStepped);
    assert_eq!(
        world.verdicts("a")[..1],
        ["2026-03-01T10:00:00Z skipped OutsideWindow"]
    );
    assert_eq!(world.wake, None, "once");
    world.now = at("2026-03-01T01:00:00Z");
    world.tell(Input::ClockStepped);
    assert_eq!(world.launched().len(), 1);
    let run = world.launched().remove(0);
    world.run_for(&run, 60, Outcome::Success);
    world.now = at("2026-02-27T23:00:00Z");
    world.tell(Input::ClockStepped);
    assert_eq!(
        (world.launched().len(), world.wake),
        (1, None),
        "what ran once never runs again"
    );
}
