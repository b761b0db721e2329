//! What a node costs, by how many plans it has: due times, polls, the ledger, and the whole daemon.
//!
//! Prints rows for benches/bench.py. `FREEZERD` is the binary that the whole-process rows are of (left out without
//! it); `BENCH_SHORT` leaves out the largest; arguments name the parts (`due`, `poll`, `daemon`, `launch`) and the sizes that
//! are wanted, all of them without any.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark reads the clock, prints, and stops at what it does not understand"
)]

mod cloud;
mod documents;
mod inside;
mod outside;
mod poll;
mod report;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| !one.starts_with('-'))
        .collect();
    let (asked, wanted): (Vec<String>, Vec<String>) =
        wanted.into_iter().partition(|one| one.parse::<usize>().is_ok());
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    let asked: Vec<usize> = asked.iter().filter_map(|size| size.parse().ok()).collect();
    let all = [1_000, 10_000, 100_000, 1_000_000];
    let sizes = match std::env::var_os("BENCH_SHORT") {
        _ if !asked.is_empty() => &asked[..],
        Some(_) => &all[..2],
        None => &all[..],
    };
    for count in sizes.iter().copied() {
        if wants("due") {
            inside::due_at_once(count);
        }
        if wants("poll") {
            poll::polls(count);
        }
    }
    let Some(program) = std::env::var_os("FREEZERD") else {
        return;
    };
    let program = std::path::PathBuf::from(program);
    for count in sizes.iter().copied().filter(|_| wants("daemon")) {
        outside::daemon(&program, count);
    }
    if wants("launch") {
        outside::launches(&program);
    }
}
