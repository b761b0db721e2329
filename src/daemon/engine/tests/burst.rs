//! A great many plans are due at once.

use super::*;

#[test]
fn of_a_burst_those_that_have_a_place_are_recorded_and_launched_in_portions_and_the_others_after_them() {
    let (mut engine, started) = burst(40, None);
    assert!(engine.step(vec![Input::Begin]).settled);
    let Kept { records, commits, .. } = &engine.store;
    // A queued run, its verdict, and its start: of two, of four more, of the others that have a place; and then those who
    // wait together.
    assert_eq!(commits[..], [6, 18, 36, 37]);
    let launched: Vec<RunId> = started
        .recipes
        .lock()
        .expect("no panic")
        .iter()
        .map(|recipe| recipe.run.clone())
        .collect();
    assert_eq!(launched.len(), 12);
    for (portion, until) in [&launched[..2], &launched[2..6], &launched[6..]]
        .iter()
        .zip(commits)
    {
        let recorded = runs(&records[..*until]);
        assert!(portion.iter().all(|run| recorded[run] == RunState::Starting));
    }
    assert_eq!(runs(records).len(), 40);
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_burst_keeps_the_others_from_starting() {
    let (mut engine, started) = burst(40, Some(1));
    assert!(!engine.step(vec![Input::Begin]).settled);
    assert_eq!(started.recipes.lock().expect("no panic").len(), 2);
    engine.store.room = None;
    engine.clock = At::new(now() + TimeDelta::seconds(5));
    assert!(engine.step(Vec::new()).settled);
    let recorded = runs(&engine.store.records);
    let starting = recorded.values().filter(|state| **state == RunState::Starting);
    assert_eq!((recorded.len(), starting.count()), (40, 12));
    assert_eq!(started.recipes.lock().expect("no panic").len(), 12, "each once");
}

#[test]
fn those_who_wait_are_not_late_because_the_first_took_a_while() {
    let (mut engine, _) = burst(40, None);
    let clock = At::new(now());
    engine.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    engine.store.slow = Some(clock);
    let only_at_once = Policy {
        catch_up: CatchUp::Within(0),
        ..rules()
    };
    engine.step(vec![Input::Policy(Box::new(only_at_once)), Input::Begin]);
    assert_eq!(runs(&engine.store.records).len(), 40, "nobody expired");
}
