//! Runs that may not start any more once they are prepared.

use super::*;

#[test]
fn a_clock_that_was_set_back_meanwhile_has_it_wait_for_its_due_time() {
    let ((mut engine, started), run) = due();
    let clock = At::new(now());
    engine.clock = Arc::<At>::clone(&clock);
    clock.advance(TimeDelta::minutes(-5));
    let step = engine.prepared(&run, Ok(Drafts::new()));
    assert!(
        started.recipes.lock().expect("no panic").is_empty(),
        "five minutes early"
    );
    assert_eq!(last_run(&engine).state, RunState::Queued);
    assert_eq!(step.wake.map(DueTime::instant), Some(now()));
    clock.advance(TimeDelta::minutes(5));
    let step = engine.step(vec![Input::Tick]);
    assert_eq!(asked(&step), run, "it is prepared anew");
    engine.prepared(&run, Ok(Drafts::new()));
    assert_eq!(started.recipes.lock().expect("no panic").len(), 1);
}

#[test]
fn an_abort_meanwhile_is_heeded() {
    let ((mut engine, started), run) = due();
    engine.step(vec![Input::Seen(Box::new(plan("abort")))]);
    assert!(
        engine.preparing(&run).is_some(),
        "what is on its way is waited for"
    );
    engine.prepared(&run, Ok(Drafts::new()));
    assert_eq!(last_run(&engine).state, RunState::Done(Outcome::Aborted));
    assert!(started.recipes.lock().expect("no panic").is_empty());
}
