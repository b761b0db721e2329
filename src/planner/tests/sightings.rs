//! In shadow, what another scheduler did is recorded as its documents show it.

use super::*;

fn shadow() -> Policy {
    Policy {
        shadow: true,
        ..policy()
    }
}

/// The plan as its scheduler left it: its last run's start, end (-1: it runs) and result.
fn reported(started: &str, ended: Option<&str>, result: &str) -> Plan {
    plan(
        "a",
        json!({
            "schedule_minute": "0",
            "status": if ended.is_some() { "scheduled" } else { "running" },
            "result": result,
            "time_started": at(started).timestamp(),
            "time_ended": ended.map_or(-1, |ended| at(ended).timestamp()),
        }),
    )
}

/// Start, end, result, and from when on a run before it would have been seen.
type Seen = (String, Option<DateTime<Utc>>, String, Option<DateTime<Utc>>);

fn seen(world: &World) -> Vec<Seen> {
    let sighting = |record: &Record| match record {
        Record::Sighting(seen) => Some((
            seen.started.to_string(),
            seen.ended,
            seen.result.clone(),
            seen.unseen,
        )),
        _ => None,
    };
    world.records.iter().filter_map(sighting).collect()
}

#[test]
fn a_run_is_seen_while_it_runs_and_when_it_is_over() {
    let mut world = World::new("2026-03-01T00:30:00Z", shadow(), vec![hourly("a")]);
    assert_eq!(seen(&world), []);
    let (started, polls) = (
        "2026-03-01T01:00:02Z",
        ["2026-03-01T01:00:30Z", "2026-03-01T01:01:30Z"],
    );
    world.live_until(polls[0]);
    world.list(vec![reported(started, None, "")]);
    world.live_until(polls[1]);
    let over = reported(started, Some("2026-03-01T01:00:50Z"), "success");
    world.list(vec![over.clone()]);
    world.live_until("2026-03-01T01:02:30Z");
    world.list(vec![over]);
    assert_eq!(
        seen(&world),
        [
            (
                started.to_owned(),
                None,
                String::new(),
                Some(at("2026-03-01T00:30:00Z"))
            ),
            (
                started.to_owned(),
                Some(at("2026-03-01T01:00:50Z")),
                "success".to_owned(),
                Some(at(polls[0]))
            ),
        ]
    );
}

#[test]
fn a_plan_that_is_new_tells_of_its_last_run_after_its_own_record() {
    let over = reported("2026-03-01T00:00:01Z", Some("2026-03-01T00:00:09Z"), "fail");
    let world = World::new("2026-03-01T00:30:00Z", shadow(), vec![over]);
    assert!(matches!(
        world.records.as_slice(),
        [Record::Plan { .. }, Record::Sighting(_), Record::Polled { .. }]
    ));
    assert_eq!(seen(&world)[0].3, None, "there was no listing before");
}

#[test]
fn an_edit_is_no_sighting_and_what_ran_before_the_daemon_began_is_told_in_shadow_only() {
    let over = |minute: &str| {
        let mut plan = reported("2026-03-01T00:00:01Z", Some("2026-03-01T00:00:09Z"), "success");
        plan.document = plan.document.replace("\"0\"", minute).into();
        plan
    };
    let mut world = World::new("2026-03-01T00:30:00Z", shadow(), vec![over("\"1\"")]);
    world.list(vec![over("\"2\"")]);
    assert_eq!(seen(&world).len(), 1);
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.list(vec![over("\"0\"")]);
    assert_eq!(seen(&world), []);
}

#[test]
fn who_runs_plans_itself_sees_the_runs_of_another_once_each() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    let foreign = "2026-03-01T00:40:02Z";
    let over = reported(foreign, Some("2026-03-01T00:40:50Z"), "success");
    for (at, plan) in [
        ("2026-03-01T00:40:30Z", reported(foreign, None, "")),
        ("2026-03-01T00:41:30Z", over.clone()),
        ("2026-03-01T00:42:30Z", over),
    ] {
        world.live_until(at);
        world.list(vec![plan]);
    }
    let starts = |world: &World| seen(world).into_iter().map(|seen| seen.0).collect::<Vec<_>>();
    assert_eq!(starts(&world), [foreign]);
    // A user's edit that brings back what they read before is none.
    world.list(vec![reported("2026-03-01T00:10:02Z", None, "")]);
    assert_eq!(starts(&world), [foreign]);
}

#[test]
fn one_that_starts_in_the_same_second_is_seen_by_its_end() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    let started = "2026-03-01T01:00:00Z";
    world.live_until(started);
    let run = world.launched().pop().expect("it is due");
    world.run_for(&run, 60, Outcome::Success);
    world.list(vec![reported(started, Some("2026-03-01T01:01:00Z"), "success")]);
    assert_eq!(seen(&world), [], "it is ours");
    world.live_until("2026-03-01T01:03:00Z");
    world.list(vec![reported(started, Some("2026-03-01T01:02:00Z"), "success")]);
    assert_eq!(seen(&world).len(), 1);
}

#[test]
fn runs_of_ours_are_no_sightings_though_their_reports_come_late() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    let mut ours = Vec::new();
    for hour in ["01", "02"] {
        world.live_until(&format!("2026-03-01T{hour}:00:00Z"));
        let run = world.launched().pop().expect("it is due");
        world.run_for(&run, 60, Outcome::Success);
        ours.push(format!("2026-03-01T{hour}:00:00Z"));
    }
    assert_eq!(seen(&world), []);
    for started in &ours {
        world.list(vec![reported(started, None, "")]);
        assert_eq!(seen(&world), [], "{started}");
    }
}
