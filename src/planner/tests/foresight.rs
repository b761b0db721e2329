//! What a launcher may get ready for.

use crate::schedule::Crontab;

use super::*;

const NOON: &str = "2026-03-01T12:00:00Z";

/// What is about to start at noon, with these rules, of a plan that is due every hour.
fn at_noon(rules: Policy, event: &str) -> Option<RunId> {
    let hourly = plan("a", json!({"schedule_minute": "0", "event": event}));
    let mut world = World::new("2026-03-01T11:59:58Z", rules, vec![hourly]);
    assert_eq!(world.planner.about_to_start(world.now), None, "it is not due");
    world.live_until("2026-03-01T11:59:59Z");
    world.planner.about_to_start(at(NOON))
}

#[test]
fn the_run_of_a_plan_that_is_due_is_about_to_start() {
    let run = RunId::new(&job("a"), due(NOON));
    assert_eq!(at_noon(policy(), ""), Some(run.clone()));
    let mut world = World::new("2026-03-01T11:30:00Z", policy(), vec![hourly("a"), hourly("b")]);
    world.live_until(NOON);
    assert_eq!(world.planner.about_to_start(world.now), None, "it is decided");
    assert_eq!(world.launched().first(), Some(&run));
    world.now = at("2026-03-01T13:00:00Z");
    assert_eq!(world.planner.about_to_start(world.now), None, "both still run");
}

#[test]
fn none_is_whose_due_time_has_no_run_or_whose_run_has_to_wait() {
    let none = Crontab::compile("* 3 * * *").expect("a test's window");
    for outside in [Outside::Wait, Outside::Skip] {
        let window = WindowRule {
            scope: Scope::default(),
            allow: vec![none.clone()],
            deny: Vec::new(),
            outside: Some(outside),
        };
        let windows = vec![window];
        assert_eq!(at_noon(Policy { windows, ..policy() }, ""), None);
    }
    let max_concurrent = 0;
    assert_eq!(
        at_noon(
            Policy {
                max_concurrent,
                ..policy()
            },
            ""
        ),
        None
    );
    // The last place of several may be kept for another project.
    let max_concurrent = 1;
    assert!(
        at_noon(
            Policy {
                max_concurrent,
                ..policy()
            },
            ""
        )
        .is_some()
    );
    let two = Policy {
        max_concurrent: 2,
        ..policy()
    };
    let mut world = World::new(
        "2026-03-01T11:30:00Z",
        two,
        vec![hourly("a"), plan("b", json!({"schedule_hour": "13"}))],
    );
    world.live_until("2026-03-01T12:00:00Z");
    world.live_until("2026-03-01T12:30:00Z");
    assert_eq!(world.launched().len(), 1);
    assert_eq!(world.planner.about_to_start(at("2026-03-01T13:00:00Z")), None);
    let shadow = true;
    assert_eq!(at_noon(Policy { shadow, ..policy() }, ""), None);
    assert_eq!(at_noon(policy(), "stop"), None);
}
