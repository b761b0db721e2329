//! How many bytes a compiled schedule takes, ours and the peers': so many are compiled and kept, and the growth of the
//! resident memory is divided by their number. (An allocator that counts would be `unsafe`.) Each is measured in a process
//! of its own, which no other has left memory to use again, and after a first one that brought the code into memory.
//!
//! Prints rows for benches/bench.py: one JSON object a line.

mod peers;

use std::hint::black_box;
use std::io::{Error, Result};
use std::process::Command;

use freezerd_core::samples::{SAMPLES, SEED, Sample};
use serde_json::json;

/// So many that the growth is told from what the program does beside.
const KEPT: u32 = 100_000;
/// More of them do not lie on one page.
const ON_A_PAGE: u32 = 4096;
const SIZED: [&Sample; 2] = [&SEED, &SAMPLES[0]];
const WHO: [&str; 3] = ["freezerd", "cron 0.17", "croner 4.0.3"];

/// `sizes`: all rows. `sizes one SAMPLE WHO`: the bytes of that one.
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "one") {
        let [sample, who] = arguments.get(at + 1..).unwrap_or_default() else {
            return Err(Error::other("one SAMPLE WHO"));
        };
        return one(sample, who);
    }
    for sample in SIZED {
        for who in WHO {
            let program = std::env::current_exe()?;
            let told = Command::new(program).args(["one", sample.name, who]).output()?;
            let told = String::from_utf8_lossy(&told.stdout);
            let value: f64 = told.trim().parse().map_err(Error::other)?;
            row(
                &format!("size of a compiled schedule: {}", sample.name),
                who,
                value,
            )?;
        }
    }
    Ok(())
}

fn one(sample: &str, who: &str) -> Result<()> {
    let sample = SIZED.into_iter().find(|known| known.name == sample);
    let sample = sample.ok_or_else(|| Error::other("no such sample"))?;
    let bytes = match who {
        "freezerd" => grown(|| sample.compiled().ok()),
        "cron 0.17" => grown(|| peers::cron(sample.crontab)),
        _ => grown(|| peers::croner(sample.crontab)),
    };
    say(&bytes
        .ok_or_else(|| Error::other("cannot be measured here"))?
        .to_string())
}

/// Bytes of resident memory for each of the values that are made and kept.
fn grown<T>(make: impl Fn() -> Option<T>) -> Option<f64> {
    black_box((make()?, resident()?));
    let mut kept = Vec::with_capacity(KEPT as usize);
    let before = resident()?;
    for _ in 0..KEPT {
        kept.push(make()?);
    }
    let grown = resident()? - before;
    drop(black_box(kept));
    // They lie in a row, all but the first in memory that nobody had touched before.
    let least = f64::from(KEPT - ON_A_PAGE) * f64::from(u32::try_from(size_of::<T>()).ok()?);
    (grown >= least).then_some(grown / f64::from(KEPT))
}

/// Bytes, as the kernel counts them page by page. (Its `VmRSS` is what each processor had last told of its own count, which
/// may be half a megabyte ago.)
fn resident() -> Option<f64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn row(work: &str, who: &str, value: f64) -> Result<()> {
    say(&json!({"work": work, "who": who, "value": value}).to_string())
}

fn say(line: &str) -> Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}")
}
