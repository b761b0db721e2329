use super::*;

pub(super) fn record(state: RunState) -> RunRecord {
    RunRecord {
        id: RunId::new(&job("a"), due("2026-03-01T01:00:00Z")),
        job: job("a"),
        project: None,
        due: due("2026-03-01T01:00:00Z"),
        first: due("2026-03-01T01:00:00Z"),
        count: 1,
        covers: due("2026-03-01T01:00:00Z"),
        cadence: Some(3600),
        state,
        not_before: None,
        queued: at("2026-03-01T01:00:00Z"),
        started: None,
        ended: None,
        pid: None,
        detail: String::new(),
        session: None,
    }
}

pub(super) fn past(state: RunState) -> Past {
    Past {
        plans: vec![LedgerPlan {
            plan: brief(&hourly("a")),
            first_seen: due("2026-03-01T00:30:00Z"),
            since: None,
            covered: due("2026-03-01T01:00:00Z"),
            last: None,
            success: None,
        }],
        open: vec![record(state)],
        aside: Vec::new(),
        polled: Some(at("2026-03-01T01:00:00Z")),
        lost: None,
        ..Past::default()
    }
}

/// A run that is over; it was for this due time alone.
fn ran(when: &str) -> LastRun {
    LastRun {
        due: due(when),
        covers: due(when),
        ended: Some(at(when) + TimeDelta::minutes(1)),
        session: None,
    }
}

fn woken(state: RunState) -> World {
    World::bare("2026-03-01T01:10:00Z", policy(), past(state))
}

#[test]
fn nothing_is_decided_until_the_first_listing_or_the_end_of_the_grace() {
    let mut world = woken(RunState::Queued);
    world.jump_to("2026-03-01T02:10:00Z");
    assert_eq!(
        (world.records.len(), world.orders.len(), world.wake),
        (0, 0, None)
    );
    world.tell(Input::Begin);
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn with_the_api_away_what_is_due_fires_from_the_ledger() {
    let mut world = World::bare(
        "2026-03-01T03:10:00Z",
        policy(),
        Past {
            open: Vec::new(),
            ..past(RunState::Queued)
        },
    );
    world.tell(Input::Begin);
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T02:00:00Z coalesced a-20260301T030000Z",
            "2026-03-01T03:00:00Z run a-20260301T030000Z"
        ]
    );
}

#[test]
fn what_was_edited_while_the_daemon_was_away_does_not_run_by_its_old_schedule() {
    let mut world = World::bare(
        "2026-03-01T03:10:00Z",
        policy(),
        Past {
            open: Vec::new(),
            ..past(RunState::Queued)
        },
    );
    world.list(vec![document(json!({
        "job_id": "a", "updated_at": "2026-03-01T01:30:00", "job_schedule": {"schedule_hour": "12"},
        "job_actions": [{"freezer_action": {"action": "backup"}}],
    }))]);
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T02:00:00Z..2026-03-01T03:00:00Z x2 skipped Superseded"]
    );
    assert_eq!(
        (world.launched().len(), world.wake),
        (0, Some(due("2026-03-01T12:00:00Z")))
    );
}

/// Found by the simulator: a run lies ahead of what is decided, as the clock was a year behind when the daemon died; what comes
/// after that run was never heard of again.
#[test]
fn what_is_superseded_or_was_stopped_is_so_up_to_now_though_a_run_lies_in_between() {
    let known = || {
        let mut past = past(RunState::Queued);
        (past.open, past.plans[0].last) = (Vec::new(), Some(ran("2026-03-01T03:00:00Z")));
        past
    };
    let mut world = World::bare("2026-03-01T06:10:00Z", policy(), known());
    world.list(vec![document(json!({
        "job_id": "a", "updated_at": "2026-03-01T06:05:00", "job_schedule": {"schedule_hour": "12"},
        "job_actions": [{"freezer_action": {"action": "backup"}}],
    }))]);
    let superseded = [
        "2026-03-01T02:00:00Z skipped Superseded",
        "2026-03-01T04:00:00Z..2026-03-01T06:00:00Z x3 skipped Superseded",
    ];
    assert_eq!(world.verdicts("a"), superseded);

    let mut past = known();
    past.plans[0].plan = brief(&plan("a", json!({"schedule_minute": "0", "event": "stop"})));
    let mut world = World::bare("2026-03-01T06:10:00Z", policy(), past);
    world.list(vec![hourly("a")]);
    let stopped = superseded.map(|line| line.replace("Superseded", "Stopped"));
    assert_eq!(world.verdicts("a"), stopped);
    assert_eq!(world.launched(), []);
}

/// While its document cannot be used a plan has no due times, whatever ran.
#[test]
fn what_would_have_been_due_while_a_plan_was_broken_has_no_verdict_though_a_run_lies_in_between() {
    let mut past = past(RunState::Queued);
    (past.open, past.plans[0].last) = (Vec::new(), Some(ran("2026-03-01T12:00:00Z")));
    let mut world = World::bare("2026-03-01T06:10:00Z", policy(), past);
    world.tell(Input::Listing {
        began: world.now,
        plans: Vec::new(),
        broken: vec![Broken {
            job: job("a"),
            document: "{}".into(),
            event: String::new(),
        }],
    });
    world.now = at("2026-03-01T15:10:00Z");
    world.list(vec![hourly("a")]);
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T02:00:00Z..2026-03-01T06:00:00Z x5 skipped Superseded"]
    );
}

/// Found by the simulator: the clock was years ahead for a minute, and set right; the ledger's last run is one of then.
#[test]
fn what_ran_by_a_clock_that_was_far_ahead_is_not_believed_after_a_restart_either() {
    let mut past = past(RunState::Queued);
    past.open = Vec::new();
    past.plans[0].last = Some(ran("2031-05-01T03:00:00Z"));
    past.plans[0].success = Some(ran("2031-05-01T03:00:00Z"));
    past.plans[0].first_seen = due("2026-01-01T00:00:00Z");
    let mut world = World::bare("2026-03-01T03:10:00Z", policy(), past);
    world.tell(Input::Begin);
    let view = world.planner.plans(9).remove(0);
    assert_eq!(view.last_success, None);
    // It is late an hour after its next due time: not at once, and not in the year 2031.
    assert_eq!(view.deadline, Some(due("2026-03-01T05:00:00Z")));
    // What fell due while the daemon was away is caught up with as ever.
    assert_eq!(
        world.launched(),
        [RunId::new(&job("a"), due("2026-03-01T03:00:00Z"))]
    );
    assert_eq!(
        world.verdicts("a")[..1],
        ["2026-03-01T02:00:00Z coalesced a-20260301T030000Z"]
    );
}

#[test]
fn a_launch_that_was_recorded_and_not_carried_out_is_carried_out() {
    let mut world = woken(RunState::Starting);
    let run = world.planner.launched().remove(0).id;
    world.tell(Input::Found {
        run: run.clone(),
        found: Found::Never,
    });
    assert_eq!(world.launched(), [], "the first listing comes first");
    world.tell(Input::Begin);
    assert_eq!(world.launched(), [run]);
}

#[test]
fn a_launch_that_was_not_carried_out_is_looked_at_afresh() {
    let mut world = woken(RunState::Starting);
    let run = world.planner.launched().remove(0).id;
    world.tell(Input::Found {
        run,
        found: Found::Never,
    });
    world.list(vec![plan("a", json!({"schedule_minute": "0", "status": "stop"}))]);
    assert_eq!(world.launched(), []);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Stopped"]);
}

#[test]
fn a_run_queued_under_other_rules_does_not_start_in_shadow() {
    let shadow = Policy {
        shadow: true,
        ..policy()
    };
    let mut world = World::bare("2026-03-01T01:10:00Z", shadow, past(RunState::Queued));
    world.tell(Input::Begin);
    assert_eq!(world.launched(), []);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Shadow"]);
}

#[test]
fn a_run_queued_under_other_rules_is_not_what_is_denied_now() {
    let mut past = past(RunState::Queued);
    past.plans[0].plan = brief(&document(json!({
        "job_id": "a", "job_schedule": {"schedule_minute": "0"},
        "job_actions": [{"freezer_action": {"action": "exec", "command": "true"}}],
    })));
    let mut world = World::bare("2026-03-01T01:10:00Z", policy(), past);
    world.tell(Input::Begin);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped ExecDenied"]);
    assert_eq!(world.launched(), []);
}

#[test]
fn a_run_that_lives_holds_its_place_and_its_plan() {
    let mut world = woken(RunState::Running);
    let run = world.planner.launched().remove(0).id;
    let started = Some(at("2026-03-01T01:00:01Z"));
    world.tell(Input::Found {
        run: run.clone(),
        found: Found::Alive { pid: 3, started },
    });
    world.tell(Input::Begin);
    world.live_until("2026-03-01T02:30:00Z");
    assert_eq!(world.verdicts("a"), ["2026-03-01T02:00:00Z skipped Overlap"]);
    assert_eq!(world.planner.counts().running, 1);
    world.run_for(&run, 1, Outcome::Success);
    world.live_until("2026-03-01T03:00:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn an_end_that_came_while_the_daemon_was_away_is_recorded_and_reported() {
    let mut world = woken(RunState::Running);
    let run = world.planner.launched().remove(0).id;
    let ended = at("2026-03-01T01:05:00Z");
    world.tell(Input::Found {
        run,
        found: Found::Ended(End {
            outcome: Outcome::Fail,
            started: None,
            ended,
            detail: "exit 1".into(),
            metadata: Vec::new(),
        }),
    });
    assert_eq!(world.reports(), [("scheduled", "fail")]);
}

#[test]
fn lost_only_with_evidence() {
    let mut world = woken(RunState::Running);
    let run = world.planner.launched().remove(0).id;
    world.tell(Input::Found {
        run,
        found: Found::Never,
    });
    let Some(Record::Run(run)) = world.records.first() else {
        panic!("no record")
    };
    assert_eq!(run.state, RunState::Done(Outcome::Lost));
    assert!(run.detail.contains("every trace of it is gone"), "{}", run.detail);
}

#[test]
fn in_shadow_what_an_earlier_daemon_queued_or_was_about_to_launch_is_taken_back() {
    let shadow = || Policy {
        shadow: true,
        ..policy()
    };
    for state in [RunState::Queued, RunState::Starting] {
        let mut world = World::bare("2026-03-01T01:10:00Z", shadow(), past(state));
        for run in world.planner.launched() {
            let found = Found::Never;
            world.tell(Input::Found { run: run.id, found });
        }
        world.tell(Input::Begin);
        assert_eq!(world.launched(), []);
        assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Shadow"]);
        assert!(world.records.contains(&Record::Withdraw {
            run: record(state).id
        }));
        world.live_until("2026-03-01T02:10:00Z");
        assert_eq!(world.verdicts("a").len(), 2, "its next due time comes");
    }
}

#[test]
fn after_the_loss_of_the_ledger_what_runs_once_and_may_have_run_waits_to_be_asked() {
    let once = |changed: &str, event: &str| {
        let mut plan = plan("a", json!({"event": event}));
        plan.updated = Some(at(changed));
        plan
    };
    let launched = |plan: Plan| {
        let past = Past {
            lost: Some(at("2026-03-01T00:00:00Z")),
            ..Past::default()
        };
        let mut planner = Planner::restore(policy(), past);
        let now = at("2026-03-01T00:01:00Z");
        let listing = Input::Listing {
            began: now,
            plans: vec![plan],
            broken: Vec::new(),
        };
        let orders = planner.handle(now, [listing]).orders;
        orders.iter().any(|order| matches!(order, Order::Launch { .. }))
    };
    assert!(!launched(once("2026-02-01T00:00:00Z", "")));
    assert!(
        launched(once("2026-02-01T00:00:00Z", "start")),
        "its user asks for it"
    );
    assert!(
        launched(once("2026-03-01T00:00:30Z", "")),
        "it is newer than the loss"
    );
}

#[test]
fn what_ends_in_shadow_is_told_by_who_comes_after() {
    let shadow = Policy {
        shadow: true,
        ..policy()
    };
    let mut world = World::bare("2026-03-01T01:10:00Z", shadow, past(RunState::Running));
    let run = world.planner.launched().remove(0).id;
    world.run_for(&run, 60, Outcome::Success);
    assert_eq!(world.reports().last(), Some(&("scheduled", "success")));
}

#[test]
fn other_rules_before_the_first_listing_take_nothing_that_was_missed() {
    let missed = Past {
        open: Vec::new(),
        ..past(RunState::Queued)
    };
    let mut world = World::bare("2026-03-01T05:10:00Z", policy(), missed);
    let rezoned = Policy {
        zone: Arc::new(Zone::new("Europe/Berlin", 3600, &[])),
        ..policy()
    };
    world.tell(Input::Policy(Box::new(rezoned)));
    world.tell(Input::Begin);
    assert_eq!(world.launched().len(), 1);
}
