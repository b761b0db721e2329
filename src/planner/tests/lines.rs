//! Who waits together, and what is said of it.

use proptest::prelude::*;

use super::together::rules;
use super::*;

proptest! {
    #[test]
    fn of_one_project_all_run_once_each_whoever_leaves_out_of_turn(
        plans in 3..12_usize,
        places in 1..3_usize,
        leave in prop::collection::vec((0..12_usize, any::<bool>()), 0..6),
    ) {
        let id = |number: usize| format!("p{number:02}");
        let run = |number: usize| RunId::new(&job(&id(number)), due("2026-03-01T01:00:00Z"));
        let all = (0..plans).map(|number| hourly(&id(number)));
        let mut world = World::new("2026-03-01T00:30:00Z", rules(places), all.collect());
        world.live_until("2026-03-01T01:00:00Z");
        let mut expected: BTreeMap<RunId, usize> = (0..plans).map(|number| (run(number), number)).collect();
        let mut through = 0;
        let mut end_one = |world: &mut World| {
            let run = world.launched().get(through).cloned();
            through += 1;
            run.inspect(|run| world.run_for(run, 0, Outcome::Success)).is_some()
        };
        for (number, gone) in leave {
            let waits = expected.contains_key(&run(number)) && !world.launched().contains(&run(number));
            if waits && gone {
                expected.remove(&run(number));
                world.tell(Input::Gone(job(&id(number))));
                // Whoever comes next has its seat.
                world.tell(Input::Seen(Box::new(hourly(&format!("new{number}")))));
            } else if waits {
                let edited = json!({"schedule_minute": "0", "status": "scheduled"});
                world.tell(Input::Seen(Box::new(plan(&id(number), edited))));
            }
            end_one(&mut world);
        }
        while end_one(&mut world) {}
        let mut launched = world.launched();
        launched.sort();
        prop_assert_eq!(launched, expected.into_keys().collect::<Vec<_>>());
        let counts = world.planner.counts();
        prop_assert_eq!((counts.queued, counts.running), (0, 0));
    }
}

#[test]
fn the_place_that_is_kept_for_another_project_is_taken_before_the_others_are_decided() {
    let of = |project: &str, number: usize, minute: &str| {
        document(json!({
            "job_id": format!("{project}{number}"),
            "project_id": project,
            "job_schedule": {"schedule_minute": minute},
            "job_actions": [{"freezer_action": {"action": "backup"}}],
        }))
    };
    let others = ["a", "b"]
        .into_iter()
        .flat_map(|project| (1..4).map(move |number| (project, number)));
    let plans = others.map(|(project, number)| of(project, number, "0"));
    let plans = plans.chain([of("a", 0, "45")]).collect();
    let mut world = World::new("2026-03-01T00:30:00Z", rules(2), plans);
    world.live_until("2026-03-01T00:45:00Z");
    assert_eq!(world.launched().len(), 1, "a has one place of two");
    world.now = at("2026-03-01T01:00:00Z");
    let mut decide = || {
        let decision = world.planner.handle(world.now, []);
        let waiting = decision.records.iter().filter_map(|record| match record {
            Record::Queued(queued) => Some(format!("{:?}", queued.jobs)),
            _ => None,
        });
        (
            launches(&decision.orders),
            waiting.collect::<Vec<_>>(),
            decision.more,
        )
    };
    let first = RunId::new(&job("b1"), due("2026-03-01T01:00:00Z"));
    let of_a = r#"[JobId("a1"), JobId("a2"), JobId("a3")]"#.to_owned();
    assert_eq!(decide(), (vec![first], vec![of_a], true));
    let of_b = r#"[JobId("b2"), JobId("b3")]"#.to_owned();
    assert_eq!(decide(), (Vec::new(), vec![of_b], false));
    assert_eq!(world.planner.counts().queued, 5);
}

/// The records about runs that `world` gave since there were `from`, in short.
fn about_runs(world: &World, from: usize) -> Vec<String> {
    let said = world.records[from..].iter().filter_map(|record| match record {
        Record::Queued(queued) => Some(format!("{:?} wait", queued.jobs)),
        Record::Run(run) => Some(format!("{} {}", run.job, run.state.word())),
        Record::Withdraw { run } => Some(format!("{run} withdrawn")),
        _ => None,
    });
    said.collect()
}

#[test]
fn whoever_waits_together_has_one_record_until_it_is_its_turn() {
    let plans = ["a", "b", "c", "d"].map(hourly).to_vec();
    let rules = Policy {
        max_concurrent: 1,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", rules, plans);
    world.live_until("2026-03-01T01:00:00Z");
    let waiting = r#"[JobId("b"), JobId("c"), JobId("d")] wait"#;
    assert_eq!(about_runs(&world, 0), ["a queued", "a starting", waiting]);
    assert_eq!(world.planner.counts().queued, 3);
    // Another hour later they still wait, each for itself from now on; and so does whoever is edited or stopped.
    let from = world.records.len();
    world.tell(Input::Seen(Box::new(plan(
        "c",
        json!({"schedule_minute": "0", "event": "stop"}),
    ))));
    assert_eq!(about_runs(&world, from), ["c-20260301T010000Z withdrawn"]);
    let from = world.records.len();
    let first = world.launched()[0].clone();
    world.run_for(&first, 60, Outcome::Success);
    assert_eq!(about_runs(&world, from), ["a running", "a success", "b starting"]);
    let from = world.records.len();
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(about_runs(&world, from), ["a queued", "d queued"]);
    assert_eq!(
        world.verdicts("d"),
        [
            "2026-03-01T01:00:00Z run d-20260301T010000Z",
            "2026-03-01T02:00:00Z coalesced d-20260301T010000Z"
        ]
    );
}
