use super::*;

#[test]
fn a_due_time_is_launched_reported_and_due_again() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    assert_eq!(world.wake, Some(due("2026-03-01T01:00:00Z")));
    world.live_until("2026-03-01T01:00:00Z");
    let run = RunId::new(&job("a"), due("2026-03-01T01:00:00Z"));
    assert_eq!(world.launched(), [run.clone()]);
    world.run_for(&run, 120, Outcome::Success);
    assert_eq!(
        world.reports(),
        [
            ("scheduled", "as it was"),
            ("running", ""),
            ("scheduled", "success")
        ]
    );
    assert_eq!(world.wake, Some(due("2026-03-01T02:00:00Z")));
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T01:00:00Z run a-20260301T010000Z"]
    );
    assert!(world.orders.contains(&Order::ForgetRun(run)));
}

#[test]
fn nothing_is_launched_before_its_run_is_recorded_as_starting() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    let starting = world.records.iter().any(
        |record| matches!(record, Record::Run(run) if run.state == RunState::Starting && run.job == job("a")),
    );
    assert!(starting);
}

#[test]
fn a_run_that_still_runs_makes_the_next_due_time_overlap() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 0, Outcome::Success);
    world.live_until("2026-03-01T02:00:00Z");
    let second = world.launched().remove(1);
    world.tell(Input::Started {
        run: second.clone(),
        pid: 8,
        at: world.now,
    });
    world.live_until("2026-03-01T03:30:00Z");
    world.run_for(&second, 0, Outcome::Fail);
    world.live_until("2026-03-01T04:00:00Z");
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z run a-20260301T010000Z",
            "2026-03-01T02:00:00Z run a-20260301T020000Z",
            "2026-03-01T03:00:00Z skipped Overlap",
            "2026-03-01T04:00:00Z run a-20260301T040000Z",
        ]
    );
}

#[test]
fn an_end_that_is_told_twice_is_recorded_and_reported_once() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Success);
    let (records, reports) = (world.records.len(), world.reports().len());
    world.tell(Input::Ended {
        run,
        end: End {
            outcome: Outcome::Success,
            started: None,
            ended: world.now,
            detail: String::new(),
            metadata: Vec::new(),
        },
    });
    assert_eq!((world.records.len(), world.reports().len()), (records, reports));
}

#[test]
fn a_one_shot_runs_once_and_is_completed() {
    let shot = plan("a", json!({"schedule_date": "2026-03-01T01:00:00Z"}));
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![shot.clone()]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Fail);
    assert_eq!(
        world.reports(),
        [("scheduled", "as it was"), ("running", ""), ("completed", "fail")]
    );
    world.list(vec![shot]);
    world.live_until("2026-04-01T00:00:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn a_plan_without_a_schedule_runs_once_at_once() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![plan("a", json!({}))]);
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T00:30:00Z run a-20260301T003000Z"]
    );
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Success);
    world.live_until("2027-01-01T00:00:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn a_plan_without_a_schedule_that_has_run_does_not_run_again() {
    let done = plan("a", json!({"status": "completed", "result": "success"}));
    let world = World::new("2026-03-01T00:30:00Z", policy(), vec![done]);
    assert_eq!(world.launched(), []);
    assert_eq!(world.wake, None);
}

#[test]
fn a_virtuozzo_plan_whose_schedule_was_erased_never_runs_by_itself() {
    let manual = document(json!({
        "job_id": "a", "job_schedule": {}, "status": "scheduled", "disabled": false,
        "job_actions": [{"freezer_action": {"action": "backup"}}],
    }));
    let world = World::new("2026-03-01T00:30:00Z", policy(), vec![manual]);
    assert_eq!((world.launched().len(), world.wake), (0, None));
}

#[test]
fn a_continuous_plan_runs_again_one_second_after_it_ended() {
    let again = plan("a", json!({"schedule_interval": "continuous"}));
    let mut world = World::new("2026-03-01T00:00:00Z", policy(), vec![again]);
    let first = world.launched().remove(0);
    world.run_for(&first, 90, Outcome::Success);
    assert_eq!(world.wake, Some(due("2026-03-01T00:01:31Z")));
    world.live_until("2026-03-01T00:02:00Z");
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T00:00:00Z run a-20260301T000000Z",
            "2026-03-01T00:01:31Z run a-20260301T000131Z"
        ]
    );
}

#[test]
fn hindered_plans_get_true_reasons() {
    let exec = document(json!({
        "job_id": "exec", "job_schedule": {"schedule_minute": "0"},
        "job_actions": [{"freezer_action": {"action": "exec", "command": "true"}}],
    }));
    let none =
        document(json!({"job_id": "none", "job_schedule": {"schedule_minute": "0"}, "job_actions": []}));
    let stopped = plan("stopped", json!({"schedule_minute": "0", "status": "stop"}));
    let disabled = document(json!({
        "job_id": "disabled", "job_schedule": {"schedule_minute": "0"}, "disabled": true,
        "job_actions": [{"freezer_action": {"action": "backup"}}],
    }));
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        policy(),
        vec![exec, none, stopped, disabled],
    );
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(world.launched(), []);
    assert_eq!(
        world.verdicts("exec"),
        ["2026-03-01T01:00:00Z skipped ExecDenied"]
    );
    assert_eq!(
        world.verdicts("none"),
        ["2026-03-01T01:00:00Z skipped Unsupported"]
    );
    assert_eq!(
        world.verdicts("stopped"),
        ["2026-03-01T01:00:00Z skipped Stopped"]
    );
    assert_eq!(
        world.verdicts("disabled"),
        ["2026-03-01T01:00:00Z skipped Disabled"]
    );
}

#[test]
fn shadow_records_and_launches_nothing() {
    let shadow = Policy {
        shadow: true,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", shadow, vec![hourly("a")]);
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(world.launched(), []);
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z skipped Shadow",
            "2026-03-01T02:00:00Z skipped Shadow"
        ]
    );
}

#[test]
fn a_halted_planner_decides_nothing_more() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.tell(Input::Halt);
    assert_eq!(world.wake, None);
    world.jump_to("2026-03-01T05:00:00Z");
    assert_eq!((world.launched().len(), world.verdicts("a").len()), (0, 0));
}

#[test]
fn the_deadline_is_the_due_time_after_the_last_success_plus_a_tolerance() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    let deadline = |world: &World| world.planner.plans(9).remove(0).deadline;
    assert_eq!(deadline(&world), Some(due("2026-03-01T02:00:00Z")));
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(deadline(&world), Some(due("2026-03-01T03:00:00Z")));
    world.live_until("2026-03-01T02:00:00Z");
    let run = world.launched().remove(1);
    world.run_for(&run, 60, Outcome::Fail);
    assert_eq!(deadline(&world), Some(due("2026-03-01T03:00:00Z")));
}

#[test]
fn what_was_due_by_another_schedule_or_while_stopped_is_no_measure_of_lateness() {
    let monthly = plan("a", json!({"schedule_day": "1"}));
    let mut world = World::new("2026-02-28T00:30:00Z", policy(), vec![monthly]);
    world.live_until("2026-03-01T00:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 60, Outcome::Success);
    world.now = at("2026-03-15T10:20:00Z");
    world.list(vec![hourly("a")]);
    let deadline = |world: &World| world.planner.plans(9).remove(0).deadline;
    assert_eq!(deadline(&world), Some(due("2026-03-15T12:00:00Z")));
    world.list(vec![plan("a", json!({"schedule_minute": "0", "status": "stop"}))]);
    assert_eq!(deadline(&world), None);
    world.live_until("2026-05-01T00:10:00Z");
    world.list(vec![hourly("a")]);
    assert_eq!(deadline(&world), Some(due("2026-05-01T02:00:00Z")));
    // Nor is it after a restart.
    let since = world.records.iter().rev().find_map(|record| match record {
        Record::Since { since, .. } => Some(*since),
        _ => None,
    });
    let mut past = super::restart::past(RunState::Queued);
    past.open.clear();
    past.plans[0].since = since;
    past.plans[0].success = Some(LastRun {
        due: due("2026-03-01T00:00:00Z"),
        covers: due("2026-03-01T00:00:00Z"),
        ended: Some(at("2026-03-01T00:01:00Z")),
        session: None,
    });
    let woken = World::bare("2026-05-01T00:20:00Z", policy(), past);
    assert_eq!(deadline(&woken), Some(due("2026-05-01T02:00:00Z")));
}

#[test]
fn in_shadow_a_continuous_plan_has_a_verdict_a_minute_not_a_second() {
    let shadow = Policy {
        shadow: true,
        ..policy()
    };
    let again = plan("a", json!({"schedule_interval": "continuous"}));
    let mut world = World::new("2026-03-01T00:00:00Z", shadow, vec![again]);
    world.live_until("2026-03-01T00:10:30Z");
    assert_eq!(world.verdicts("a").len(), 11, "{:?}", world.verdicts("a"));
}
