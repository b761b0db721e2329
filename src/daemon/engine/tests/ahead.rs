//! What the launcher is told before a run is due.

use super::full_disk::{EVERY_SECOND, live, scheduled};
use super::*;

#[test]
fn the_launcher_is_told_once_and_again_after_the_clock_was_set_back() {
    let (engine, clock, _) = scheduled(&[EVERY_SECOND]);
    let due = DueTime::floor(clock.now()).plus(1);
    let run = RunId::new(&JobId::new("j0"), due);
    let before = |millis| due.instant() - TimeDelta::milliseconds(millis);
    let told = |now| engine.ahead_of(Some(due), now);
    assert_eq!(told(before(900)), Some((run.clone(), before(50))));
    assert_eq!(told(before(51)), Some((run, before(50))));
    // It was told, or it is too late for that.
    assert_eq!(told(before(50)), None);
    assert_eq!(told(before(0)), None);
    assert!(told(before(600)).is_some(), "the clock was set back");
    assert_eq!(engine.ahead_of(None, before(900)), None);
}

#[test]
fn nothing_is_got_ready_while_nothing_is_recorded() {
    let (mut engine, clock, started) = scheduled(&[EVERY_SECOND]);
    engine.store.room = Some(0);
    let next = |clock: &At| Some(DueTime::floor(clock.now()).plus(1));
    let (run, at) = engine.ahead_of(next(&clock), clock.now()).expect("its first run");
    assert_eq!(
        Some(at + TimeDelta::milliseconds(50)),
        next(&clock).map(DueTime::instant)
    );
    engine.get_ready(&run);
    assert_eq!(
        *started.ready.lock().expect("no panic"),
        std::slice::from_ref(&run)
    );
    live(&mut engine, &clock, 1);
    assert_eq!(
        engine.ahead_of(next(&clock), clock.now()),
        None,
        "the disk is full"
    );
    assert!(started.recipes.lock().expect("no panic").is_empty());
    engine.store.room = None;
    live(&mut engine, &clock, 5);
    let launched = started.recipes.lock().expect("no panic");
    assert_eq!(
        launched.iter().map(|recipe| &recipe.run).collect::<Vec<_>>(),
        [&run]
    );
}
