use super::*;

mod life;

const ROUND: i64 = 7;

/// An hourly plan in the session `s`.
fn member(id: &str) -> Plan {
    member_with(id, json!({"schedule_minute": "0", "status": "scheduled"}))
}

fn member_with(id: &str, schedule: Value) -> Plan {
    document(json!({
        "job_id": id,
        "project_id": "p1",
        "description": id,
        "created_at": "2026-01-01T00:00:00",
        "session_id": "s",
        "session_tag": ROUND,
        "job_schedule": schedule,
        "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}],
    }))
}

fn loose(refused: SessionRefused) -> Policy {
    Policy {
        session_refused: refused,
        ..policy()
    }
}

/// The last question, if nothing else was asked for since.
fn question(world: &World) -> Option<SessionAsk> {
    match world.orders.last()? {
        Order::AskSession(ask) => Some((**ask).clone()),
        _ => None,
    }
}

fn questions(world: &World) -> usize {
    let asks = |order: &&Order| matches!(order, Order::AskSession(_));
    world.orders.iter().filter(asks).count()
}

fn answer(world: &mut World, answer: SessionAnswer) {
    let ask = Box::new(question(world).expect("a question"));
    world.tell(Input::Session { ask, answer });
}

fn joined(tag: i64) -> SessionAnswer {
    SessionAnswer::Joined { tag }
}

/// A session in the round `tag`, which started at `started` and which our plan joined at `joined`.
fn refused(why: Refusal, tag: i64, started: &str, joined: Option<&str>) -> SessionAnswer {
    SessionAnswer::Refused {
        why,
        session: SessionState {
            tag,
            hold_off: 30,
            started: Some(due(started)),
            joined: joined.map(due),
            running: tag > ROUND && joined.is_some_and(|joined| due(joined) >= due(started)),
        },
    }
}

fn unreachable() -> SessionAnswer {
    SessionAnswer::Unreachable {
        error: "no connection".to_owned(),
    }
}

/// What sessions are told, as `run result round`.
fn ends(world: &World) -> Vec<String> {
    ends_that_are(false, world)
}

/// What they are told if they count on the run in a later round than this.
fn unsure(world: &World) -> Vec<String> {
    ends_that_are(true, world)
}

fn ends_that_are(unsure: bool, world: &World) -> Vec<String> {
    let ends = world.records.iter().filter_map(|record| match record {
        Record::SessionEnd { run, end, .. } if end.unsure == unsure => {
            Some(format!("{run} {} {}", end.result, end.tag))
        }
        _ => None,
    });
    ends.collect()
}

/// At the first due time of `plans`, which ask.
fn due_world(policy: Policy, plans: Vec<Plan>) -> World {
    let mut world = World::new("2026-03-01T00:30:00Z", policy, plans);
    world.live_until("2026-03-01T01:00:00Z");
    world
}

fn asking(refused: SessionRefused) -> World {
    let world = due_world(loose(refused), vec![member("a")]);
    assert_eq!((world.launched().len(), questions(&world)), (0, 1));
    world
}

#[test]
fn a_run_asks_its_session_starts_with_it_and_tells_it_how_it_ended() {
    let mut world = asking(SessionRefused::Skip);
    let asked = question(&world).expect("a question");
    assert_eq!((asked.session.as_str(), asked.tag), ("s", ROUND));
    assert_eq!(world.planner.counts().queued, 1);
    answer(&mut world, joined(ROUND + 1));
    let run = world.launched().remove(0);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(ends(&world), [format!("{run} success {}", ROUND + 1)]);
    let told = world.records.iter().filter_map(|record| match record {
        Record::Report { report, .. } => report.session.clone().map(|session| session.tag),
        _ => None,
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [ROUND + 1, ROUND + 1],
        "at its start and at its end"
    );
    world.live_until("2026-03-01T02:00:00Z");
    let next = question(&world).expect("a question");
    assert_eq!(next.tag, ROUND + 1, "though the listing does not know it yet");
}

#[test]
fn a_question_takes_no_place_and_holds_up_nobody() {
    let narrow = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let mut world = due_world(narrow, vec![member("a"), hourly("b"), hourly("c")]);
    assert_eq!((questions(&world), world.launched().len()), (1, 1));
    let ask = world.orders.iter().find_map(|order| match order {
        Order::AskSession(ask) => Some(ask.clone()),
        _ => None,
    });
    world.tell(Input::Session {
        ask: ask.expect("a question"),
        answer: joined(ROUND + 1),
    });
    assert_eq!(world.launched().len(), 1, "it waits for a place as all do");
    let first = world.launched().remove(0);
    world.run_for(&first, 60, Outcome::Success);
    let second = world.launched().remove(1);
    world.run_for(&second, 60, Outcome::Success);
    assert_eq!((world.launched().len(), questions(&world)), (3, 1));
}

#[test]
fn one_that_is_held_off_asks_again_until_the_hold_off_is_over() {
    let mut world = asking(SessionRefused::Skip);
    let held = || refused(Refusal::HoldOff, ROUND, "2026-03-01T00:59:50Z", None);
    for seconds in [1, 2, 4, 8, 16] {
        answer(&mut world, held());
        assert_eq!(
            world.wake,
            Some(due("2026-03-01T01:00:00Z").plus(seconds)),
            "it waits as long again as it has waited"
        );
        world.live_until(&format!("2026-03-01T01:00:{seconds:02}Z"));
        assert_eq!(question(&world).map(|ask| ask.tag), Some(ROUND));
    }
    answer(&mut world, joined(ROUND + 1));
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn one_that_is_still_refused_after_the_hold_off_is_skipped_with_that_reason() {
    let mut world = asking(SessionRefused::Skip);
    // The round of this due time started at once, without us, and its hold-off is over.
    let late = || refused(Refusal::OutOfSync, ROUND + 1, "2026-03-01T01:00:00Z", None);
    for _ in 0..6 {
        answer(&mut world, late());
        world.live_until(&world.wake.expect("it waits").to_string());
    }
    assert_eq!(world.now, at("2026-03-01T01:00:31Z"), "hold_off and a second");
    answer(&mut world, late());
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T01:00:00Z skipped SessionRefused"]
    );
    assert_eq!((world.launched().len(), ends(&world).len()), (0, 0));
    assert_eq!(unsure(&world), Vec::<String>::new(), "it said that we are not in");
    assert_eq!(world.wake, Some(due("2026-03-01T02:00:00Z")));
}

#[test]
fn one_that_is_refused_runs_all_the_same_if_so_configured() {
    let mut world = asking(SessionRefused::Run);
    world.now = at("2026-03-01T01:01:00Z");
    answer(
        &mut world,
        refused(Refusal::OutOfSync, ROUND + 1, "2026-03-01T01:00:00Z", None),
    );
    let run = world.launched().remove(0);
    let alone = world.records.iter().rev().find_map(|record| match record {
        Record::Run(record) => record.session.clone(),
        _ => None,
    });
    let alone = alone.expect("it asked");
    assert_eq!(
        (alone.admission, alone.refused),
        (Admission::Alone, Some(Refusal::OutOfSync))
    );
    world.run_for(&run, 60, Outcome::Fail);
    assert_eq!(ends(&world), [format!("{run} fail {ROUND}")]);
}

#[test]
fn an_earlier_round_that_was_missed_is_no_reason_to_miss_this_one() {
    let mut world = asking(SessionRefused::Skip);
    answer(
        &mut world,
        refused(Refusal::OutOfSync, ROUND + 3, "2026-03-01T00:00:00Z", None),
    );
    assert_eq!(
        question(&world).map(|ask| ask.tag),
        Some(ROUND + 3),
        "it asks at once"
    );
    answer(&mut world, joined(ROUND + 4));
    assert_eq!((world.launched().len(), questions(&world)), (1, 2));
}

#[test]
fn one_whose_session_is_in_another_round_at_each_look_waits_and_gives_up() {
    let mut world = asking(SessionRefused::Skip);
    let other = |tag| refused(Refusal::OutOfSync, tag, "2026-03-01T00:00:00Z", None);
    let skipped = ["2026-03-01T01:00:00Z skipped SessionRefused"];
    for asked in 1.. {
        assert!(asked < 20, "it asks for ever");
        let tag = question(&world).expect("a question").tag + 1;
        answer(&mut world, other(tag));
        if world.verdicts("a") == skipped {
            break;
        }
        if questions(&world) == asked {
            world.live_until(&world.wake.expect("it waits").to_string());
        }
    }
    assert_eq!(world.now, at("2026-03-01T01:00:31Z"), "hold_off and a second");
}

#[test]
fn a_session_that_was_set_back_is_followed() {
    let mut world = asking(SessionRefused::Skip);
    answer(
        &mut world,
        refused(Refusal::OutOfSync, 0, "2026-03-01T00:00:00Z", None),
    );
    assert_eq!(question(&world).map(|ask| ask.tag), Some(0));
}

#[test]
fn an_answer_that_was_lost_is_found_in_the_session() {
    let mut world = asking(SessionRefused::Skip);
    answer(&mut world, unreachable());
    world.jump_to("2026-03-01T01:05:00Z");
    answer(
        &mut world,
        refused(
            Refusal::OutOfSync,
            ROUND + 1,
            "2026-03-01T01:00:00Z",
            Some("2026-03-01T01:00:00Z"),
        ),
    );
    let run = world.launched().remove(0);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(ends(&world), [format!("{run} success {}", ROUND + 1)]);
}

#[test]
fn that_the_plan_was_in_an_earlier_round_does_not_let_it_into_this_one() {
    let mut world = asking(SessionRefused::Skip);
    world.now = at("2026-03-01T01:05:00Z");
    answer(
        &mut world,
        refused(
            Refusal::OutOfSync,
            ROUND + 1,
            "2026-03-01T01:00:00Z",
            Some("2026-03-01T00:00:00Z"),
        ),
    );
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T01:00:00Z skipped SessionRefused"]
    );
}

#[test]
fn an_api_that_is_away_is_waited_for_as_long_as_is_configured() {
    for (choice, runs) in [(SessionRefused::Skip, 0), (SessionRefused::Run, 1)] {
        let mut world = asking(choice);
        answer(&mut world, unreachable());
        while let Some(again) = world.wake.filter(|wake| *wake <= due("2026-03-01T01:10:00Z")) {
            world.live_until(&again.to_string());
            answer(&mut world, unreachable());
        }
        assert_eq!(world.now, at("2026-03-01T01:10:00Z"), "session_wait");
        let asked = questions(&world);
        assert!(asked < 20, "{asked}: with ever longer pauses, up to a minute");
        assert_eq!(world.launched().len(), runs);
        if runs == 0 {
            assert_eq!(
                world.verdicts("a"),
                ["2026-03-01T01:00:00Z skipped SessionUnreachable"]
            );
            assert_eq!(unsure(&world), [format!("a-20260301T010000Z aborted {ROUND}")]);
        }
    }
}

#[test]
fn without_its_session_it_runs_alone() {
    let mut world = asking(SessionRefused::Skip);
    answer(&mut world, SessionAnswer::NoSession);
    let run = world.launched().remove(0);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(ends(&world), Vec::<String>::new());
}

#[test]
fn a_further_due_time_is_coalesced_into_a_run_that_waits_for_its_session() {
    let patient = Policy {
        session_wait: 7200,
        ..policy()
    };
    let mut world = due_world(patient, vec![member("a")]);
    answer(&mut world, unreachable());
    while world.now < at("2026-03-01T02:00:30Z") {
        let wake = world.wake.expect("it waits");
        world.live_until(&wake.to_string());
        if question(&world).is_some() {
            answer(&mut world, unreachable());
        }
    }
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z run a-20260301T010000Z",
            "2026-03-01T02:00:00Z coalesced a-20260301T010000Z"
        ]
    );
}
