use proptest::prelude::*;

use super::*;
use crate::schedule::Crontab;

/// What a plan has of its own.
#[derive(Debug, Clone, Copy)]
enum Own {
    Nothing,
    /// It is stopped.
    Stop,
    /// A window that is open from noon on.
    Window,
    /// A session, which never answers.
    Session,
}

type AnyPlan = (Option<u8>, usize, Own);

/// A plan of one of some projects, or of none, that is due at each full hour, every half an hour, or at noon only.
fn any_plan() -> impl Strategy<Value = AnyPlan> {
    let own = prop_oneof![8 => Just(Own::Nothing), 1 => Just(Own::Stop), 1 => Just(Own::Window), 1 => Just(Own::Session)];
    (prop::option::weighted(0.8, 0..4u8), 0..3usize, own)
}

fn plans(all: &[AnyPlan]) -> Vec<Plan> {
    let one = |(number, (project, schedule, own)): (usize, &AnyPlan)| {
        let schedules = [
            json!({"schedule_minute": "0"}),
            json!({"schedule_minute": "*/30"}),
            json!({"schedule_hour": "12"}),
        ];
        let mut schedule = schedules[*schedule].clone();
        if matches!(own, Own::Window) {
            // Whoever waits by itself for as long as others wait together may go before them or after.
            schedule = json!({"schedule_minute": "*/20"});
        }
        schedule["event"] = json!(if matches!(own, Own::Stop) { "stop" } else { "" });
        document(json!({
            "job_id": format!("{number:02}{}", if matches!(own, Own::Window) { "w" } else { "j" }),
            "project_id": project.map(|project| format!("p{project}")),
            "created_at": "2026-01-01T00:00:00",
            "job_schedule": schedule,
            "session_id": if matches!(own, Own::Session) { "s" } else { "" },
            "job_actions": [{"freezer_action": {"action": "backup"}}],
        }))
    };
    all.iter().enumerate().map(one).collect()
}

fn rules(max_concurrent: usize) -> Policy {
    let noon = Crontab::compile("* 12-23 * * *").expect("a test's window");
    let window = WindowRule {
        scope: Scope {
            plans: vec!["*w".to_owned()],
            ..Scope::default()
        },
        allow: vec![noon],
        deny: Vec::new(),
        outside: Some(Outside::Wait),
    };
    Policy {
        max_concurrent,
        windows: vec![window],
        ..policy()
    }
}

/// All runs of a half hour, in the order in which they are launched or ask their sessions; but for `busy`, which go on, each
/// ends before the next. `together`: nobody goes first.
fn launched(world: &mut World, hour: &str, busy: usize, together: bool) -> Vec<RunId> {
    let (before, started) = (world.orders.len(), world.launched().len());
    if together {
        world.planner.gone_first = Some(due(hour));
    }
    world.live_until(hour);
    let mut over = started + busy;
    while let Some(run) = world.launched().get(over).cloned() {
        world.run_for(&run, 0, Outcome::Success);
        over += 1;
    }
    let named = |order: &Order| match order {
        Order::Launch { run } => Some(run.id.clone()),
        Order::AskSession(ask) => Some(ask.run.clone()),
        _ => None,
    };
    world.orders[before..].iter().filter_map(named).collect()
}

proptest! {
    #[test]
    fn all_have_the_turns_they_would_have_if_nobody_went_first(
        all in prop::collection::vec(any_plan(), 1..24),
        most in 1..7usize,
        busy in 0..2usize,
    ) {
        let mut worlds = [false, true].map(|together| {
            (World::new("2026-03-01T10:30:30Z", rules(most), plans(&all)), together)
        });
        // Whose turn it was last matters to the next.
        for hour in ["2026-03-01T11:00:00Z", "2026-03-01T11:30:00Z", "2026-03-01T12:00:00Z"] {
            let [one, other] = worlds.each_mut().map(|(world, together)| launched(world, hour, busy, *together));
            prop_assert_eq!(one, other, "at {}", hour);
        }
    }
}

#[test]
fn of_more_than_there_are_places_for_those_who_get_one_go_first_once() {
    let due = |most| {
        let plans = (0..5).map(|number| hourly(&format!("a{number}"))).collect();
        let rules = Policy {
            max_concurrent: most,
            ..policy()
        };
        let mut world = World::new("2026-03-01T00:30:00Z", rules, plans);
        world.now = at("2026-03-01T01:00:00Z");
        std::iter::repeat_with(|| world.planner.handle(world.now, [Input::Tick]))
            .take(3)
            .map(|decision| {
                let verdicts = decision.records.iter().map(|record| record.verdicts().len());
                (
                    verdicts.sum::<usize>(),
                    launches(&decision.orders).len(),
                    decision.more,
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(due(5), [(5, 5, false), (0, 0, false), (0, 0, false)]);
    assert_eq!(due(4), [(4, 4, true), (1, 0, false), (0, 0, false)]);
    assert_eq!(due(1), [(1, 1, true), (4, 0, false), (0, 0, false)]);
    // Where there is no place, nobody goes anywhere.
    assert_eq!(due(0), [(5, 0, false), (0, 0, false), (0, 0, false)]);
}

#[test]
fn what_comes_in_between_counts_for_the_others() {
    let plans = ["a", "b", "c", "d", "e"].map(hourly);
    let rules = Policy {
        max_concurrent: 2,
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", rules, plans.to_vec());
    world.now = at("2026-03-01T01:00:00Z");
    let first = world.planner.handle(world.now, [Input::Tick]);
    assert!(first.more);
    assert_eq!(first.wake, Some(DueTime::floor(world.now)), "the others are due");
    // A place is free again; one of the others is gone, and one is another plan by now.
    let run = RunId::new(&job("a"), DueTime::floor(world.now));
    let end = over(Outcome::Success, world.now, world.now);
    let edited = plan("d", json!({"schedule_minute": "30"}));
    let inputs = [
        Input::Ended { run, end },
        Input::Gone(job("c")),
        Input::Seen(Box::new(edited)),
    ];
    let others = world.planner.handle(world.now, inputs);
    assert!(!others.more);
    let free = RunId::new(&job("e"), DueTime::floor(world.now));
    assert_eq!(launches(&others.orders), [free]);
    let verdicts: Vec<_> = others.records.iter().flat_map(Record::verdicts).collect();
    let of = |id: &str| {
        verdicts
            .iter()
            .rfind(|verdict| verdict.job == job(id))
            .map(|last| &last.verdict)
    };
    assert_eq!(of("d"), Some(&Verdict::Skipped(Reason::Superseded)));
    assert!(!matches!(of("c"), Some(Verdict::Run(_))));
    assert_eq!(others.wake, Some(due("2026-03-01T01:30:00Z")));
}

#[test]
fn what_has_come_due_by_the_old_rules_is_decided_by_them() {
    let plans = ["a", "b", "c"].map(|id| plan(id, json!({"schedule_hour": "1"})));
    let rules = |zone: Zone| Policy {
        max_concurrent: 1,
        zone: Arc::new(zone),
        ..policy()
    };
    let mut world = World::new("2026-03-01T00:30:00Z", rules(Zone::utc()), plans.to_vec());
    world.now = at("2026-03-01T01:00:00Z");
    world.tell(Input::Policy(Box::new(rules(Zone::new(
        "Asia/Tokyo",
        9 * 3600,
        &[],
    )))));
    let ran = |record: &VerdictRecord| matches!(record.verdict, Verdict::Run(_));
    let verdicts: Vec<_> = world.records.iter().flat_map(Record::verdicts).collect();
    let due = verdicts
        .iter()
        .filter(|verdict| verdict.last == DueTime::floor(world.now) && ran(verdict));
    assert_eq!(due.count(), 3);
}
