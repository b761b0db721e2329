use super::*;

/// Three o'clock was missed; then a listing without any plan.
fn unlisted() -> World {
    let past = Past {
        plans: vec![LedgerPlan {
            plan: brief(&hourly("a")),
            first_seen: due("2026-03-01T00:00:00Z"),
            since: None,
            covered: due("2026-03-01T02:00:00Z"),
            last: None,
            success: None,
        }],
        polled: Some(at("2026-03-01T02:30:00Z")),
        ..Past::default()
    };
    let mut world = World::bare("2026-03-01T03:10:00Z", policy(), past);
    world.list(Vec::new());
    assert_eq!(world.orders, [Order::ConfirmGone(job("a"))]);
    world
}

#[test]
fn a_plan_that_was_deleted_while_the_daemon_was_away_does_not_run_once_more() {
    let mut world = unlisted();
    world.now += TimeDelta::seconds(2);
    world.tell(Input::Gone(job("a")));
    assert_eq!((world.launched(), world.wake), (Vec::new(), None));
    assert_eq!(world.verdicts("a"), ["2026-03-01T03:00:00Z skipped Superseded"]);
}

#[test]
fn one_that_a_listing_skipped_runs_as_soon_as_it_is_shown() {
    let shown: [fn(&mut World); 2] = [
        |world| world.tell(Input::Seen(Box::new(hourly("a")))),
        |world| world.list(vec![hourly("a")]),
    ];
    for show in shown {
        let mut world = unlisted();
        world.now += TimeDelta::seconds(2);
        show(&mut world);
        assert_eq!(world.launched().len(), 1);
    }
}

#[test]
fn an_api_that_lists_and_does_not_answer_keeps_nothing_from_running_for_long() {
    let mut world = unlisted();
    assert_eq!(world.wake, Some(due("2026-03-01T03:10:15Z")));
    world.now += TimeDelta::seconds(10);
    world.list(Vec::new());
    world.live_until("2026-03-01T03:10:15Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Success);
    world.list(Vec::new());
    world.live_until("2026-03-01T04:00:00Z");
    assert_eq!(
        world.launched().len(),
        2,
        "it did not answer: the next is not late"
    );
}

/// Found by the simulator: it was missing hours ago, when nobody answered, and ran when it was missing again.
#[test]
fn one_that_is_missing_again_is_asked_for_again_before_it_runs() {
    let mut world = unlisted();
    world.live_until("2026-03-01T03:10:15Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 5, Outcome::Success);
    world.now = at("2026-03-01T05:00:10Z");
    world.list(Vec::new());
    assert_eq!(world.launched().len(), 1);
    world.tell(Input::Gone(job("a")));
    assert_eq!((world.launched().len(), world.wake), (1, None));
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_for_longer() {
    let mut world = unlisted();
    world.now = at("2026-03-01T03:02:00Z");
    world.tell(Input::ClockStepped);
    assert_eq!(world.wake, Some(due("2026-03-01T03:02:15Z")));
    world.live_until("2026-03-01T03:02:15Z");
    assert_eq!(world.launched().len(), 1);
}
