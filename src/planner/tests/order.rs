use super::*;

fn of(project: &str, id: &str, schedule: Value) -> Plan {
    document(json!({
        "job_id": id, "project_id": project, "created_at": "2026-01-01T00:00:00",
        "job_schedule": schedule, "job_actions": [{"freezer_action": {"action": "backup"}}],
    }))
}

/// Lets one run after another through a single place; gives the order of their plans.
fn one_by_one(world: &mut World, most: usize) -> Vec<String> {
    world.tell(Input::Policy(Box::new(Policy {
        max_concurrent: 1,
        ..policy()
    })));
    let mut order = Vec::new();
    while order.len() < most {
        let Some(run) = world.launched().get(order.len()).cloned() else {
            break;
        };
        order.push(run.as_str().split('-').next().unwrap_or_default().to_owned());
        world.run_for(&run, 0, Outcome::Success);
    }
    order
}

#[test]
fn the_cap_holds() {
    let plans = (0..9).map(|n| hourly(&format!("a{n}"))).collect();
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), plans);
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!((world.launched().len(), world.planner.counts().running), (4, 4));
    let run = world.launched().remove(0);
    world.run_for(&run, 1, Outcome::Success);
    assert_eq!((world.launched().len(), world.planner.counts().running), (5, 4));
}

#[test]
fn longest_overdue_against_its_own_cadence_goes_first() {
    let shut = Policy {
        max_concurrent: 0,
        ..policy()
    };
    let plans = vec![
        of(
            "p",
            "weekly",
            json!({"schedule_day_of_week": "sun", "schedule_hour": "1"}),
        ),
        of("p", "daily", json!({"schedule_hour": "2"})),
        of("p", "hourly", json!({"schedule_minute": "30"})),
    ];
    let mut world = World::new("2026-03-01T00:59:00Z", shut, plans);
    // At 02:45: weekly 1 h 45 of 168 h, daily 45 min of 24 h, hourly 1 h 15 of 1 h.
    world.live_until("2026-03-01T02:45:00Z");
    assert_eq!(one_by_one(&mut world, 3), ["hourly", "daily", "weekly"]);
}

#[test]
fn projects_take_turns() {
    let shut = Policy {
        max_concurrent: 0,
        ..policy()
    };
    let mut plans: Vec<Plan> = (0..4)
        .map(|n| of("big", &format!("big{n}"), json!({"schedule_minute": "0"})))
        .collect();
    plans.push(of("small", "small", json!({"schedule_minute": "1"})));
    let mut world = World::new("2026-03-01T00:59:00Z", shut, plans);
    world.live_until("2026-03-01T01:02:00Z");
    let order = one_by_one(&mut world, 5);
    assert!(
        order
            .iter()
            .position(|name| name == "small")
            .is_some_and(|place| place <= 1),
        "{order:?}"
    );
}

#[test]
fn among_equals_the_order_is_fixed() {
    let shut = Policy {
        max_concurrent: 0,
        ..policy()
    };
    let plans = (0..5)
        .rev()
        .map(|n| of("p", &format!("a{n}"), json!({"schedule_minute": "0"})))
        .collect();
    let mut world = World::new("2026-03-01T00:59:00Z", shut, plans);
    world.live_until("2026-03-01T01:02:00Z");
    assert_eq!(one_by_one(&mut world, 5), ["a0", "a1", "a2", "a3", "a4"]);
}

fn running(world: &World) -> usize {
    world.planner.counts().running
}

fn hourly_of(project: &str, minute: &str, count: usize) -> Vec<Plan> {
    let id = |n| format!("{project}{n}");
    (0..count)
        .map(|n| of(project, &id(n), json!({"schedule_minute": minute})))
        .collect()
}

/// Its runs may never end: whoever has all places when another's plan is due keeps them for ever.
#[test]
fn no_project_of_several_has_the_last_place() {
    let plans = [hourly_of("big", "0", 8), hourly_of("small", "30", 2)].concat();
    let mut world = World::new("2026-03-01T00:40:00Z", policy(), plans);
    world.live_until("2026-03-01T01:29:00Z");
    assert_eq!(running(&world), 3, "one is left");
    world.live_until("2026-03-01T01:30:00Z");
    let last = world.launched().pop().expect("the fourth");
    assert_eq!((running(&world), last.as_str().starts_with("small0-")), (4, true));
    // The other takes its turn in that place, whatever waits of the first.
    world.run_for(&last, 60, Outcome::Success);
    let last = world.launched().pop().expect("the fifth");
    assert_eq!((running(&world), last.as_str().starts_with("small1-")), (4, true));
    world.run_for(&last, 60, Outcome::Success);
    assert_eq!(running(&world), 3, "and is kept for it");
    let first = world.launched().remove(0);
    world.run_for(&first, 60, Outcome::Fail);
    assert_eq!((world.launched().len(), running(&world)), (6, 3));
}

#[test]
fn who_is_alone_on_a_node_has_all_places() {
    let mut plans = hourly_of("big", "0", 8);
    plans.push(of("small", "small", json!({"schedule_minute": "30"})));
    let mut world = World::new("2026-03-01T00:40:00Z", policy(), plans);
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(running(&world), 3);
    world.tell(Input::Gone(job("small")));
    assert_eq!(running(&world), 4, "nobody is left to keep it for");
    world.tell(Input::Seen(Box::new(of(
        "none",
        "new",
        json!({"schedule_minute": "30"}),
    ))));
    let first = world.launched().remove(0);
    world.run_for(&first, 60, Outcome::Success);
    assert_eq!(
        running(&world),
        3,
        "what was taken before it came is not taken away"
    );
    // It is moved to the other's project.
    let moved = document(json!({
        "job_id": "new", "project_id": "big", "created_at": "2026-01-01T00:00:00",
        "job_schedule": {"schedule_minute": "30"}, "job_actions": [{"freezer_action": {"action": "backup"}}],
    }));
    world.tell(Input::Seen(Box::new(moved)));
    assert_eq!(running(&world), 4);
}

#[test]
fn one_place_for_all_is_taken_by_turns() {
    let alone = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let plans = [hourly_of("big", "0", 3), hourly_of("small", "1", 1)].concat();
    let mut world = World::new("2026-03-01T00:40:00Z", alone, plans);
    world.live_until("2026-03-01T01:02:00Z");
    let order = one_by_one(&mut world, 4);
    assert_eq!(order, ["big0", "small0", "big1", "big2"]);
}
