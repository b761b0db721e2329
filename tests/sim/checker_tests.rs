//! The checker is checked: fed with each kind of broken history, it must say so.

use chrono::TimeDelta;
use freezerd::planner::{Outcome, Reason, RunState, Verdict};

use super::checker::check;
use super::story::{Life, live};

/// A life in which enough happened, and nothing wrong.
fn sound() -> Life {
    let life = (1000..).map(live).find(|life| {
        let crashed = life.evidence.iter().any(|seen| seen.crashed.is_some());
        life.evidence.len() > 20 && crashed
    });
    let life = life.expect("some seed has it");
    assert_eq!(check(&life), Vec::<String>::new());
    life
}

fn must_say(life: &Life, what: &str) {
    let faults = check(life);
    assert!(
        faults.iter().any(|fault| fault.contains(what)),
        "{what:?} is not among {faults:#?}"
    );
}

#[test]
fn a_run_that_ran_twice() {
    let mut life = sound();
    let again = life.evidence[3].clone();
    life.evidence.push(again);
    must_say(&life, "ran twice");
}

#[test]
fn a_run_that_ran_early() {
    let mut life = sound();
    life.evidence[3].started = life.evidence[3].due - 1;
    must_say(&life, "1 s early");
}

#[test]
fn runs_above_the_cap() {
    let mut life = sound();
    life.policy.max_concurrent = 0;
    must_say(&life, "above the cap");
}

#[test]
fn a_due_time_without_a_verdict() {
    let mut life = sound();
    let run = life.evidence[5].run.clone();
    life.shelf
        .verdicts
        .retain(|_, record| record.verdict != Verdict::Run(run.clone()));
    must_say(&life, "has no verdict");
}

#[test]
fn a_verdict_for_what_was_never_due() {
    let mut life = sound();
    let record = life.shelf.verdicts.values_mut().next().expect("a verdict");
    record.first = record.first.plus(1);
    record.last = record.last.plus(1);
    must_say(&life, "no version of the plan has these due times");
}

#[test]
fn an_untrue_reason() {
    let mut life = sound();
    let record = life.shelf.verdicts.values_mut().next().expect("a verdict");
    record.verdict = Verdict::Skipped(Reason::Expired);
    record.decided = record.last.instant() + TimeDelta::seconds(1);
    must_say(&life, "it was not too late");
}

#[test]
fn an_outcome_that_is_not_what_the_agent_saw() {
    let mut life = sound();
    let run = life
        .evidence
        .iter()
        .find(|seen| seen.crashed.is_some())
        .expect("a crash")
        .run
        .clone();
    life.shelf.runs.get_mut(&run).expect("its run").state = RunState::Done(Outcome::Success);
    must_say(&life, "but its agent saw Some(Lost)");
}

#[test]
fn a_run_that_nobody_recorded() {
    let mut life = sound();
    let run = life.evidence[0].run.clone();
    life.shelf.runs.remove(&run);
    must_say(&life, "is not in the ledger");
}

#[test]
fn an_outcome_that_was_not_reported() {
    let mut life = sound();
    life.shelf.reports.clear();
    must_say(&life, "was reported 0 times");
}

#[test]
fn a_run_that_never_ended() {
    let mut life = sound();
    life.shelf.runs.values_mut().next().expect("a run").state = RunState::Running;
    must_say(&life, "never ended");
}
