//! Plans that are due together are decided on as each would be by itself.

use proptest::prelude::*;

use super::*;
use crate::schedule::Crontab;

/// What happens, to all or to one of the plans.
#[derive(Debug, Clone)]
enum Deed {
    Pass(i64),
    SetBack(i64),
    Stop(usize),
    Free(usize),
    RunsEnd,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (1..9_000_i64).prop_map(Deed::Pass),
        1 => (1..9_000_i64).prop_map(Deed::SetBack),
        1 => (0..8_usize).prop_map(Deed::Stop),
        2 => (0..8_usize).prop_map(Deed::Free),
        2 => Just(Deed::RunsEnd),
    ]
}

fn document_of(number: usize, kind: usize, stopped: bool) -> Plan {
    let schedule = match kind {
        0..=2 => json!({"schedule_minute": "0"}),
        3 => json!({"schedule_minute": "0,30"}),
        4 => json!({"schedule_interval": "1 hours", "schedule_start_date": "2026-03-01T00:00:00"}),
        5 => json!({"schedule_interval": "30 minutes"}),
        6 => json!({"schedule_interval": "continuous"}),
        _ => json!({}),
    };
    let mut schedule = schedule;
    if stopped {
        schedule["event"] = json!("stop");
    }
    plan(&format!("p{number}"), schedule)
}

/// Lives through `deeds` with these of the plans, of these kinds.
fn live(policy: &Policy, kinds: &[usize], with: &[usize], deeds: &[Deed]) -> World {
    let mut stopped = vec![false; kinds.len()];
    let list = |world: &mut World, stopped: &[bool]| {
        let documents = with
            .iter()
            .map(|number| document_of(*number, kinds[*number], stopped[*number]));
        world.list(documents.collect());
    };
    let mut world = World::bare("2026-03-01T00:30:00Z", policy.clone(), Past::default());
    list(&mut world, &stopped);
    for deed in deeds {
        match deed {
            Deed::Pass(seconds) => {
                world.now += TimeDelta::seconds(*seconds);
                world.tell(Input::Tick);
            }
            Deed::SetBack(seconds) => {
                world.now -= TimeDelta::seconds(*seconds);
                world.tell(Input::ClockStepped);
            }
            Deed::Stop(number) | Deed::Free(number) => {
                let number = number % kinds.len();
                stopped[number] = matches!(deed, Deed::Stop(_));
                list(&mut world, &stopped);
            }
            Deed::RunsEnd => {
                for run in world.planner.launched() {
                    let end = over(Outcome::Success, world.now, world.now);
                    world.tell(Input::Ended { run: run.id, end });
                }
            }
        }
    }
    world
}

proptest! {
    #[test]
    fn together_as_each_by_itself(
        kinds in prop::collection::vec(0..8_usize, 1..8),
        deeds in prop::collection::vec(deed(), 1..30),
        (shadow, limited, windowed) in any::<(bool, bool, bool)>(),
    ) {
        let window = WindowRule {
            scope: Scope { plans: vec!["p1".into(), "p2".into()], projects: Vec::new() },
            allow: vec![Crontab::compile("* 1-3 * * *").expect("a window")],
            deny: Vec::new(),
            outside: Some(Outside::Skip),
        };
        let policy = Policy {
            max_concurrent: 100,
            shadow,
            catch_up: if limited { CatchUp::Within(1_000) } else { CatchUp::UntilNext },
            windows: if windowed { vec![window] } else { Vec::new() },
            ..policy()
        };
        let all: Vec<usize> = (0..kinds.len()).collect();
        let together = live(&policy, &kinds, &all, &deeds);
        let views = together.planner.plans(100);
        for number in all {
            let alone = live(&policy, &kinds, &[number], &deeds);
            let id = format!("p{number}");
            prop_assert_eq!(together.verdicts(&id), alone.verdicts(&id));
            let view: Vec<_> = views.iter().filter(|view| view.job == job(&id)).cloned().collect();
            prop_assert_eq!(view, alone.planner.plans(100));
        }
    }
}

#[test]
fn what_is_skipped_alike_is_one_record() {
    let stopped = |id| plan(id, json!({"schedule_minute": "0", "event": "stop"}));
    let plans = vec![stopped("a"), hourly("b"), stopped("c")];
    let mut world = World::new("2026-03-01T00:30:00Z", policy(), plans);
    world.jump_to("2026-03-01T03:30:00Z");
    let skipped: Vec<&Skipped> = world
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Skipped(skipped) => Some(skipped),
            _ => None,
        })
        .collect();
    let [skipped] = skipped[..] else {
        panic!("{skipped:?}")
    };
    assert_eq!(skipped.jobs.iter().collect::<Vec<_>>(), [&job("a"), &job("c")]);
    assert_eq!(skipped.count, 3);
    assert_eq!(
        world.verdicts("c"),
        ["2026-03-01T01:00:00Z..2026-03-01T03:00:00Z x3 skipped Stopped"]
    );
}
