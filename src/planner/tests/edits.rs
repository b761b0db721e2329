use super::*;

fn stopped(id: &str) -> Plan {
    plan(id, json!({"schedule_minute": "0", "status": "stop"}))
}

fn edited(id: &str, schedule: Value, updated: &str) -> Plan {
    document(json!({
        "job_id": id, "project_id": "p1", "created_at": "2026-01-01T00:00:00", "updated_at": updated,
        "job_schedule": schedule,
        "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}],
    }))
}

#[test]
fn an_edit_takes_effect_and_never_fires_the_past() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.now = at("2026-03-01T00:50:00Z");
    world.list(vec![edited(
        "a",
        json!({"schedule_minute": "40"}),
        "2026-03-01T00:49:30",
    )]);
    assert_eq!(
        (world.launched().len(), world.wake),
        (0, Some(due("2026-03-01T01:40:00Z")))
    );
}

#[test]
fn what_fell_due_between_an_edit_and_the_poll_that_saw_it_runs() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.now = at("2026-03-01T00:40:30Z");
    world.list(vec![edited(
        "a",
        json!({"schedule_minute": "40"}),
        "2026-03-01T00:39:30",
    )]);
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T00:40:00Z run a-20260301T004000Z"]
    );
}

#[test]
fn a_plan_made_between_two_polls_runs_what_fell_due_since_it_was_made() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![]);
    world.now = at("2026-03-01T00:31:00Z");
    world.list(vec![document(json!({
        "job_id": "a", "created_at": "2026-03-01T00:30:20.5", "updated_at": null,
        "job_schedule": {"schedule_date": "2026-03-01T00:30:40Z"},
        "job_actions": [{"freezer_action": {"action": "backup"}}],
    }))]);
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T00:30:40Z run a-20260301T003040Z"]
    );
}

#[test]
fn a_plan_met_on_an_empty_ledger_starts_with_what_is_to_come() {
    let world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    assert_eq!(world.launched().len(), 0);
}

#[test]
fn an_edit_while_queued_supersedes() {
    let tight = Policy {
        max_concurrent: 0,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", tight, vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(world.planner.counts().queued, 1);
    world.list(vec![edited(
        "a",
        json!({"schedule_hour": "5"}),
        "2026-03-01T00:59:59",
    )]);
    assert_eq!(world.verdicts("a"), ["2026-03-01T01:00:00Z skipped Superseded"]);
    assert_eq!(world.planner.counts().queued, 0);
    assert_eq!(world.wake, Some(due("2026-03-01T05:00:00Z")));
}

#[test]
fn an_edit_of_what_it_does_while_queued_runs_the_new_actions() {
    let tight = Policy {
        max_concurrent: 0,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", tight, vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    let mut changed = hourly("a");
    changed.document = Arc::from("{\"another\": \"text\"}");
    changed.name = "renamed".to_owned();
    world.list(vec![changed]);
    world.tell(Input::Policy(Box::new(policy())));
    assert!(matches!(world.orders.last(), Some(Order::Launch { .. })));
    let recorded = world.records.iter().rev().find_map(|record| match record {
        Record::Plan { name, document, .. } => Some((name.as_str(), document.as_deref())),
        _ => None,
    });
    assert_eq!(recorded, Some(("renamed", Some("{\"another\": \"text\"}"))));
}

#[test]
fn a_stop_while_queued_withdraws_and_a_start_never_fires_the_past() {
    let tight = Policy {
        max_concurrent: 0,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", tight, vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    world.list(vec![stopped("a")]);
    world.live_until("2026-03-01T02:30:00Z");
    world.list(vec![hourly("a")]);
    world.live_until("2026-03-01T03:00:00Z");
    assert_eq!(
        world.verdicts("a"),
        [
            "2026-03-01T01:00:00Z skipped Stopped",
            "2026-03-01T02:00:00Z skipped Stopped",
            "2026-03-01T03:00:00Z run a-20260301T030000Z",
        ]
    );
}

#[test]
fn a_plan_that_a_listing_missed_is_asked_for_before_it_is_forgotten() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a"), hourly("b")]);
    world.list(vec![hourly("a")]);
    assert_eq!(world.orders, [Order::ConfirmGone(job("b"))]);
    world.tell(Input::Seen(Box::new(hourly("b"))));
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(world.launched().len(), 2);
    world.list(vec![hourly("a")]);
    world.tell(Input::Gone(job("b")));
    assert!(world.records.contains(&Record::Forget { job: job("b") }));
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(world.verdicts("b").len(), 1);
}

#[test]
fn a_plan_that_goes_while_queued_is_superseded_and_one_that_runs_ends() {
    let tight = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", tight, vec![hourly("a"), hourly("b")]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.tell(Input::Gone(job("a")));
    world.tell(Input::Gone(job("b")));
    assert_eq!(world.verdicts("b"), ["2026-03-01T01:00:00Z skipped Superseded"]);
    world.run_for(&run, 9, Outcome::Success);
    let done = world
        .records
        .iter()
        .any(|record| matches!(record, Record::Run(run) if run.state == RunState::Done(Outcome::Success)));
    assert!(done);
    assert_eq!(world.wake, None);
}

#[test]
fn a_document_that_broke_has_no_due_times_until_it_is_mended() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a"), hourly("b")]);
    let broken = Broken {
        event: String::new(),
        job: job("a"),
        document: Arc::from("{}"),
    };
    world.tell(Input::Listing {
        began: world.now,
        plans: vec![hourly("b")],
        broken: vec![broken],
    });
    world.live_until("2026-03-01T01:30:00Z");
    assert_eq!((world.verdicts("a").len(), world.verdicts("b").len()), (0, 1));
    assert!(
        world
            .orders
            .iter()
            .all(|order| !matches!(order, Order::ConfirmGone(_)))
    );
    world.list(vec![hourly("a"), hourly("b")]);
    world.records.iter().for_each(stored_as_it_is_read);
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T02:00:00Z run a-20260301T020000Z"]
    );
}

#[test]
fn another_zone_takes_effect_from_now_on() {
    let berlin = Zone::new("Europe/Berlin", 3600, &[]);
    let noon = plan("a", json!({"schedule_hour": "12"}));
    let mut world = World::new("2026-03-01T11:30:00Z", policy(), vec![noon]);
    assert_eq!(world.wake, Some(due("2026-03-01T12:00:00Z")));
    world.tell(Input::Policy(Box::new(Policy {
        zone: Arc::new(berlin),
        ..policy()
    })));
    assert_eq!(
        (world.launched().len(), world.wake),
        (0, Some(due("2026-03-02T11:00:00Z")))
    );
}

#[test]
fn a_plan_that_goes_and_comes_back_while_it_runs_does_not_run_beside_itself() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    world.tell(Input::Started {
        run: run.clone(),
        pid: 1,
        at: world.now,
    });
    world.tell(Input::Gone(job("a")));
    world.list(vec![hourly("a")]);
    world.live_until("2026-03-01T02:30:00Z");
    assert_eq!(world.launched().len(), 1);
    world.run_for(&run, 0, Outcome::Success);
    world.live_until("2026-03-01T03:00:00Z");
    let verdicts = world.verdicts("a");
    assert!(
        verdicts.contains(&"2026-03-01T02:00:00Z skipped Overlap".to_owned()),
        "{verdicts:?}"
    );
    assert_eq!(world.launched().len(), 2);
}

#[test]
fn a_start_during_the_only_run_of_a_plan_starts_no_second_one() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![plan("a", json!({}))]);
    let run = world.launched().remove(0);
    world.tell(Input::Started {
        run: run.clone(),
        pid: 1,
        at: world.now,
    });
    world.list(vec![plan("a", json!({"event": "start", "status": ""}))]);
    world.run_for(&run, 30, Outcome::Success);
    world.live_until("2026-03-02T00:00:00Z");
    assert_eq!(world.launched().len(), 1);
}

#[test]
fn a_plan_that_runs_once_is_due_when_the_rules_free_it() {
    let exec = document(json!({
        "job_id": "a", "job_schedule": {},
        "job_actions": [{"freezer_action": {"action": "exec", "command": "true"}}],
    }));
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![exec]);
    assert_eq!(world.launched(), []);
    world.now = at("2026-03-01T00:40:00Z");
    world.tell(Input::Policy(Box::new(Policy {
        allow_exec: true,
        ..policy()
    })));
    assert_eq!(
        world.verdicts("a"),
        ["2026-03-01T00:40:00Z run a-20260301T004000Z"]
    );
}

#[test]
fn a_name_that_leads_to_another_zone_fires_no_past() {
    let new_york = Zone::new("America/New_York", -5 * 3600, &[]);
    let rule = ZoneRule {
        scope: Scope {
            plans: vec!["*york".to_owned()],
            projects: Vec::new(),
        },
        zone: Arc::new(new_york),
    };
    let rules = Policy {
        zones: vec![rule],
        ..policy()
    };
    let at_two = plan("a", json!({"schedule_hour": "2"}));
    let mut world = World::new("2026-03-01T01:00:00Z", rules, vec![at_two.clone()]);
    world.live_until("2026-03-01T02:00:00Z");
    let run = world.launched().remove(0);
    world.run_for(&run, 9, Outcome::Success);
    world.live_until("2026-03-01T10:00:00Z");
    let mut renamed = at_two;
    renamed.name = "york".to_owned();
    renamed.document = Arc::from("{\"renamed\": true}");
    world.list(vec![renamed]);
    assert_eq!(
        (world.launched().len(), world.wake),
        (1, Some(due("2026-03-02T07:00:00Z")))
    );
}

/// A listing that is told page by page, without what is as it was in the one before.
fn listed(world: &mut World, digests: &[Plan], broken: Vec<Broken>) {
    let digester = crate::plan::Digester::default();
    let digests = digests.iter().map(|plan| digester.digest(&plan.document));
    world.tell(Input::Listed {
        began: world.now,
        digests: Arc::new(digests.collect()),
        broken,
    });
}

#[test]
fn what_a_listing_leaves_out_as_unchanged_is_there_and_what_it_does_not_hold_is_asked_for() {
    let mut world = World::new(
        "2026-03-01T00:30:00Z",
        policy(),
        vec![hourly("a"), hourly("b"), hourly("c")],
    );
    let edited = plan("b", json!({"schedule_minute": "30"}));
    world.tell(Input::Page(vec![edited.clone(), hourly("d")]));
    assert_eq!(
        world.planner.plan_count(),
        4,
        "what is new need not wait for the last page"
    );
    assert_eq!(world.orders, []);
    listed(
        &mut world,
        &[hourly("a"), edited.clone(), hourly("d")],
        Vec::new(),
    );
    assert_eq!(world.orders, [Order::ConfirmGone(job("c"))]);
    assert_eq!(world.planner.digests().len(), 4);
    // A page alone makes no listing: nobody is asked for.
    world.orders.clear();
    world.tell(Input::Page(vec![hourly("e")]));
    assert_eq!(world.orders, []);
}

#[test]
fn a_plan_that_was_gone_and_is_listed_as_unchanged_is_read_again() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a"), hourly("b")]);
    world.tell(Input::Gone(job("b")));
    listed(&mut world, &[hourly("a"), hourly("b")], Vec::new());
    assert_eq!(world.orders, [Order::ReadWhole]);
    world.tell(Input::Page(vec![hourly("a"), hourly("b")]));
    world.orders.clear();
    listed(&mut world, &[hourly("a"), hourly("b")], Vec::new());
    assert_eq!((world.orders.len(), world.planner.plan_count()), (0, 2));
}

#[test]
fn a_document_that_cannot_be_used_is_listed_and_no_longer_known() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a"), hourly("b")]);
    let broken = Broken {
        event: String::new(),
        job: job("a"),
        document: Arc::from("{}"),
    };
    listed(&mut world, &[hourly("b")], vec![broken]);
    assert_eq!(world.orders, []);
    assert_eq!(
        world.planner.digests().len(),
        1,
        "mended, it is new whatever it says"
    );
}
