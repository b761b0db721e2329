//! One death at every place: a life is lived again and again, and each time the daemon is killed at the next place
//! of all those at which it can be, before and after each of its effects.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::checker::check;
use super::life::{Life, live, live_and_die};
use super::script::{DAY, Event, HOUR, Script, write};
use super::{number, quiet, two_at_a_time};

/// Lives with fewer places tell little, those with more take too long.
const PLACES: std::ops::RangeInclusive<i64> = 100..=500;
/// How soon the daemon is started again: one after the other.
const BACK: [i64; 3] = [1, 30, 2 * HOUR];

/// A day of a seed's story, without the deaths that are in it.
fn day(seed: u64) -> Script {
    let mut script = write(seed);
    script.length = script.length.min(DAY);
    let death = |event: &Event| {
        matches!(
            event,
            Event::Kill { .. } | Event::Restart { .. } | Event::Reboot { .. } | Event::Shadow(_)
        )
    };
    script.events.retain(|(_, event)| !death(event));
    script
}

/// The life in which the daemon is killed at this place.
fn killed_at(script: &Script, place: i64) -> Life {
    let nth = usize::try_from(place).expect("counted from 1") % BACK.len();
    live_and_die(script, place, BACK[nth])
}

/// What is wrong with it.
fn faults(script: &Script, place: i64) -> Vec<String> {
    let Ok(life) = catch_unwind(AssertUnwindSafe(|| killed_at(script, place))) else {
        return vec!["panicked".to_owned()];
    };
    let mut faults = check(&life.history);
    if life.kills != 1 {
        faults.push(format!(
            "the daemon died {} times, and was killed once",
            life.kills
        ));
    }
    faults
}

/// Kills the daemon at each of the places of this life.
fn sweep(script: &Script, places: i64) {
    let next = AtomicI64::new(1);
    let failed: Mutex<Vec<(i64, Vec<String>)>> = Mutex::default();
    two_at_a_time(|| {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place > places {
                return;
            }
            let faults = faults(script, place);
            if !faults.is_empty() {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push((place, faults));
            }
        }
    });
    let mut failed = failed.into_inner().expect("not poisoned");
    failed.sort_unstable();
    let Some((place, faults)) = failed.first() else {
        return;
    };
    let others: Vec<i64> = failed.iter().map(|(place, _)| *place).collect();
    let story = catch_unwind(AssertUnwindSafe(|| killed_at(script, *place).story)).unwrap_or_default();
    panic!(
        "seed {} (FREEZERD_SIM_SEED={0} sweeps it alone) fails where its daemon is killed at {others:?} of {places} \
         places, first at {place}:\n{}\n\nits story:\n{script}\nhow it went:\n{}",
        script.seed,
        faults.join("\n"),
        story.join("\n")
    );
}

#[test]
fn every_due_time_has_one_true_verdict_wherever_the_daemon_is_killed() {
    quiet();
    let alone = number("FREEZERD_SIM_SEED");
    // Of a thousand lives one is swept; unoptimised, with every test, it is one.
    let lives = number("FREEZERD_SIM_SEEDS").map_or(1, |seeds| seeds / 1_000);
    let lives = usize::try_from(lives.clamp(1, 10)).expect("few");
    let from = alone.or(number("FREEZERD_SIM_FIRST")).unwrap_or(0);
    let counted = |seed| {
        let script = day(seed);
        let whole = live(&script);
        assert_eq!(whole.kills, 0, "nobody kills it yet");
        (script, whole.places)
    };
    let fits = |(_, places): &(Script, i64)| alone.is_some() || PLACES.contains(places);
    let mut swept = 0;
    for (script, places) in (from..)
        .map(counted)
        .filter(fits)
        .take(alone.map_or(lives, |_| 1))
    {
        sweep(&script, places);
        swept += places;
    }
    println!("the daemon was killed at each of {swept} places");
    assert!(swept > 0, "a sweep of nothing proves nothing");
}
