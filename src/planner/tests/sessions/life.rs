//! Stops, restarts, and jobs that come and go.

use crate::schedule::Crontab;

use super::*;

/// A ledger whose one run waits in the queue, with this part in its session.
fn queued(admission: Admission, unheard: bool) -> Past {
    let mut past = super::super::restart::past(RunState::Queued);
    past.plans[0].plan = brief(&member("a"));
    past.open[0].session = Some(Box::new(Membership {
        session: "s".to_owned(),
        tag: ROUND,
        asked: at("2026-03-01T01:00:00Z"),
        admission,
        refused: None,
        unheard,
        again: false,
    }));
    past
}

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

/// Found by the simulator: its session waited.
#[test]
fn one_that_is_withdrawn_after_a_lost_answer_or_a_restart_has_its_session_looked_at() {
    let told = [format!("a-20260301T010000Z aborted {ROUND}")];
    let (mut world, ask) = stopped_while_asking();
    assert_eq!(unsure(&world), told, "a daemon that dies now hears no answer");
    world.tell(Input::Session {
        ask,
        answer: unreachable(),
    });
    assert_eq!(unsure(&world).len(), 2, "by the first it may not have arrived");

    for admission in [Admission::Waiting, Admission::Alone] {
        let past = queued(admission, true);
        let mut world = World::bare("2026-03-01T01:10:00Z", policy(), past);
        let stopped = json!({"schedule_minute": "0", "status": "scheduled", "event": "stop"});
        world.list(vec![member_with("a", stopped)]);
        assert_eq!((questions(&world), unsure(&world)), (0, told.to_vec()));
    }
}

/// Found by the simulator: the node's clock was ahead by hours.
#[test]
fn one_that_is_in_a_round_that_it_does_not_take_for_its_own_does_not_leave_it_waiting() {
    let mut world = asking(SessionRefused::Skip);
    answer(&mut world, unreachable());
    world.live_until(&world.wake.expect("it asks again").to_string());
    let earlier = Some("2026-03-01T00:00:00Z");
    answer(
        &mut world,
        refused(Refusal::OutOfSync, ROUND + 1, "2026-03-01T00:00:00Z", earlier),
    );
    assert_eq!(question(&world).map(|ask| ask.tag), Some(ROUND + 1));
    answer(
        &mut world,
        refused(Refusal::OutOfSync, ROUND + 1, "2026-03-01T00:00:00Z", earlier),
    );
    let stopped = json!({"schedule_minute": "0", "status": "scheduled", "event": "stop"});
    world.list(vec![member_with("a", stopped)]);
    assert_eq!(
        unsure(&world),
        [format!("a-20260301T010000Z aborted {}", ROUND + 1)]
    );
}

/// Found by the simulator: after a clock that was set back, and a restart, the round of the last run was not known.
#[test]
fn a_round_that_the_plan_has_ended_is_not_joined_again() {
    let mut world = asking(SessionRefused::Skip);
    let started = Some(due("2026-03-01T01:00:00Z"));
    let session = SessionState {
        tag: ROUND + 1,
        hold_off: 30,
        started,
        joined: started,
        running: false,
    };
    let why = Refusal::OutOfSync;
    answer(&mut world, SessionAnswer::Refused { why, session });
    assert_eq!(world.launched().len(), 0);
    assert_eq!(
        question(&world).map(|ask| ask.tag),
        Some(ROUND + 1),
        "it asks for the next one"
    );
}

/// A run whose session is being asked, and whose plan is stopped before the answer is there.
fn stopped_while_asking() -> (World, Box<SessionAsk>) {
    let mut world = asking(SessionRefused::Skip);
    let ask = Box::new(question(&world).expect("a question"));
    let stopped = json!({"schedule_minute": "0", "status": "scheduled", "event": "stop"});
    world.list(vec![member_with("a", stopped)]);
    assert_eq!(ends(&world), Vec::<String>::new());
    (world, ask)
}

#[test]
fn an_answer_that_was_lost_and_comes_to_nobody_is_heard_all_the_same() {
    for (joined, told) in [("2026-03-01T01:00:00Z", 1), ("2026-03-01T00:00:00Z", 0)] {
        let (mut world, ask) = stopped_while_asking();
        let answer = refused(
            Refusal::OutOfSync,
            ROUND + 1,
            "2026-03-01T01:00:00Z",
            Some(joined),
        );
        world.tell(Input::Session { ask, answer });
        assert_eq!(ends(&world).len(), told, "{:?}", ends(&world));
    }
    // The round of before, whose end was told.
    let (mut world, ask) = stopped_while_asking();
    let answer = refused(
        Refusal::HoldOff,
        ROUND,
        "2026-03-01T00:59:50Z",
        Some("2026-03-01T00:59:50Z"),
    );
    world.tell(Input::Session { ask, answer });
    assert_eq!(ends(&world), Vec::<String>::new());
}

#[test]
fn a_late_answer_does_not_end_the_round_for_a_run_that_is_in_it() {
    let (mut world, late) = stopped_while_asking();
    let again = json!({"schedule_minute": "*", "status": "scheduled", "event": "start"});
    world.list(vec![member_with("a", again)]);
    world.live_until("2026-03-01T01:01:00Z");
    // While the later one asks, and when it has joined.
    world.tell(Input::Session {
        ask: late.clone(),
        answer: joined(ROUND + 1),
    });
    assert_eq!(ends(&world), Vec::<String>::new());
    answer(&mut world, joined(ROUND + 1));
    let run = world.launched().remove(0);
    world.tell(Input::Session {
        ask: late,
        answer: joined(ROUND + 1),
    });
    assert_eq!(ends(&world), Vec::<String>::new());
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(ends(&world), [format!("{run} success {}", ROUND + 1)]);
}

#[test]
fn one_that_joined_and_is_stopped_before_it_has_a_place_tells_its_session() {
    let shut = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let mut world = due_world(shut, vec![member("a"), hourly("b")]);
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

/// A run that joined has to wait for a place; in the meantime the window of its plan shuts, until then.
fn shut_out(opens: &str) -> (World, RunId) {
    let allow = ["0-14 1 * * *", opens].map(|text| Crontab::compile(text).expect("a test's window"));
    let window = WindowRule {
        scope: Scope {
            plans: vec!["a".to_owned()],
            ..Scope::default()
        },
        allow: allow.to_vec(),
        deny: Vec::new(),
        outside: Some(Outside::Wait),
    };
    let one = Policy {
        max_concurrent: 1,
        windows: vec![window],
        ..policy()
    };
    let mut world = due_world(
        one,
        vec![
            member("a"),
            plan("b", json!({"schedule_date": "2026-03-01T01:00:00Z"})),
        ],
    );
    let ask = world.orders.iter().find_map(|order| match order {
        Order::AskSession(ask) => Some(ask.clone()),
        _ => None,
    });
    let (ask, answer) = (ask.expect("a question"), joined(ROUND + 1));
    world.tell(Input::Session { ask, answer });
    let busy = world.launched();
    assert_eq!(
        busy.iter().map(RunId::as_str).collect::<Vec<_>>(),
        ["b-20260301T010000Z"]
    );
    world.run_for(&busy[0], 20 * 60, Outcome::Success);
    assert_eq!((world.launched().len(), world.planner.counts().held), (1, 1));
    (world, RunId::new(&job("a"), due("2026-03-01T01:00:00Z")))
}

#[test]
fn one_that_joined_and_is_shut_out_leaves_its_session_and_asks_anew() {
    let (mut world, run) = shut_out("0 5 * * *");
    assert_eq!(ends(&world), [format!("{run} aborted {}", ROUND + 1)]);
    world.live_until("2026-03-01T05:00:00Z");
    assert_eq!((world.launched().len(), questions(&world)), (1, 2));
    answer(&mut world, joined(ROUND + 2));
    assert_eq!(world.launched()[1], run);
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(ends(&world)[1..], [format!("{run} success {}", ROUND + 2)]);
}

#[test]
fn or_stays_in_it_if_it_is_let_in_soon() {
    // Its session is waited for as long: ten minutes.
    let (mut world, run) = shut_out("30 1 * * *");
    world.live_until("2026-03-01T01:30:00Z");
    assert_eq!((world.launched().get(1), questions(&world)), (Some(&run), 1));
    assert_eq!(ends(&world), Vec::<String>::new());
}

#[test]
fn a_restart_asks_again_and_a_run_that_has_joined_is_launched_without() {
    for (admission, asks) in [(Admission::Waiting, 1), (Admission::Joined, 0)] {
        let past = queued(admission, false);
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
