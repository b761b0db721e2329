use super::*;

/// `a`, as its document says after a user or a scheduler wrote these keys into its job_schedule.
fn with(schedule: Value, more: Value) -> Plan {
    let mut schedule = schedule;
    let (into, from) = (schedule.as_object_mut().unwrap(), more.as_object().unwrap());
    into.extend(from.clone());
    plan("a", schedule)
}

fn each_hour(more: Value) -> Plan {
    with(json!({"schedule_minute": "0"}), more)
}

/// The last report: status, result, the event it answers.
fn said(world: &World) -> Option<(&str, Option<&str>, Option<&str>)> {
    world.records.iter().rev().find_map(|record| match record {
        Record::Report { report, .. } => Some((
            report.status.as_str(),
            report.result.as_deref(),
            report.answers_event.as_deref(),
        )),
        _ => None,
    })
}

fn aborts(world: &World) -> usize {
    world
        .orders
        .iter()
        .filter(|order| matches!(order, Order::Abort(_)))
        .count()
}

#[test]
fn a_plan_that_is_taken_up_is_said_to_be_scheduled_once() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![each_hour(json!({}))]);
    assert_eq!(said(&world), Some(("scheduled", None, None)));
    world.list(vec![each_hour(json!({"status": "scheduled"}))]);
    assert_eq!(world.reports().len(), 1);
}

#[test]
fn what_a_scheduler_before_us_left_running_is_scheduled() {
    let left = each_hour(json!({"status": "running", "event": ""}));
    let world = World::new("2026-03-01T00:30:00Z", policy(), vec![left]);
    assert_eq!(said(&world), Some(("scheduled", None, None)));
}

#[test]
fn stop_and_start_of_a_plan_that_waits() {
    let scheduled = json!({"status": "scheduled"});
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![each_hour(scheduled)]);
    assert_eq!(said(&world), None);
    world.list(vec![each_hour(json!({"status": "scheduled", "event": "stop"}))]);
    assert_eq!(said(&world), Some(("stop", None, Some("stop"))));
    world.live_until("2026-03-01T01:30:00Z");
    world.list(vec![each_hour(
        json!({"status": "", "result": "", "event": "start"}),
    )]);
    assert_eq!(said(&world), Some(("scheduled", None, Some("start"))));
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z skipped Stopped",
            "2026-03-01T02:00:00Z run a-20260301T020000Z"
        ]
    );
}

#[test]
fn an_abort_stops_the_run_and_is_answered_when_it_is_over() {
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        policy(),
        vec![each_hour(json!({"status": "scheduled"}))],
    );
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.tell(Input::Started {
        run: run.clone(),
        pid: 7,
        at: world.now,
    });
    world.list(vec![each_hour(json!({"status": "running", "event": "abort"}))]);
    assert_eq!(aborts(&world), 1);
    assert_eq!(
        said(&world),
        Some(("running", Some(""), None)),
        "not answered before it is over"
    );
    world.list(vec![each_hour(json!({"status": "running", "event": "abort"}))]);
    assert_eq!(aborts(&world), 1, "asked once");
    let ended = world.now;
    let aborted = Outcome::Aborted;
    world.tell(Input::Ended {
        run,
        end: End {
            outcome: aborted,
            started: None,
            ended,
            detail: String::new(),
            metadata: Vec::new(),
        },
    });
    assert_eq!(said(&world), Some(("completed", Some("aborted"), Some("abort"))));
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(
        world.launched().len(),
        1,
        "its user stopped it: it stays so until it is started"
    );
}

#[test]
fn a_stop_during_a_run_lets_it_end_and_is_answered_then() {
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        policy(),
        vec![each_hour(json!({"status": "scheduled"}))],
    );
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.list(vec![each_hour(json!({"status": "running", "event": "stop"}))]);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(said(&world), Some(("completed", Some("success"), Some("stop"))));
    assert_eq!(aborts(&world), 0);
}

#[test]
fn an_abort_of_a_plan_that_only_waits_stops_it() {
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        policy(),
        vec![each_hour(json!({"status": "scheduled"}))],
    );
    world.list(vec![each_hour(json!({"status": "scheduled", "event": "abort"}))]);
    assert_eq!(said(&world), Some(("stop", None, Some("abort"))));
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Stopped"]);
}

#[test]
fn an_abort_of_a_queued_run_withdraws_it() {
    let shut = Policy {
        max_concurrent: 0,
        ..policy()
    };
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        shut,
        vec![each_hour(json!({"status": "scheduled"}))],
    );
    world.live_until("2026-03-01T01:00:00Z");
    world.list(vec![each_hour(json!({"status": "scheduled", "event": "abort"}))]);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Stopped"]);
    assert_eq!(said(&world), Some(("stop", None, Some("abort"))));
}

#[test]
fn an_abort_that_a_crash_cut_off_is_carried_out_at_the_next_start() {
    let aborted = each_hour(json!({"status": "running", "event": "abort"}));
    let mut past = super::restart::past(RunState::Running);
    past.plans[0].plan = brief(&aborted);
    let mut world = World::bare("2026-03-01T01:10:00Z", policy(), past);
    let run = world.planner.launched().remove(0).id;
    world.tell(Input::Found {
        run,
        found: Found::Alive {
            pid: 3,
            started: None,
        },
    });
    assert_eq!(aborts(&world), 1);
}

#[test]
fn a_plan_that_has_had_its_run_runs_again_when_it_is_started() {
    let done = with(
        json!({}),
        json!({"status": "completed", "result": "success", "time_ended": 1_700_000_000}),
    );
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![done]);
    assert_eq!((world.launched().len(), said(&world)), (0, None));
    world.now = at("2026-03-01T00:40:00Z");
    world.list(vec![with(
        json!({}),
        json!({"status": "", "event": "start", "time_ended": 1_700_000_000}),
    )]);
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T00:40:00Z run a-20260301T004000Z"]
    );
    assert_eq!(said(&world), Some(("scheduled", None, Some("start"))));
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Success);
    assert_eq!(said(&world), Some(("completed", Some("success"), None)));
    world.list(vec![with(
        json!({}),
        json!({"status": "completed", "event": "", "time_ended": 1_800_000_000}),
    )]);
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn an_edit_without_a_status_is_taken_up_and_said_to_be_scheduled() {
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        policy(),
        vec![each_hour(json!({"status": "scheduled"}))],
    );
    world.list(vec![plan("a", json!({"schedule_hour": "5"}))]);
    assert_eq!(said(&world), Some(("scheduled", None, None)));
    assert_eq!(world.wake, Some(due("2026-03-01T05:00:00Z")));
}

#[test]
fn nothing_is_said_in_shadow() {
    let shadow = Policy {
        shadow: true,
        ..policy()
    };
    let world = World::new(
        "2026-03-01T00:30:00Z",
        shadow,
        vec![each_hour(json!({"event": "stop"}))],
    );
    assert_eq!(said(&world), None);
}

#[test]
fn a_remove_ends_in_removed_at_once_or_with_the_run_and_the_plan_never_runs_again() {
    let removed = || each_hour(json!({"status": "running", "event": "remove"}));
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![removed()]);
    assert_eq!(said(&world), Some(("removed", None, Some("remove"))));
    world.list(vec![each_hour(json!({"status": "removed", "event": ""}))]);
    world.live_until("2026-03-01T03:30:00Z");
    assert_eq!(world.launched().len(), 0);

    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![each_hour(json!({}))]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.list(vec![removed()]);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(said(&world), Some(("removed", Some("success"), Some("remove"))));
    world.list(vec![each_hour(
        json!({"status": "removed", "result": "success", "event": ""}),
    )]);
    world.live_until("2026-03-01T03:30:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn an_event_of_a_run_that_ended_before_the_poll_is_answered_at_the_poll() {
    for (event, status) in [("stop", "stop"), ("abort", "stop"), ("remove", "removed")] {
        let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![each_hour(json!({}))]);
        world.live_until("2026-03-01T01:00:00Z");
        let run = world.launched().remove(0);
        world.run_for(&run, 60, Outcome::Success);
        assert_eq!(said(&world), Some(("scheduled", Some("success"), None)));
        // The report has left the event alone.
        world.list(vec![each_hour(
            json!({"status": "scheduled", "result": "success", "event": event}),
        )]);
        assert_eq!(said(&world), Some((status, None, Some(event))));
        world.live_until("2026-03-01T03:30:00Z");
        assert_eq!(world.launched().len(), 1, "{event}");
    }
}

#[test]
fn an_edit_during_a_run_that_wipes_what_was_said_of_it_has_it_said_again() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![each_hour(json!({}))]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.tell(Input::Started {
        run,
        pid: 7,
        at: world.now,
    });
    let told = world.reports().len();
    world.list(vec![each_hour(json!({"status": "running"}))]);
    assert_eq!(world.reports().len(), told);
    world.list(vec![plan("a", json!({"schedule_hour": "5"}))]);
    assert_eq!(said(&world), Some(("running", Some(""), None)));
    world.list(vec![plan("a", json!({"schedule_hour": "5", "event": "start"}))]);
    assert_eq!(said(&world), Some(("running", Some(""), Some("start"))));
    assert_eq!(world.launched().len(), 1, "it runs already");
}

#[test]
fn an_abort_of_a_run_is_heard_though_its_plan_was_edited_into_nonsense() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![each_hour(json!({}))]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    let broken = |event: &str| {
        let document =
            json!({"job_id": "a", "job_schedule": {"schedule_hour": "garbage", "event": event}}).to_string();
        Input::Listing {
            began: at("2026-03-01T01:00:30Z"),
            plans: Vec::new(),
            broken: vec![Broken {
                job: job("a"),
                event: crate::plan::event(&document),
                document: document.into(),
            }],
        }
    };
    let told = world.reports().len();
    world.tell(broken(""));
    assert_eq!((aborts(&world), world.reports().len()), (0, told), "left alone");
    world.tell(broken("abort"));
    world.tell(broken("abort"));
    assert_eq!(aborts(&world), 1);
    world.run_for(&run, 60, Outcome::Aborted);
    assert_eq!(said(&world), Some(("completed", Some("aborted"), Some("abort"))));
}
