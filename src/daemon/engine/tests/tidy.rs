//! When the traces of runs that are over are removed.

use super::*;
use crate::planner::End;

/// A burst of so many plans is over, a run after the other: gives how many had ended, and how many runs still waited, when
/// traces were first removed.
fn first_tidied(plans: usize) -> (usize, usize) {
    let (mut engine, started) = burst(plans, None);
    assert!(engine.step(vec![Input::Begin]).settled);
    let mut first = None;
    for number in 0..plans {
        let run = started.recipes.lock().expect("no panic")[number].run.clone();
        let end = End {
            outcome: Outcome::Success,
            started: Some(now()),
            ended: now(),
            detail: String::new(),
            metadata: Vec::new(),
        };
        assert!(engine.step(vec![Input::Ended { run, end }]).settled);
        if !started.forgotten.lock().expect("no panic").is_empty() {
            first = first.or(Some((number + 1, engine.planner().counts().queued)));
        }
    }
    assert_eq!(started.forgotten.lock().expect("no panic").len(), plans);
    first.expect("they were removed")
}

#[test]
fn traces_are_removed_when_nobody_waits_for_a_place_any_more() {
    assert_eq!(first_tidied(1), (1, 0));
    // Of forty, thirty-six wait for one of four places.
    assert_eq!(first_tidied(40), (36, 0));
}

#[test]
fn and_before_there_are_too_many() {
    let (ended, waited) = first_tidied(1_100);
    assert_eq!((ended, waited), (1_000, 96));
}
