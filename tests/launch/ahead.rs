//! Supervisors that are started before their runs are due.

use freezerd::launch::{Found, Launcher};
use freezerd::planner::Outcome;

use crate::bed::{Bed, kill, run_id, until_gone, until_reaped};
use crate::further::Heard;

#[tokio::test]
async fn one_that_was_started_ahead_executes_the_run() {
    for (name, nice) in [("plain", None), ("nice", Some(5))] {
        let mut bed = Bed::new();
        let mut recipe = bed.recipe(name, "nice; readlink /proc/$$/fd/* | grep '/lock$'");
        recipe.limits.nice = nice;
        let supervisor = bed.ahead(&recipe.run);
        bed.start(&recipe);
        assert_eq!(bed.started(&recipe.run).await, supervisor);
        let report = bed.ended(&recipe.run).await;
        let said = &report.steps[0].stdout;
        assert_eq!(said.starts_with("5\n"), nice.is_some(), "{report:?}");
        assert!(said.ends_with(&format!("{}\n", bed.state(&recipe.run).join("lock").display())));
        assert!(bed.is_quiet());
    }
}

#[tokio::test]
async fn it_takes_another_run_as_well_and_there_is_one_at_a_time() {
    let mut bed = Bed::new();
    let [expected, other, third] =
        ["expected", "other", "third"].map(|name| bed.recipe(name, "exec sleep 600"));
    let supervisor = bed.ahead(&expected.run);
    bed.launcher.get_ready(&other.run);
    bed.launcher.get_ready(&third.run);
    bed.start(&other);
    assert_eq!(bed.started(&other.run).await, supervisor);
    bed.start(&expected);
    let another = bed.started(&expected.run).await;
    let line = std::fs::read(format!("/proc/{another}/cmdline")).expect("it lives");
    let mut words = line.split(|byte| *byte == 0);
    assert!(words.all(|word| word != b"--when-told"), "started ahead, too");
    for run in [&expected.run, &other.run] {
        bed.launcher.abort(run).expect("signalled");
        assert_eq!(bed.ended(run).await.outcome, Outcome::Aborted);
    }
}

#[tokio::test]
async fn one_that_gets_no_run_goes_and_leaves_nothing() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("never", "exit 0");
    let supervisor = bed.ahead(&recipe.run);
    until_reaped(supervisor).await;
    assert_eq!(bed.launcher.find(&recipe.run).expect("looked"), Found::Never);
    assert!(bed.is_quiet());
    let report = bed.run(&recipe).await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
}

#[tokio::test]
async fn one_that_was_killed_costs_no_run() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("run", "exit 0");
    let supervisor = bed.ahead(&recipe.run);
    kill(supervisor);
    until_gone(supervisor);
    let report = bed.run(&recipe).await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
}

#[tokio::test]
async fn an_abort_before_it_came_up_leaves_no_agent() {
    for round in 0..10 {
        let mut bed = Bed::new();
        let recipe = bed.recipe(&format!("early-{round}"), "exec sleep 60");
        bed.launcher.get_ready(&recipe.run);
        bed.start(&recipe);
        bed.launcher.abort(&recipe.run).expect("signalled");
        let report = bed.ended(&recipe.run).await;
        assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    }
}

#[tokio::test]
async fn it_goes_with_the_daemon_unless_it_was_told_a_run() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("told", "exit 0");
    recipe.further = true;
    let (state, runtime) = crate::supervisor::by_hand(&bed, &recipe);
    let idle = Heard::when_told(&state, &runtime);
    assert_eq!(idle.end(), (Some(0), String::new()));
    assert!(!state.join("claim").exists());

    // Told another one than it was started for.
    let other = run_id("expected");
    let mut supervisor = Heard::when_told(&bed.state(&other), &bed.runtime(&other));
    supervisor.tell(recipe.run.as_str());
    assert_eq!(supervisor.said().as_deref(), Some("took"));
    supervisor.started_and_ended(0);
    assert_eq!(supervisor.end().0, Some(0));

    let mut supervisor = Heard::when_told(&bed.state(&other), &bed.runtime(&other));
    supervisor.tell("../told");
    let (code, complaints) = supervisor.end();
    assert_eq!(code, Some(41), "{complaints}");
    assert!(
        complaints.contains("cannot take it or another run"),
        "{complaints}"
    );
}
