use super::*;

#[test]
fn after_downtime_one_run_for_the_latest_and_the_rest_coalesced() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.jump_to("2026-03-02T10:20:00Z");
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z..2026-03-02T09:00:00Z x33 coalesced a-20260302T100000Z",
            "2026-03-02T10:00:00Z run a-20260302T100000Z",
        ]
    );
    assert_eq!(world.wake, Some(due("2026-03-02T11:00:00Z")));
}

#[test]
fn too_late_by_catch_up_is_expired() {
    let strict = Policy {
        catch_up: CatchUp::Within(600),
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", strict, vec![hourly("a")]);
    world.jump_to("2026-03-01T03:10:01Z");
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T01:00:00Z..2026-03-01T03:00:00Z x3 skipped Expired"]
    );
    world.jump_to("2026-03-01T04:10:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn waiting_in_the_queue_never_expires() {
    let tight = Policy {
        max_concurrent: 1,
        catch_up: CatchUp::Within(60),
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", tight, vec![hourly("a"), hourly("b")]);
    world.live_until("2026-03-01T01:00:00Z");
    let first = world.launched().remove(0);
    world.tell(Input::Started {
        run: first.clone(),
        pid: 1,
        at: world.now,
    });
    // The other one waits for five days; its further due times go with it.
    world.live_until("2026-03-06T01:30:00Z");
    world.run_for(&first, 0, Outcome::Success);
    let second = world.launched().remove(1);
    assert_eq!(second.as_str(), "b-20260301T010000Z");
    let verdicts = world.verdicts("b");
    assert_eq!(verdicts.len(), 121);
    assert!(
        verdicts
            .iter()
            .skip(1)
            .all(|verdict| verdict.ends_with("coalesced b-20260301T010000Z"))
    );
}

#[test]
fn a_success_covers_what_was_coalesced_into_it_while_it_waited() {
    let tight = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", tight, vec![hourly("a"), hourly("b")]);
    world.live_until("2026-03-01T01:00:00Z");
    let first = world.launched().remove(0);
    world.tell(Input::Started {
        run: first.clone(),
        pid: 1,
        at: world.now,
    });
    world.live_until("2026-03-01T04:30:00Z");
    world.run_for(&first, 0, Outcome::Success);
    let second = world.launched().remove(1);
    world.run_for(&second, 60, Outcome::Success);
    let late = world.planner.plans(9).remove(1);
    assert_eq!(late.deadline, Some(due("2026-03-01T06:00:00Z")));
}

#[test]
fn an_interval_is_not_moved_or_fired_again_by_a_restart() {
    let every = plan("a", json!({"schedule_interval": "6 hours"}));
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![every.clone()]);
    assert_eq!(world.wake, Some(due("2026-03-01T06:00:00Z")));
    world.live_until("2026-03-01T06:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 30, Outcome::Success);
    let past = Past {
        plans: vec![LedgerPlan {
            plan: brief(&every),
            first_seen: due("2026-03-01T00:30:00Z"),
            since: None,
            covered: due("2026-03-01T06:00:00Z"),
            last: None,
            success: None,
        }],
        polled: Some(at("2026-03-01T06:00:00Z")),
        ..Past::default()
    };
    let mut again = World::bare("2026-03-01T06:10:00Z", policy(), past);
    again.list(vec![every]);
    assert_eq!(
        (again.launched().len(), again.wake),
        (0, Some(due("2026-03-01T12:00:00Z")))
    );
}

#[test]
fn a_clock_set_forward_and_back_does_not_starve_a_plan() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.jump_to("2031-03-01T00:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Success);
    world.now = at("2026-03-01T00:31:00Z");
    world.tell(Input::ClockStepped);
    assert_eq!(world.wake, Some(due("2026-03-01T01:00:00Z")));
}

#[test]
fn a_small_step_back_fires_nothing_twice() {
    let mut world = World::new("2026-03-01T00:59:00Z", policy(), vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Success);
    world.now = at("2026-03-01T00:58:00Z");
    world.tell(Input::ClockStepped);
    world.live_until("2026-03-01T01:30:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn a_step_back_over_a_run_does_not_repeat_it() {
    let mut world = World::new("2026-03-01T00:59:00Z", policy(), vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 30, Outcome::Success);
    world.now = at("2026-03-01T00:40:00Z");
    world.tell(Input::ClockStepped);
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z run a-20260301T010000Z",
            "2026-03-01T02:00:00Z run a-20260301T020000Z"
        ]
    );
    assert_eq!(world.launched().len(), 2);
}

/// Found by the simulator: only the latest of them was known not to be repeated.
#[test]
fn a_step_back_over_several_runs_repeats_none_of_them() {
    let mut world = World::new("2026-03-01T00:59:00Z", policy(), vec![hourly("a")]);
    for hour in 1..=3 {
        world.live_until(&format!("2026-03-01T{hour:02}:00:00Z"));
        let run = world.launched().pop().expect("a run");
        world.run_for(&run, 5, Outcome::Success);
    }
    world.now = at("2026-03-01T00:30:00Z");
    world.tell(Input::ClockStepped);
    world.live_until("2026-03-01T04:00:00Z");
    let launched: Vec<String> = world.launched().iter().map(ToString::to_string).collect();
    assert_eq!(
        launched,
        [
            "a-20260301T010000Z",
            "a-20260301T020000Z",
            "a-20260301T030000Z",
            "a-20260301T040000Z"
        ]
    );
}

/// Found by the simulator: the planner turned in circles.
#[test]
fn a_plan_that_is_edited_after_a_step_back_over_its_run_is_due_by_its_new_schedule() {
    let again = plan("a", json!({"schedule_interval": "continuous"}));
    let mut world = World::new("2026-03-01T21:30:00Z", policy(), vec![again]);
    let run = world.launched().remove(0);
    world.now = at("2026-03-01T13:30:00Z");
    world.tell(Input::ClockStepped);
    world.list(vec![hourly("a")]);
    world.run_for(&run, 5, Outcome::Success);
    world.jump_to("2026-03-01T21:50:00Z");
    let verdicts = world.records.iter().flat_map(Record::verdicts);
    let since: u64 = verdicts
        .filter(|verdict| verdict.decided == world.now)
        .map(|verdict| verdict.count)
        .sum();
    assert_eq!(since, 8, "two to nine in the afternoon");
    world.live_until("2026-03-01T22:30:00Z");
    assert_eq!(world.wake, Some(due("2026-03-01T23:00:00Z")));
}

/// Two plans that are due every hour, one place for them, at `now`; and the run that has the place, at `then`.
fn one_waits(now: &str, then: &str) -> (World, RunId) {
    let one_at_a_time = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let mut world = World::new(now, one_at_a_time, vec![hourly("a"), hourly("b")]);
    world.jump_to(then);
    let runs = world.launched().remove(0);
    assert!(runs.as_str().starts_with("a-"));
    (world, runs)
}

fn names(runs: &[RunId]) -> Vec<&str> {
    runs.iter().map(RunId::as_str).collect()
}

/// Found by the simulator: it started as soon as it had a place, hours before its due time.
#[test]
fn what_waits_when_the_clock_is_set_back_does_not_run_before_its_time() {
    let (mut world, first) = one_waits("2026-03-01T04:59:00Z", "2026-03-01T05:00:00Z");
    world.now = at("2026-03-01T01:30:00Z");
    world.tell(Input::ClockStepped);
    world.run_for(&first, 5, Outcome::Success);
    assert_eq!(world.launched().len(), 1, "the other is due at two");
    world.live_until("2026-03-01T02:00:00Z");
    let second = world.launched().pop().expect("a run");
    assert_eq!(second.as_str(), "b-20260301T020000Z");
}

#[test]
fn what_waits_for_a_time_far_ahead_is_taken_back_when_the_clock_is_set_right() {
    let (mut world, first) = one_waits("2026-03-01T00:30:00Z", "2031-03-01T00:00:00Z");
    world.now = at("2026-03-01T00:31:00Z");
    world.tell(Input::ClockStepped);
    world.run_for(&first, 5, Outcome::Success);
    let taken_back = RunId::from_stored("b-20310301T000000Z".to_owned());
    assert!(world.records.contains(&Record::Withdraw { run: taken_back }));
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(
        names(&world.launched()),
        ["a-20310301T000000Z", "a-20260301T010000Z"]
    );
}

/// As at a boot with a clock that is wrong. Found by the simulator: they were coalesced into nothing, and never run.
#[test]
fn what_was_missed_is_run_when_the_clock_that_was_ahead_is_set_right() {
    for wrong in ["2026-03-01T09:30:00Z", "2031-03-01T00:00:00Z"] {
        let (mut world, first) = one_waits("2026-03-01T00:30:00Z", wrong);
        world.now = at("2026-03-01T05:30:00Z");
        world.tell(Input::ClockStepped);
        world.run_for(&first, 5, Outcome::Success);
        assert_eq!(names(&world.launched())[1..], ["b-20260301T050000Z"]);
        let b = ["2026-03-01T01:00:00Z..2026-03-01T04:00:00Z x4 coalesced b-20260301T050000Z"];
        assert_eq!(world.verdicts("b")[..1], b);
    }
}

#[test]
fn a_step_back_that_nobody_told_of_is_seen_before_an_edit() {
    let (mut world, _) = one_waits("2026-03-01T00:30:00Z", "2026-03-01T09:30:00Z");
    world.now = at("2026-03-01T05:30:00Z");
    let edited = plan("b", json!({"schedule_minute": "30"}));
    world.list(vec![hourly("a"), edited]);
    let superseded = "2026-03-01T01:00:00Z..2026-03-01T05:00:00Z x5 skipped Superseded";
    assert_eq!(world.verdicts("b").first().map(String::as_str), Some(superseded));
    assert_eq!(world.wake, Some(due("2026-03-01T06:30:00Z")));
}

/// Found by the simulator: what it was to serve was opened again, and by the new data it is not due.
#[test]
fn what_was_queued_by_other_zone_data_waits_on_when_the_clock_is_set_back() {
    let (mut world, first) = one_waits("2026-03-01T00:30:00Z", "2026-03-01T09:30:00Z");
    let half_an_hour_off = Policy {
        max_concurrent: 1,
        zone: Arc::new(Zone::new("Here", 1800, &[])),
        ..policy()
    };
    world.tell(Input::Policy(Box::new(half_an_hour_off)));
    world.now = at("2026-03-01T05:30:00Z");
    world.tell(Input::ClockStepped);
    world.run_for(&first, 5, Outcome::Success);
    world.live_until("2026-03-01T09:00:00Z");
    assert_eq!(names(&world.launched())[1..], ["b-20260301T090000Z"]);
    assert_eq!(
        world.verdicts("b"),
        [
            "2026-03-01T01:00:00Z..2026-03-01T08:00:00Z x8 coalesced b-20260301T090000Z",
            "2026-03-01T09:00:00Z run b-20260301T090000Z"
        ]
    );
}

#[test]
fn what_a_withdrawn_run_was_to_serve_has_its_verdict() {
    let (mut world, _) = one_waits("2026-03-01T00:30:00Z", "2026-03-01T04:30:00Z");
    assert_eq!(world.verdicts("b").len(), 2);
    world.list(vec![hourly("a")]);
    world.tell(Input::Gone(job("b")));
    let last = world.records.iter().rev().find_map(|record| match record {
        Record::Verdict(verdict) => Some((verdict.first, verdict.last, verdict.count)),
        _ => None,
    });
    let all = (due("2026-03-01T01:00:00Z"), due("2026-03-01T04:00:00Z"), 4);
    assert_eq!(last, Some(all));
}

#[test]
fn what_runs_once_and_waits_when_the_clock_is_set_back_runs() {
    for back in ["2026-02-25T00:00:00Z", "2026-03-01T00:29:00Z"] {
        let one_at_a_time = Policy {
            max_concurrent: 1,
            ..policy()
        };
        let once = plan("b", json!({}));
        let again = plan("a", json!({"schedule_interval": "continuous"}));
        let mut world = World::new("2026-03-01T00:30:00Z", one_at_a_time, vec![again, once]);
        let first = world.launched().remove(0);
        world.now = at(back);
        world.tell(Input::ClockStepped);
        world.run_for(&first, 5, Outcome::Success);
        let second = world.launched().pop().expect("a run");
        assert!(
            second.as_str().starts_with("b-2026022") || second.as_str().ends_with("T002900Z"),
            "{second}"
        );
    }
}

#[test]
fn what_was_seen_by_a_clock_far_ahead_anchors_nothing() {
    let every = document(json!({
        "job_id": "a", "job_schedule": {"schedule_interval": "1 hours"},
        "job_actions": [{"freezer_action": {"action": "backup"}}],
    }));
    let mut world = World::new("2040-01-01T00:00:00Z", policy(), vec![every]);
    world.now = at("2026-03-01T00:00:00Z");
    world.tell(Input::ClockStepped);
    assert_eq!(world.wake, Some(due("2026-03-01T01:00:00Z")));
}

#[test]
fn a_continuous_plan_is_not_late_the_moment_it_succeeded() {
    let again = plan("a", json!({"schedule_interval": "continuous"}));
    let mut world = World::new("2026-03-01T00:00:00Z", policy(), vec![again]);
    let run = world.launched().remove(0);
    world.run_for(&run, 3 * 3600, Outcome::Success);
    let deadline = world.planner.plans(9).remove(0).deadline;
    assert_eq!(deadline, Some(due("2026-03-01T04:00:01Z")));
}

#[test]
fn a_plan_that_this_node_cannot_run_is_late() {
    let none = document(json!({"job_id": "a", "job_schedule": {"schedule_minute": "0"}, "job_actions": []}));
    let world = World::new("2026-03-01T00:30:00Z", policy(), vec![none]);
    assert_eq!(
        world.planner.plans(9).remove(0).deadline,
        Some(due("2026-03-01T02:00:00Z"))
    );
}
