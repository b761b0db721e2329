//! What agents say of their backups is recorded with the end of their run, once.

use super::*;

fn said() -> Vec<Metadata> {
    vec![
        Metadata::from_stored(0, r#"{"action": "backup"}"#),
        Metadata::from_stored(2, r#"{"backup_id": "b"}"#),
    ]
}

fn end(world: &mut World, run: &RunId, outcome: Outcome) {
    world.tell(Input::Ended {
        run: run.clone(),
        end: End {
            outcome,
            started: None,
            ended: world.now,
            detail: String::new(),
            metadata: said(),
        },
    });
}

/// A world in which the first run of the first of these plans is on its way.
fn launched(policy: Policy, plans: Vec<Plan>) -> (World, RunId) {
    let mut world = World::new("2026-03-01T00:30:00Z", policy, plans);
    world.live_until("2026-03-01T01:00:00Z");
    let run = world.launched().remove(0);
    (world, run)
}

fn backups(world: &World) -> Vec<(RunId, Metadata)> {
    let backup = |record: &Record| match record {
        Record::Backup { run, metadata } => Some((run.clone(), metadata.clone())),
        _ => None,
    };
    world.records.iter().filter_map(backup).collect()
}

#[test]
fn it_is_recorded_with_the_end_after_the_run_and_however_it_ended() {
    for outcome in [Outcome::Success, Outcome::Fail, Outcome::Aborted] {
        let (mut world, run) = launched(policy(), vec![hourly("a")]);
        world.records.clear();
        end(&mut world, &run, outcome);
        let sorts = world.records.iter().map(|record| match record {
            Record::Run(record) => format!("{:?}", record.state),
            Record::Backup { run, metadata } => format!("{run} {}", metadata.step()),
            Record::Report { .. } => "report".to_owned(),
            other => format!("{other:?}"),
        });
        assert_eq!(
            sorts.collect::<Vec<_>>(),
            [
                format!("{:?}", RunState::Done(outcome)),
                format!("{run} 0"),
                format!("{run} 2"),
                "report".to_owned()
            ]
        );
    }
}

#[test]
fn an_end_told_twice_or_found_again_says_it_once() {
    let (mut world, run) = launched(policy(), vec![hourly("a")]);
    end(&mut world, &run, Outcome::Success);
    end(&mut world, &run, Outcome::Success);
    let found = || {
        Found::Ended(End {
            outcome: Outcome::Success,
            started: None,
            ended: at("2026-03-01T01:05:00Z"),
            detail: String::new(),
            metadata: said(),
        })
    };
    world.tell(Input::Found {
        run: run.clone(),
        found: found(),
    });
    let once: Vec<_> = said()
        .into_iter()
        .map(|metadata| (run.clone(), metadata))
        .collect();
    assert_eq!(backups(&world), once);
    // Found after a restart, before it was ever told.
    let (mut world, run) = launched(policy(), vec![hourly("a")]);
    for _ in 0..2 {
        world.tell(Input::Found {
            run: run.clone(),
            found: found(),
        });
    }
    assert_eq!(backups(&world), once);
}

#[test]
fn it_is_not_for_an_api_that_wants_no_reports() {
    let quiet = Policy {
        reports: Reports::Never,
        ..policy()
    };
    let (mut world, run) = launched(quiet, vec![hourly("a")]);
    end(&mut world, &run, Outcome::Success);
    assert_eq!(backups(&world), []);

    let virtuozzo = |id: &str| {
        document(json!({
            "job_id": id, "job_schedule": {"schedule_minute": "0"}, "status": "scheduled", "disabled": false,
            "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}],
        }))
    };
    let (mut world, run) = launched(policy(), vec![virtuozzo("a")]);
    end(&mut world, &run, Outcome::Success);
    assert_eq!(backups(&world), []);
    // Gone during its run: the others tell what sort of API it is.
    let (mut world, run) = launched(policy(), vec![virtuozzo("a"), virtuozzo("b")]);
    world.tell(Input::Gone(job("a")));
    end(&mut world, &run, Outcome::Success);
    assert_eq!(backups(&world), []);
}

#[test]
fn a_plan_that_was_deleted_during_its_run_has_its_backup_recorded() {
    for plans in [
        vec![hourly("a")],
        vec![hourly("a"), plan("b", json!({"schedule_hour": "3"}))],
    ] {
        let (mut world, run) = launched(policy(), plans);
        world.tell(Input::Gone(job("a")));
        end(&mut world, &run, Outcome::Success);
        assert_eq!(backups(&world).len(), 2);
    }
}
