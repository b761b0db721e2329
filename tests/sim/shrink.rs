//! Makes a story that fails shorter, until nothing can be left out of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::checker::check;
use super::fate::Killed;
use super::life::live;
use super::script::{HOUR, START, Script};

/// No more lives than this for one story.
const LIVES: u32 = 600;

/// What is wrong with the life of this story; a panic is a fault like any other.
pub fn faults(script: &Script) -> Vec<String> {
    match catch_unwind(AssertUnwindSafe(|| check(&live(script).history))) {
        Ok(faults) => faults,
        Err(payload) => {
            assert!(!payload.is::<Killed>(), "a daemon's death has left its life");
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            vec![format!("panicked: {}", text.unwrap_or_default())]
        }
    }
}

/// The shortest story found that still fails (delta debugging: ever smaller parts are left out).
pub fn shrink(script: &Script) -> Script {
    let mut best = script.clone();
    let mut lives = 0;
    let mut fails = |script: &Script| {
        lives += 1;
        lives <= LIVES && !faults(script).is_empty()
    };
    let mut part = best.events.len().div_ceil(2);
    while part > 0 {
        let mut at = 0;
        while at < best.events.len() {
            let mut shorter = best.clone();
            shorter.events.drain(at..(at + part).min(best.events.len()));
            if fails(&shorter) {
                best = shorter;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    // And it ends as soon as it can.
    let last = best.events.last().map_or(START, |(at, _)| *at);
    let (mut low, mut high) = ((last - START).max(1), best.length);
    while low + HOUR < high {
        let mut shorter = best.clone();
        shorter.length = low + (high - low) / 2;
        if fails(&shorter) {
            high = shorter.length;
            best = shorter;
        } else {
            low = shorter.length;
        }
    }
    best
}
