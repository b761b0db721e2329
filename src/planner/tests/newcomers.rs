//! Listings that break off, and more plans than there may be.

use super::*;

/// A page of three plans that are not in any other.
fn page(number: usize) -> Vec<Plan> {
    (0..3).map(|plan| hourly(&format!("{number}-{plan}"))).collect()
}

fn complete(world: &mut World, plans: &[Plan]) {
    let digester = Digester::default();
    let digests = plans.iter().map(|plan| digester.digest(&plan.document)).collect();
    world.tell(Input::Listed {
        began: world.now,
        digests: Arc::new(digests),
        broken: Vec::new(),
    });
}

#[test]
fn listings_that_break_off_with_other_plans_each_time_bring_those_of_one_alone() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    for poll in 0..50 {
        world.tell(Input::Page(page(2 * poll)));
        world.tell(Input::Page(page(2 * poll + 1)));
        world.tell(Input::BrokenOff);
        assert_eq!(world.planner.plan_count(), 7, "poll {poll}");
    }
    // What is known is kept up to date on their pages all the same.
    let edited = plan("a", json!({"schedule_minute": "45"}));
    world.tell(Input::Page(vec![edited.clone()]));
    world.tell(Input::BrokenOff);
    assert_eq!(world.wake, Some(due("2026-03-01T00:45:00Z")));
    // The next complete one has the last word: what it has is there, and the rest is asked for.
    let listed: Vec<Plan> = [vec![edited], page(0), page(200)].concat();
    world.tell(Input::Page(page(200)));
    assert_eq!(world.planner.plan_count(), 7, "it waits for the end");
    world.orders.clear();
    complete(&mut world, &listed);
    assert_eq!(world.planner.plan_count(), 10);
    let asked = ["1-0", "1-1", "1-2"].map(|id| Order::ConfirmGone(job(id)));
    assert_eq!(world.orders, asked);
    // And then new ones are taken in with their page again.
    world.tell(Input::Page(page(300)));
    assert_eq!(world.planner.plan_count(), 13);
}

#[test]
fn one_that_breaks_off_before_it_brought_anything_new_is_held_against_nobody() {
    let mut world = World::bare("2026-03-01T00:30:00Z", policy(), Past::default());
    world.tell(Input::BrokenOff);
    world.tell(Input::Page(page(0)));
    assert_eq!(world.planner.plan_count(), 3);
}

#[test]
fn what_is_too_much_to_wait_is_read_with_the_next_listing_and_is_no_older_for_that() {
    let mut world = World::new("2026-03-01T00:10:00Z", policy(), vec![hourly("a")]);
    world.tell(Input::Page(page(0)));
    world.tell(Input::BrokenOff);
    world.now = at("2026-03-01T00:30:00Z");
    let made = |id: &str, bytes: usize| {
        let pad = "x".repeat(bytes);
        document(
            json!({"job_id": id, "created_at": "2026-03-01T00:20:00", "name": id, "pad": pad,
            "job_schedule": {"schedule_minute": "31"}, "job_actions": []}),
        )
    };
    // Of those that wait the last has no room any more.
    let many = (0..66).map(|number| made(&format!("b{number}"), 500_000));
    let waits: Vec<Plan> = many.chain([made("c", 500_000), made("d", 500_000)]).collect();
    let listed = [vec![hourly("a")], waits.clone(), page(0)].concat();
    world.tell(Input::Page(waits));
    world.orders.clear();
    complete(&mut world, &listed);
    assert_eq!(world.planner.plan_count(), 4 + 67);
    assert_eq!(world.orders, [Order::ReadWhole]);
    // Its due time in between is younger than the last listing that was taken in whole.
    world.jump_to("2026-03-01T00:32:00Z");
    world.tell(Input::Page(listed.clone()));
    complete(&mut world, &listed);
    assert_eq!(world.verdicts("d").len(), 1, "{:?}", world.verdicts("d"));
}

#[test]
fn no_more_are_known_than_there_may_be_and_that_is_told() {
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), vec![hourly("a")]);
    world.planner.newcomers.at_most(5);
    world.tell(Input::Page(page(0)));
    world.tell(Input::Page(page(1)));
    assert_eq!((world.planner.plan_count(), world.planner.turned_away()), (5, 2));
    // Those that are known are edited all the same.
    world.tell(Input::Page(vec![plan("a", json!({"schedule_minute": "45"}))]));
    assert_eq!(world.wake, Some(due("2026-03-01T00:45:00Z")));
    world.tell(Input::BrokenOff);
    assert_eq!(world.planner.turned_away(), 0);
    world.tell(Input::Page(page(1)));
    assert_eq!((world.planner.plan_count(), world.planner.turned_away()), (5, 2));
}
