//! A disk that is full for long.

use super::*;
use crate::planner::{Reason, Verdict};

/// Plans, by their schedules, on a disk that is full; the clock.
fn full(schedules: &[&str]) -> (Engine<Kept, Nobody>, Arc<At>) {
    let (mut engine, clock, _) = scheduled(schedules);
    engine.store.room = Some(0);
    (engine, clock)
}

/// The same on a disk that has room, and what is started.
pub(super) fn scheduled(schedules: &[&str]) -> (Engine<Kept, Nobody>, Arc<At>, Arc<Started>) {
    let (mut engine, started) = world(Past::default());
    engine.recipes.prepares = false;
    let clock = At::new(now() + TimeDelta::seconds(1));
    engine.clock = Arc::<At>::clone(&clock);
    let plans = schedules.iter().zip(0..).map(|(schedule, number)| {
        let document = format!(
            r#"{{"job_id": "j{number}", "job_schedule": {schedule},
                "job_actions": [{{"freezer_action": {{"action": "backup", "mode": "fs"}}}}]}}"#
        );
        plan::parse(&document, "a test").expect("a plan").plan
    });
    let listing = Input::Listing {
        began: now(),
        plans: plans.collect(),
        broken: Vec::new(),
    };
    assert!(engine.step(vec![listing]).settled);
    engine.store.records.clear();
    (engine, clock, started)
}

/// A second goes by, again and again.
pub(super) fn live(engine: &mut Engine<Kept, Nobody>, clock: &At, seconds: i64) {
    for _ in 0..seconds {
        clock.advance(TimeDelta::seconds(1));
        engine.step(vec![Input::Tick]);
    }
}

fn verdicts(engine: &Engine<Kept, Nobody>, job: &str) -> Vec<VerdictRecord> {
    let verdicts = engine.store.records.iter().flat_map(Record::verdicts);
    verdicts.filter(|verdict| verdict.job.as_str() == job).collect()
}

pub(super) const EVERY_SECOND: &str = r#"{"schedule_second": "*", "schedule_minute": "*"}"#;

#[test]
fn what_is_decided_again_and_again_is_kept_once_and_nothing_is_lost() {
    let stopped = r#"{"schedule_second": "*", "schedule_minute": "*", "event": "stop"}"#;
    let (mut engine, clock) = full(&[EVERY_SECOND, stopped, stopped]);
    live(&mut engine, &clock, 100);
    let waits = engine.unsaved.records.len();
    live(&mut engine, &clock, 10_000);
    assert_eq!(engine.unsaved.records.len(), waits, "it does not grow with time");
    assert!(waits < 15, "{waits}");
    engine.store.room = None;
    live(&mut engine, &clock, 5);
    assert!(engine.unsaved.records.is_empty());
    for (job, expected) in [("j0", 10_105), ("j1", 10_105), ("j2", 10_105)] {
        let verdicts = verdicts(&engine, job);
        let mut next = DueTime::floor(now()).plus(2);
        for record in &verdicts {
            assert_eq!(record.first, next, "one after the other, and each once");
            assert_eq!(record.count, record.last.since(record.first).unsigned_abs() + 1);
            next = record.last.plus(1);
        }
        let all: u64 = verdicts.iter().map(|record| record.count).sum();
        assert_eq!(all, expected, "{job}");
        assert!(verdicts.len() < 12, "{job}: {}", verdicts.len());
    }
    let reasons = verdicts(&engine, "j1");
    assert!(
        reasons
            .iter()
            .all(|one| one.verdict == Verdict::Skipped(Reason::Stopped))
    );
}

#[test]
fn an_edit_stands_between_what_was_decided_before_and_after_it() {
    let (mut engine, clock) = full(&[EVERY_SECOND]);
    live(&mut engine, &clock, 10);
    let document = r#"{"job_id": "j0", "job_schedule": {"schedule_minute": "*"},
        "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}]}"#;
    let edited = plan::parse(document, "a test").expect("a plan").plan;
    engine.step(vec![Input::Seen(Box::new(edited))]);
    live(&mut engine, &clock, 300);
    engine.store.room = None;
    live(&mut engine, &clock, 60);
    let (mut seconds, mut minutes) = (0, 0);
    for record in verdicts(&engine, "j0") {
        let until = DueTime::floor(now()).plus(11);
        let count = if record.last <= until {
            &mut seconds
        } else {
            &mut minutes
        };
        // The verdict of a run that is withdrawn is replaced by another.
        if !matches!(record.verdict, Verdict::Run(_)) || record.last > until {
            *count += record.count;
        }
    }
    assert_eq!((seconds, minutes), (10, 6));
}

#[test]
fn it_is_tried_again_after_ten_times_what_a_try_takes() {
    let (mut engine, clock) = full(&[EVERY_SECOND]);
    live(&mut engine, &clock, 100);
    assert_eq!(engine.store.full, 20, "every five seconds");
    engine.store.slow = Some(Arc::clone(&clock));
    engine.store.full = 0;
    live(&mut engine, &clock, 100);
    assert!((9..=11).contains(&engine.store.full), "{}", engine.store.full);
}

#[test]
fn what_the_first_of_a_burst_came_to_is_told_though_the_ledger_fails_after_them() {
    let (mut engine, started) = burst(40, Some(1));
    started.refuses.store(true, Ordering::Relaxed);
    assert!(!engine.step(vec![Input::Begin]).settled);
    started.refuses.store(false, Ordering::Relaxed);
    engine.store.room = None;
    engine.clock = At::new(now() + TimeDelta::seconds(5));
    assert!(engine.step(Vec::new()).settled);
    let recorded = runs(&engine.store.records);
    let with = |wanted| recorded.values().filter(|state| **state == wanted).count();
    let failed = with(RunState::Done(Outcome::Fail));
    assert_eq!(
        (failed, with(RunState::Starting)),
        (2, 12),
        "all places are taken again"
    );
}

/// Who aborts the run that fills the disk must not wait for the disk.
#[test]
fn an_abort_does_not_wait_for_the_ledger() {
    let (mut engine, started) = burst(1, None);
    assert!(engine.step(vec![Input::Begin]).settled);
    let mut aborted = plan("abort");
    aborted.id = JobId::new("j0");
    engine.store.room = Some(0);
    assert!(!engine.step(vec![Input::Seen(Box::new(aborted))]).settled);
    let run = started.recipes.lock().expect("no panic")[0].run.clone();
    assert_eq!(*started.aborted.lock().expect("no panic"), [run]);
    engine.store.room = None;
    engine.clock = At::new(now() + TimeDelta::seconds(5));
    assert!(engine.step(Vec::new()).settled);
    assert_eq!(started.aborted.lock().expect("no panic").len(), 1, "once");
}

#[test]
fn whoever_is_told_to_stop_tries_once_more_at_once() {
    let (mut engine, _) = burst(4, Some(0));
    assert!(!engine.step(vec![Input::Begin]).settled);
    engine.store.room = None;
    assert!(!engine.step(Vec::new()).settled, "it is too soon");
    assert!(engine.step(vec![Input::Halt]).settled);
    assert_eq!(runs(&engine.store.records).len(), 4);
}

/// Found by the simulator: once there was room again, first the session was told that the run was withdrawn, then it was asked to
/// let that run in.
#[test]
fn nobody_asks_for_a_run_that_was_withdrawn_while_the_question_waited_for_the_disk() {
    let member = |schedule: &str| {
        let document = format!(
            r#"{{"job_id": "j0", "session_id": "s", "session_tag": 7, "job_schedule": {schedule},
                "job_actions": [{{"freezer_action": {{"action": "backup", "mode": "fs"}}}}]}}"#
        );
        plan::parse(&document, "a test").expect("a plan").plan
    };
    let (mut engine, clock) = full(&[]);
    engine.store.room = None;
    engine.step(vec![Input::Seen(Box::new(member(EVERY_SECOND)))]);
    engine.store.room = Some(0);
    live(&mut engine, &clock, 1);
    let yearly = r#"{"schedule_month": "1", "schedule_day": "1"}"#;
    engine.step(vec![Input::Seen(Box::new(member(yearly)))]);
    engine.store.room = None;
    clock.advance(TimeDelta::seconds(5));
    let step = engine.step(vec![Input::Tick]);
    assert!(step.settled);
    let asks = |errand: &&Errand| matches!(errand, Errand::AskSession(_));
    assert_eq!(step.errands.iter().find(asks), None);
    let ends = engine.store.records.iter();
    assert_eq!(
        ends.filter(|record| matches!(record, Record::SessionEnd { .. }))
            .count(),
        1
    );
}
