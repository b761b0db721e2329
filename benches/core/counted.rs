//! One workload, so many times over: `counted NAME TIMES`. valgrind counts the instructions of two such runs, and
//! scripts/count-instructions divides the difference by the difference of the times, so that set-up and start do not
//! matter. Without arguments it lists the names.
//!
//! To add one: a line in `WORKLOADS`, its function below, then `scripts/count-instructions --write`.

use std::hint::black_box;
use std::process::ExitCode;

use freezerd_core::samples::{SAMPLES, SEED, START, Sample, zone};
use freezerd_core::schedule::DueTime;

/// Does its work so many times; `None` when something is not as it should be.
type Workload = fn(u32) -> Option<()>;

const WORKLOADS: [(&str, Workload); 7] = [
    ("next-daily", |times| next(SAMPLES.first()?, times)),
    ("next-quarter-hours", |times| next(SAMPLES.get(1)?, times)),
    ("next-weekdays", |times| next(SAMPLES.get(2)?, times)),
    ("next-monthly", |times| next(SAMPLES.get(3)?, times)),
    ("next-sparse", |times| next(SAMPLES.get(4)?, times)),
    ("compile-seed", |times| compile(&SEED, times)),
    ("compile-daily", |times| compile(SAMPLES.first()?, times)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = arguments.as_slice() else {
        let names: Vec<&str> = WORKLOADS.iter().map(|(name, _)| *name).collect();
        return said(&names.join("\n"));
    };
    let workload = WORKLOADS.iter().find(|(known, _)| known == name);
    match workload.zip(times.parse().ok()) {
        Some(((_, work), times)) if work(times).is_some() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn said(text: &str) -> ExitCode {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// From one due time to the next, in Berlin; from the start again after some years.
fn next(sample: &Sample, times: u32) -> Option<()> {
    let timetable = sample.timetable(&zone("Europe/Berlin")?)?;
    let start = DueTime::from_epoch(START);
    let mut after = start;
    for _ in 0..times {
        let due = timetable.next(black_box(after))?.due;
        after = if due.since(start) > 300_000_000 {
            start
        } else {
            due
        };
    }
    black_box(after);
    Some(())
}

fn compile(sample: &Sample, times: u32) -> Option<()> {
    for _ in 0..times {
        black_box(black_box(sample).compiled().ok()?);
    }
    Some(())
}
