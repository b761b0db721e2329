use freezerd::planner::SessionRefused;

use super::super::checker::Unstarted;
use super::super::script::CONTINUOUS;
use super::*;

/// A continuous plan whose agent is missing for hours.
fn tried() -> History {
    super::super::quiet();
    let mut script = write(0);
    (script.length, script.catch_up, script.session) = (DAY, CatchUp::UntilNext, None::<SessionRefused>);
    script.events = vec![
        (START, Event::Make("job0".to_owned(), CONTINUOUS)),
        (START, Event::NoAgent(5 * HOUR)),
    ];
    let life = live(&script).history;
    assert_eq!(check(&life), Vec::<String>::new());
    life
}

#[test]
fn one_that_is_tried_every_second_is_seen() {
    let mut life = tried();
    let tries = life.unstarted.len();
    assert!((60..80).contains(&tries), "{tries} in five hours");
    let again = life.unstarted[0].clone();
    life.unstarted.extend((0..1000).map(|seconds| Unstarted {
        at: again.at + seconds,
        ..again.clone()
    }));
    life.unstarted.sort_by_key(|tried| tried.at);
    must_say(&life, "could not be started and was tried");
}

#[test]
fn a_run_that_failed_to_start_and_was_never_tried_is_seen() {
    let mut life = tried();
    life.unstarted.clear();
    must_say(&life, "is Fail in the ledger, but its agent saw None");
}
