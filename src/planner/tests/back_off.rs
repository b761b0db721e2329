//! Continuous plans whose runs cannot be started.

use super::*;

fn continuous(id: &str) -> Plan {
    plan(id, json!({"schedule_interval": "continuous"}))
}

/// The run that was launched last comes to nothing.
fn fails(world: &mut World) {
    let run = world.launched().pop().expect("a launch");
    let end = End {
        outcome: Outcome::Fail,
        started: None,
        ended: world.now,
        detail: "no such agent".to_owned(),
        metadata: Vec::new(),
    };
    world.tell(Input::Ended { run, end });
}

/// The seconds until it is launched again.
fn pause(world: &mut World) -> i64 {
    let (since, launched) = (world.now, world.launched().len());
    let wake = world.wake.expect("it is due again");
    world.live_until(&wake.to_string());
    assert_eq!(world.launched().len(), launched + 1);
    (world.now - since).num_seconds()
}

/// A world in which the run has failed to start ten times.
fn backed_off() -> World {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![continuous("a")]);
    let mut pauses = Vec::new();
    for _ in 0..11 {
        fails(&mut world);
        pauses.push(pause(&mut world));
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    world
}

fn covered(world: &World) -> Option<DueTime> {
    world.records.iter().rev().find_map(|record| match record {
        Record::Covered { covered, .. } | Record::Plan { covered, .. } => Some(*covered),
        _ => None,
    })
}

#[test]
fn one_that_cannot_be_started_is_tried_less_and_less_often() {
    let mut world = backed_off();
    fails(&mut world);
    assert_eq!(
        covered(&world),
        Some(DueTime::floor(world.now).plus(299)),
        "what the ledger knows, and people are told"
    );
}

#[test]
fn one_that_was_started_is_due_again_a_second_later_however_it_ended() {
    for outcome in [Outcome::Success, Outcome::Fail, Outcome::Lost] {
        let mut world = backed_off();
        let run = world.launched().pop().expect("a launch");
        world.run_for(&run, 2, outcome);
        assert_eq!(pause(&mut world), 1);
        fails(&mut world);
        assert_eq!(pause(&mut world), 1, "it counts from the beginning");
    }
}

#[test]
fn who_may_have_mended_it_is_not_kept_waiting() {
    let start = json!({"schedule_interval": "continuous", "event": "start"});
    let other = json!({"schedule_interval": "continuous", "schedule_start_date": "2026-01-01T00:00:00Z"});
    for edited in [start, other] {
        let mut world = backed_off();
        fails(&mut world);
        let launched = world.launched().len();
        world.now += TimeDelta::seconds(20);
        world.list(vec![plan("a", edited)]);
        assert_eq!(world.launched().len(), launched + 1);
    }
    let mut world = backed_off();
    fails(&mut world);
    let launched = world.launched().len();
    world.now += TimeDelta::seconds(20);
    world.tell(Input::Policy(Box::new(policy())));
    assert_eq!(
        world.launched().len(),
        launched + 1,
        "the configuration was read again"
    );
    fails(&mut world);
    assert_eq!(pause(&mut world), 1);
}

#[test]
fn our_own_reports_in_its_document_do_not_shorten_the_pause() {
    let mut world = backed_off();
    fails(&mut world);
    let wake = world.wake;
    let reported = json!({"schedule_interval": "continuous", "status": "scheduled", "result": "fail",
        "time_ended": world.now.timestamp()});
    world.now += TimeDelta::seconds(20);
    world.list(vec![plan("a", reported)]);
    assert_eq!(world.wake, wake);
}

#[test]
fn by_a_calendar_it_is_due_when_it_is_due() {
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        policy(),
        vec![plan("a", json!({"schedule_minute": "*"}))],
    );
    for _ in 0..5 {
        let wake = world.wake.expect("it is due");
        world.live_until(&wake.to_string());
        fails(&mut world);
    }
    assert_eq!(world.now, at("2026-03-01T00:35:00Z"));
}
