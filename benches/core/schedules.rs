//! The evaluator beside the crates a Rust program would take instead: cron and croner. (APScheduler's share is
//! benches/peers/apscheduler.py.)
//!
//! benches/bench.py takes the numbers out of criterion's files: group = `work` of benches/rows.toml, function = whose.

mod peers;

use std::hint::black_box;
use std::time::Duration;

use chrono::DateTime;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use freezerd_core::samples::{SAMPLES, SEED, SPARSE, START, Sample, zone};
use freezerd_core::schedule::DueTime;

/// Due times that are asked for in a row, from the start on; so that the changes of the clocks are among them.
const SPAN: i64 = 366 * 86_400;
/// Of those that fire seldom, so many.
const SELDOM: usize = 12;

fn next_due(criterion: &mut Criterion) {
    for sample in &SAMPLES {
        let mut group = group(criterion, &format!("next due: {}", sample.name));
        // All are asked for the same times, one after the other: neither the cache nor the branch predictor sees
        // the same question twice in a row.
        let asked = asked(sample);
        let Some(timetable) = zone("Europe/Berlin").and_then(|berlin| sample.timetable(&berlin)) else {
            return;
        };
        let mut times = asked.iter().cycle();
        group.bench_function("freezerd", |bencher| {
            bencher.iter(|| {
                times
                    .next()
                    .and_then(|after| timetable.next(black_box(DueTime::from_epoch(*after))))
            });
        });
        let instants: Vec<_> = asked
            .iter()
            .filter_map(|after| DateTime::from_timestamp(*after, 0))
            .map(|after| after.with_timezone(&chrono_tz::Europe::Berlin))
            .collect();
        if let Some(schedule) = peers::cron(sample.crontab) {
            let mut times = instants.iter().cycle();
            group.bench_function("cron 0.17", |bencher| {
                bencher.iter(|| {
                    times
                        .next()
                        .and_then(|after| schedule.after(black_box(after)).next())
                });
            });
        }
        if let Some(schedule) = peers::croner(sample.crontab) {
            let mut times = instants.iter().cycle();
            group.bench_function("croner 4.0.3", |bencher| {
                bencher.iter(|| {
                    times
                        .next()
                        .and_then(|after| schedule.find_next_occurrence(black_box(after), false).ok())
                });
            });
        }
        group.finish();
    }
}

/// The due times themselves (the sparse one has few, so that each is asked for from several years before, too).
fn asked(sample: &Sample) -> Vec<i64> {
    let Some(timetable) = zone("Europe/Berlin").and_then(|berlin| sample.timetable(&berlin)) else {
        return Vec::new();
    };
    let start = DueTime::from_epoch(START);
    let due = |after| timetable.next(after).map(|found| found.due);
    let span = |due: &DueTime| sample.name == SPARSE || due.since(start) < SPAN;
    std::iter::successors(Some(start), |after| due(*after))
        .take_while(span)
        .take(if sample.name == SPARSE { SELDOM } else { usize::MAX })
        .map(DueTime::epoch)
        .collect()
}

fn compile(criterion: &mut Criterion) {
    for sample in [&SEED, &SAMPLES[0]] {
        let mut group = group(criterion, &format!("compile: {}", sample.name));
        group.bench_function("freezerd", |bencher| {
            bencher.iter(|| black_box(sample).compiled())
        });
        group.bench_function("cron 0.17", |bencher| {
            bencher.iter(|| peers::cron(black_box(sample.crontab)));
        });
        group.bench_function("croner 4.0.3", |bencher| {
            bencher.iter(|| peers::croner(black_box(sample.crontab)));
        });
        group.finish();
    }
}

fn group<'a>(criterion: &'a mut Criterion, work: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(work);
    group
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    group
}

criterion_group!(benches, next_due, compile);
criterion_main!(benches);
