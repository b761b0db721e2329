//! Launches that came to nothing.

use super::*;

fn away() -> NotStarted {
    NotStarted::Away {
        detail: "no connection".to_owned(),
    }
}

fn not_started(world: &mut World, why: NotStarted) {
    let run = world.launched().pop().expect("a launch");
    world.tell(Input::NotStarted { run, why });
}

/// Where the last record has the run.
fn state(world: &World) -> (RunState, Option<DueTime>, &str) {
    let runs = world.records.iter().rev();
    let mut runs = runs.filter_map(|record| match record {
        Record::Run(run) => Some((run.state, run.not_before, run.detail.as_str())),
        _ => None,
    });
    runs.next().expect("a run")
}

fn launched_at_one(policy: Policy, plan: Plan) -> World {
    let mut world = World::new("2026-03-01T00:59:30Z", policy, vec![plan]);
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(world.launched().len(), 1);
    world
}

#[test]
fn one_that_could_not_be_carried_out_waits_and_is_tried_again_less_and_less_often() {
    let mut world = launched_at_one(policy(), hourly("a"));
    not_started(&mut world, away());
    let again = Some(due("2026-03-01T01:00:02Z"));
    assert_eq!(state(&world), (RunState::Queued, again, "no connection"));
    assert_eq!(world.wake, again);
    world.live_until("2026-03-01T01:00:02Z");
    assert_eq!(state(&world), (RunState::Starting, None, ""));
    for _ in 0..40 {
        not_started(&mut world, away());
        let wake = world.wake.expect("a time");
        world.live_until(&wake.to_string());
    }
    let since = world.now - at("2026-03-01T01:00:00Z");
    assert!(
        since > TimeDelta::minutes(20) && since < TimeDelta::minutes(30),
        "{since}"
    );
    // What falls due meanwhile goes with it.
    while world.now < at("2026-03-01T02:00:10Z") {
        if state(&world).0 == RunState::Starting {
            not_started(&mut world, away());
        }
        let wake = world.wake.expect("a time");
        world.live_until(&wake.to_string());
    }
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z run a-20260301T010000Z",
            "2026-03-01T02:00:00Z coalesced a-20260301T010000Z"
        ]
    );
    let run = world.launched().pop().expect("a launch");
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(world.wake, Some(due("2026-03-01T03:00:00Z")));
}

#[test]
fn one_that_waits_is_withdrawn_like_any_other() {
    let mut world = launched_at_one(policy(), hourly("a"));
    not_started(&mut world, away());
    world.list(vec![plan("a", json!({"schedule_minute": "30"}))]);
    world.live_until("2026-03-01T01:10:00Z");
    assert_eq!(world.launched().len(), 1);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Superseded"]);
}

#[test]
fn the_grace_bounds_how_long_it_is_tried() {
    let grace = Policy {
        catch_up: CatchUp::Within(60),
        ..policy()
    };
    let mut world = launched_at_one(grace, hourly("a"));
    while world.verdicts("a") == ["2026-03-01T01:00:00Z run a-20260301T010000Z"] {
        not_started(&mut world, away());
        let wake = world.wake.expect("a time");
        world.live_until(&wake.to_string());
    }
    assert_eq!(world.verdicts("a")[0], "2026-03-01T01:00:00Z skipped Expired");
    assert!(world.records.contains(&Record::Withdraw {
        run: RunId::new(&job("a"), due("2026-03-01T01:00:00Z"))
    }));
}

#[test]
fn one_that_may_not_or_need_not_start_says_why() {
    for reason in [Reason::Overlap, Reason::Disabled, Reason::Superseded] {
        let mut world = launched_at_one(policy(), hourly("a"));
        not_started(&mut world, NotStarted::For(reason));
        assert_eq!(
            world.verdicts("a"),
            [format!("2026-03-01T01:00:00Z skipped {reason:?}")]
        );
        assert_eq!(world.wake, Some(due("2026-03-01T02:00:00Z")));
        world.live_until("2026-03-01T02:00:00Z");
        assert_eq!(world.launched().len(), 2);
    }
}

#[test]
fn a_continuous_plan_that_runs_elsewhere_is_not_asked_for_every_second() {
    let continuous = plan("a", json!({"schedule_interval": "continuous"}));
    let mut world = World::new("2026-03-01T01:00:00Z", policy(), vec![continuous]);
    world.live_until("2026-03-01T01:00:01Z");
    not_started(&mut world, NotStarted::For(Reason::Overlap));
    let wake = world.wake.expect("a time");
    assert!(wake >= due("2026-03-01T01:01:00Z"), "{wake}");
}

#[test]
fn what_has_started_is_not_taken_back() {
    let mut world = launched_at_one(policy(), hourly("a"));
    let run = world.launched().remove(0);
    world.tell(Input::Started {
        run,
        pid: 0,
        at: world.now,
    });
    not_started(&mut world, away());
    assert_eq!(state(&world).0, RunState::Running);
    let pid = world.records.iter().rev().find_map(|record| match record {
        Record::Run(run) => Some(run.pid),
        _ => None,
    });
    assert_eq!(pid, Some(None), "it has no process here");
}

#[test]
fn of_a_plan_whose_document_cannot_be_used_by_then_nothing_is_tried_again() {
    let mut world = launched_at_one(policy(), hourly("a"));
    let broken = Broken {
        event: String::new(),
        job: job("a"),
        document: Arc::from("{}"),
    };
    world.tell(Input::Listing {
        began: world.now,
        plans: Vec::new(),
        broken: vec![broken],
    });
    not_started(&mut world, away());
    world.live_until("2026-03-01T01:10:00Z");
    assert_eq!(world.launched().len(), 1);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Superseded"]);
}

/// One plan that is due every hour, whose run is on its way to its agent at `then`.
fn starting(now: &str, then: &str) -> (World, RunId) {
    let mut world = World::new(now, policy(), vec![hourly("a")]);
    world.jump_to(then);
    let run = world.launched().remove(0);
    (world, run)
}

/// As at a boot with a clock that is wrong, while something is asked of an API that is slow.
#[test]
fn on_a_clock_that_is_set_right_meanwhile_it_is_decided_afresh() {
    for wrong in ["2026-03-01T09:30:00Z", "2031-03-01T00:00:00Z"] {
        for why in [NotStarted::Shut, away()] {
            let (mut world, run) = starting("2026-03-01T00:30:00Z", wrong);
            world.now = at("2026-03-01T05:30:00Z");
            world.tell(Input::ClockStepped);
            assert!(!world.planner.may_start(&run, world.now), "its time is to come");
            world.tell(Input::NotStarted { run, why });
            let launched = world.launched();
            assert_eq!(
                launched.last().map(RunId::as_str),
                Some("a-20260301T050000Z"),
                "{wrong}"
            );
            assert_eq!(
                world.verdicts("a")[..1],
                ["2026-03-01T01:00:00Z..2026-03-01T04:00:00Z x4 coalesced a-20260301T050000Z"]
            );
        }
    }
}

/// Found by the simulator: what the run was to serve besides was said to be coalesced into a run that nobody knows of.
#[test]
fn if_its_plan_is_continuous_by_then_all_that_it_was_to_serve_is_superseded() {
    let (mut world, run) = starting("2026-03-01T00:30:00Z", "2026-03-01T09:30:00Z");
    world.list(vec![plan("a", json!({"schedule_interval": "continuous"}))]);
    world.now = at("2026-03-01T05:30:00Z");
    world.tell(Input::ClockStepped);
    let why = NotStarted::Shut;
    world.tell(Input::NotStarted { run, why });
    assert_eq!(
        world.verdicts("a")[..2],
        [
            "2026-03-01T01:00:00Z..2026-03-01T09:00:00Z x9 skipped Superseded",
            "2026-03-01T05:30:00Z run a-20260301T053000Z",
        ]
    );
}

#[test]
fn whoever_stopped_the_plan_meanwhile_is_answered() {
    for why in [NotStarted::Shut, away()] {
        let (mut world, run) = starting("2026-03-01T00:30:00Z", "2026-03-01T01:00:00Z");
        let stop = json!({"schedule_minute": "0", "event": "stop"});
        world.list(vec![plan("a", stop)]);
        world.records.clear();
        world.tell(Input::NotStarted { run, why });
        assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Stopped"]);
        let told = |record: &Record| matches!(record, Record::Report { .. });
        assert!(world.records.iter().any(told), "{:?}", world.records);
        assert_eq!(world.launched().len(), 1);
    }
}

#[test]
fn one_whose_plan_is_gone_meanwhile_does_not_start() {
    let (mut world, run) = starting("2026-03-01T00:30:00Z", "2026-03-01T01:00:00Z");
    assert!(world.planner.may_start(&run, world.now));
    world.tell(Input::Gone(JobId::new("a")));
    assert!(!world.planner.may_start(&run, world.now));
    world.tell(Input::NotStarted {
        run,
        why: NotStarted::Shut,
    });
    assert_eq!(
        world.verdicts("a").last().map(String::as_str),
        Some("2026-03-01T01:00:00Z skipped Superseded")
    );
    assert_eq!(world.launched().len(), 1);
}
