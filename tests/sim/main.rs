//! The simulator: the real planner, engine, main loop, pager, outbox and client through days and years of virtual time, with a
//! wall clock that is set and a true time that is not, a memory for a ledger, an API of moods, and a node whose agents
//! last as long as a seed says. The daemon is stopped, or killed before or after any effect; the node is suspended and
//! rebooted; users make, edit, stop, abort and delete plans; the zone's data is replaced; the disk fails.
//! The checker (tests/checker) is separate code.
//!
//! Some seeds, without their own deaths, are lived once for every place at which the daemon can be killed ([`sweep`]).
//!
//! A failing seed prints itself and its story, made as short as it can be. `FREEZERD_SIM_SEED=123` lives that one
//! alone, `FREEZERD_SIM_SEEDS=100000` so many, from `FREEZERD_SIM_FIRST=10000` on. `make soak` goes on with fresh seeds
//! (or from that one on) until one fails, or for `FREEZERD_SOAK_FOR` seconds.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails loudly, and says what it saw"
)]

mod account;
mod agents;
mod besides;
#[path = "../checker/mod.rs"]
mod checker;
mod checker_tests;
mod cloud;
mod ending;
mod exchange;
mod fate;
mod keeping;
mod life;
mod listings;
mod machine;
mod outbox;
mod rng;
mod script;
mod servers;
mod sessions;
mod shelf;
mod shrink;
mod spared;
mod sweep;
mod users;
mod windows;
mod world;
mod zones;

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use checker::Between;
use fate::Fate;
use freezerd::clock::{Clock, SystemClock};
use freezerd::planner::Reason;
use life::{SHUT, STOPPED, TOGETHER, Tally};
use script::Weather;

/// Where the soak's seeds begin: none of those that are lived every day.
const FRESH: u64 = 1 << 32;
/// In so many lives everything happens that can.
const MANY: u64 = 1_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Deaths that the story wants are not printed, nor are panics that become a fault.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours = std::thread::current().name() == Some("lives");
            if !ours && !info.payload().is::<fate::Killed>() {
                usual(info);
            }
        }));
    });
}

#[derive(Default)]
struct Totals {
    lives: u64,
    runs: u64,
    verdicts: u64,
    kills: u64,
    refused: u64,
    failed: u64,
    unstarted: u64,
    /// Of skipped due times by their reason, of weathers, and of what the disk failed to do.
    tally: Tally,
}

/// Lets two threads work whose panics are not printed.
fn two_at_a_time(work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        let two = [(); 2].map(|()| {
            let lives = std::thread::Builder::new().name("lives".to_owned());
            lives.spawn_scoped(scope, &work).expect("a thread")
        });
        for one in two {
            one.join().expect("its panics are caught");
        }
    });
}

/// Lives the seeds from `first` for as long as `more` says so, two at a time, until so many have failed.
fn live_all(first: u64, enough: usize, more: impl Fn(u64) -> bool + Sync) -> Totals {
    quiet();
    let next = AtomicU64::new(first);
    let failed: Mutex<Vec<u64>> = Mutex::default();
    let totals: Mutex<Totals> = Mutex::default();
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let failures = || failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failures().len() >= enough || !more(seed) {
            return;
        }
        let script = script::write(seed);
        let life = std::panic::catch_unwind(|| life::live(&script));
        let sound = life.ok().filter(|life| checker::check(&life.history).is_empty());
        let Some(life) = sound else {
            failures().push(seed);
            continue;
        };
        let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.lives += 1;
        totals.runs += life.history.evidence.len() as u64;
        totals.verdicts += life.history.verdicts.len() as u64;
        totals.kills += u64::from(life.kills);
        totals.refused += life.faults.refused;
        totals.failed += life.faults.failed;
        totals.unstarted += life.history.unstarted.len() as u64;
        for (what, times) in life.tally {
            *totals.tally.entry(what).or_default() += times;
        }
    };
    two_at_a_time(work);
    let mut failed = failed.into_inner().expect("not poisoned");
    failed.sort_unstable();
    if let [seed, ..] = failed[..] {
        panic!("seeds that fail: {failed:?}\n{}", failure(seed));
    }
    totals.into_inner().expect("not poisoned")
}

/// A seed's failure, for people.
fn failure(seed: u64) -> String {
    let script = script::write(seed);
    let tell = || {
        let shrunk = shrink::shrink(&script);
        let story = std::panic::catch_unwind(|| life::live(&shrunk).story).unwrap_or_default();
        (shrink::faults(&shrunk), shrunk, story)
    };
    let (faults, shrunk, story) = std::thread::scope(|scope| {
        let lives = std::thread::Builder::new().name("lives".to_owned());
        let told = lives.spawn_scoped(scope, tell).expect("a thread").join();
        told.expect("its panics are caught")
    });
    format!(
        "seed {seed} (FREEZERD_SIM_SEED={seed} lives it alone):\n{}\n\nits story, made short ({} of {} events):\n\
         {shrunk}\nhow it went:\n{}",
        faults.join("\n"),
        shrunk.events.len(),
        script.events.len(),
        story.join("\n")
    )
}

#[test]
fn every_due_time_of_every_plan_ends_in_one_true_verdict() {
    let (first, end) = match number("FREEZERD_SIM_SEED") {
        Some(seed) => (seed, seed + 1),
        // A few with every test, unoptimised; scripts/test has scripts/sim live 10,000 of them.
        None => {
            let first = number("FREEZERD_SIM_FIRST").unwrap_or(0);
            (first, first + number("FREEZERD_SIM_SEEDS").unwrap_or(20))
        }
    };
    let Totals {
        lives,
        runs,
        verdicts,
        kills,
        refused,
        failed,
        unstarted,
        tally,
    } = live_all(first, 20, |seed| seed < end);
    println!(
        "{lives} lives: {runs} runs, {verdicts} verdicts, {kills} deaths of the daemon; {unstarted} launches without an \
         agent; the API refused {refused} tokens and failed {failed} times"
    );
    let happened = [runs, verdicts, kills, unstarted, refused, failed];
    assert!(
        end == first + 1 || happened.iter().all(|times| *times > 0),
        "a simulator in which nothing happens proves nothing: {happened:?}"
    );
    println!("{tally:?}");
    let reasons = Reason::ALL.map(Reason::word);
    let disk = Fate::default().failed().map(|(what, _)| what);
    let between = Between::ALL.map(Between::word);
    let words = [
        &reasons[..],
        &Weather::KINDS,
        &disk,
        &between,
        &[STOPPED, SHUT, TOGETHER],
    ];
    let mut all = words.into_iter().flatten();
    assert!(
        lives < MANY || all.all(|what| tally.get(what).is_some_and(|times| *times > 0)),
        "in so many lives each of these must happen: {tally:?}"
    );
}

#[test]
#[ignore = "goes on until a seed fails: `make soak`"]
fn soak() {
    let clock = SystemClock::new();
    let end = number("FREEZERD_SOAK_FOR").unwrap_or(u64::MAX);
    let fresh = || FRESH + clock.now().timestamp().unsigned_abs() * 1_000_000;
    let first = number("FREEZERD_SIM_FIRST").unwrap_or_else(fresh);
    let Totals { lives, runs, .. } = live_all(first, 1, |seed| {
        if (seed - first) % 10_000 == 9_999 {
            println!("{} lives so far", seed - first + 1);
        }
        clock.monotonic().as_secs() < end
    });
    println!("{lives} lives from seed {first} on, {runs} runs: none failed");
}
