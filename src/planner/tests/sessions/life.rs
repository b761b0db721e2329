//! Stops, restarts, and jobs that come and go.

use super::*;

#[test]
fn a_plan_that_is_stopped_while_its_session_is_asked_does_not_leave_the_session_waiting() {
    let mut world = asking(SessionRefused::Skip);
    let ask = question(&world).expect("a question");
    world.list(vec![member_with(
        "a",
        json!({"schedule_minute": "0", "status": "scheduled", "event": "stop"}),
    )]);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Stopped"]);
    assert_eq!(ends(&world), Vec::<String>::new());
    world.tell(Input::Session {
        ask: Box::new(ask),
        answer: joined(ROUND + 1),
    });
    assert_eq!(
        ends(&world),
        [format!("a-20260301T010000Z aborted {}", ROUND + 1)]
    );
    assert_eq!(world.launched().len(), 0);
}

#[test]
fn one_that_joined_and_is_stopped_before_it_has_a_place_tells_its_session() {
    let shut = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let mut world = due_world(shut, vec![hourly("b"), member("a")]);
    let ask = world.orders.iter().find_map(|order| match order {
        Order::AskSession(ask) => Some(ask.clone()),
        _ => None,
    });
    // b has the only place, or will have it before a.
    let busy = world.launched().remove(0);
    assert_eq!(busy.as_str(), "b-20260301T010000Z");
    world.tell(Input::Session {
        ask: ask.expect("a question"),
        answer: joined(ROUND + 1),
    });
    world.list(vec![
        hourly("b"),
        member_with("a", json!({"schedule_minute": "0", "status": "stop"})),
    ]);
    assert_eq!(
        ends(&world),
        [format!("a-20260301T010000Z aborted {}", ROUND + 1)]
    );
}

#[test]
fn a_restart_asks_again_and_a_run_that_has_joined_is_launched_without() {
    for (admission, asks) in [(Admission::Waiting, 1), (Admission::Joined, 0)] {
        let mut past = super::super::restart::past(RunState::Queued);
        past.plans[0].plan = brief(&member("a"));
        past.open[0].session = Some(Box::new(Membership {
            session: "s".to_owned(),
            tag: ROUND,
            asked: at("2026-03-01T01:00:00Z"),
            admission,
            refused: None,
        }));
        let mut world = World::bare("2026-03-01T01:10:00Z", policy(), past);
        world.tell(Input::Begin);
        assert_eq!((questions(&world), world.launched().len()), (asks, 1 - asks));
    }
}

#[test]
fn nobody_is_asked_in_shadow_nor_without_the_api() {
    let quiet = [
        Policy {
            shadow: true,
            ..policy()
        },
        Policy {
            reports: Reports::Never,
            ..policy()
        },
    ];
    let launched = quiet.map(|policy| {
        let world = due_world(policy, vec![member("a")]);
        (questions(&world), world.launched().len())
    });
    assert_eq!(launched, [(0, 0), (0, 1)]);
}

#[test]
fn a_continuous_plan_that_is_refused_is_due_again_from_then_on() {
    let continuous = member_with("a", json!({"schedule_interval": "continuous"}));
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![continuous]);
    world.now = at("2026-03-01T00:31:00Z");
    answer(
        &mut world,
        refused(Refusal::NotMember, ROUND, "2026-03-01T00:00:00Z", None),
    );
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T00:30:00Z skipped SessionRefused"]
    );
    assert_eq!(world.wake, Some(due("2026-03-01T00:31:01Z")));
}

#[test]
fn what_the_api_makes_of_a_job_that_joins_or_leaves_a_session() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    // Added: its job_schedule is the session's.
    world.list(vec![member_with("a", json!({"schedule_minute": "45"}))]);
    assert_eq!(world.wake, Some(due("2026-03-01T00:45:00Z")));
    world.live_until("2026-03-01T00:45:00Z");
    answer(&mut world, joined(ROUND + 1));
    let run = world.launched().remove(0);
    // Removed while it runs: all that is left of its job_schedule is the event.
    world.list(vec![plan("a", json!({"event": "stop"}))]);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(world.reports().last(), Some(&("completed", "success")));
    let stopped = json!({"event": "", "status": "completed", "result": "success"});
    world.list(vec![plan("a", stopped)]);
    world.live_until("2026-03-02T00:45:00Z");
    assert_eq!((world.launched().len(), world.wake), (1, None));
}
