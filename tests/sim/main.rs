//! The simulator: the real planner and the real engine through months of virtual time, with a virtual
//! clock, a memory for a ledger, and a machine whose agents last as long as a seed says. The daemon is
//! killed before or after any effect; the machine is suspended and rebooted; users make, edit, stop and
//! delete plans; listings come and do not come. The checker is separate code: it reads what users did,
//! what the agents themselves saw, and the ledger.
//!
//! A failing seed prints itself: `FREEZERD_SIM_SEED=123 cargo test --test sim` runs that one alone;
//! `FREEZERD_SIM_SEEDS=100000` runs that many.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails loudly, and says what it saw"
)]

mod checker;
mod checker_tests;
mod events;
mod machine;
mod rng;
mod shelf;
mod story;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_due_time_of_every_plan_ends_in_one_true_verdict() {
    let seeds = match number("FREEZERD_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FREEZERD_SIM_SEEDS").unwrap_or(400),
    };
    let (mut runs, mut verdicts, mut kills) = (0, 0, 0);
    for seed in seeds {
        if std::env::var_os("FREEZERD_SIM_TALK").is_some() {
            eprintln!("seed {seed}");
        }
        let life = story::live(seed);
        let faults = checker::check(&life);
        assert!(
            faults.is_empty(),
            "seed {seed} (FREEZERD_SIM_SEED={seed} runs it alone):\n{}\nits story:\n{}",
            faults.join("\n"),
            life.story.join("\n")
        );
        runs += life.evidence.len();
        verdicts += life.shelf.verdicts.len();
        kills += life.kills;
    }
    println!("{runs} runs, {verdicts} verdicts, {kills} kills of the daemon");
    assert!(
        runs > 0 && verdicts > 0,
        "a simulator in which nothing happens proves nothing"
    );
}
