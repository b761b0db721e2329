//! How many bytes a compiled schedule takes, ours and the peers': so many are compiled and kept, and the growth of the
//! resident memory is divided by their number. (An allocator that counts would be `unsafe`.)
//!
//! Prints rows for benches/bench.py: one JSON object a line.

mod peers;

use std::hint::black_box;

use freezerd_core::samples::{SAMPLES, SEED};
use serde_json::json;

/// So many that the growth is told from what the program does beside.
const KEPT: u32 = 100_000;

fn main() -> std::io::Result<()> {
    for sample in [&SEED, &SAMPLES[0]] {
        let work = format!("size of a compiled schedule: {}", sample.name);
        row(&work, "freezerd", grown(|| sample.compiled().ok()))?;
        row(&work, "cron 0.17", grown(|| peers::cron(sample.crontab)))?;
        row(&work, "croner 4.0.3", grown(|| peers::croner(sample.crontab)))?;
    }
    Ok(())
}

/// Bytes of resident memory for each of the values that are made and kept.
fn grown<T>(make: impl Fn() -> Option<T>) -> Option<f64> {
    let mut kept = Vec::with_capacity(KEPT as usize);
    let before = resident()?;
    for _ in 0..KEPT {
        kept.push(make()?);
    }
    let after = resident()?;
    drop(black_box(kept));
    Some((after - before) / f64::from(KEPT))
}

/// Bytes.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn row(work: &str, who: &str, value: Option<f64>) -> std::io::Result<()> {
    use std::io::Write;
    let value = value.ok_or_else(|| std::io::Error::other("cannot be measured here"))?;
    writeln!(
        std::io::stdout(),
        "{}",
        json!({"work": work, "who": who, "value": value})
    )
}
