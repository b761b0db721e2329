//! Aborting: what is killed, when, and what is said of it.

use freezerd::launch::Launcher;
use freezerd::planner::Outcome;

use crate::bed::{Bed, step, until_gone};

#[tokio::test]
async fn the_agent_and_its_children_get_sigterm() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    let script = r#"sleep 60 & echo $! >"$BED/says"; wait"#;
    let mut recipe = bed.recipe("abort", script);
    recipe.steps.push(step("never"));
    recipe.steps[1].mandatory = true;
    bed.start(&recipe);
    let child: u32 = says.line().await.parse().expect("a pid");
    bed.launcher.abort(&recipe.run).expect("signalled");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.outcome, Outcome::Aborted);
    assert_eq!(report.detail, "aborted: backup fs: killed by signal 15");
    assert_eq!(
        (report.steps[1].tries, report.steps[1].end.as_str()),
        (0, "not run: aborted")
    );
    until_gone(child);
}

#[tokio::test]
async fn an_agent_that_ignores_sigterm_is_killed_after_the_grace() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    let mut recipe = bed.recipe(
        "stubborn",
        r#"trap '' TERM; sleep 60 & echo $! >"$BED/says"; wait"#,
    );
    recipe.kill_grace = 1;
    bed.start(&recipe);
    let child: u32 = says.line().await.parse().expect("a pid");
    bed.launcher.abort(&recipe.run).expect("signalled");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.detail, "aborted: backup fs: killed by signal 9");
    let took = report.ended - report.started.expect("started");
    assert!(
        took >= chrono::TimeDelta::seconds(1),
        "the grace was cut short: {took}"
    );
    until_gone(child);
}

#[tokio::test]
async fn an_agent_whose_supervisor_is_killed_in_the_middle_of_an_abort_is_killed_after_the_grace_too() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    let script = r#"trap '' TERM; echo "$PPID" >"$BED/says"; while :; do sleep 60; done"#;
    let mut recipe = bed.recipe("orphaned", script);
    recipe.kill_grace = 1;
    bed.start(&recipe);
    let supervisor: i32 = says.line().await.parse().expect("a pid");
    bed.launcher.abort(&recipe.run).expect("signalled");
    let supervisor = rustix::process::Pid::from_raw(supervisor).expect("a pid");
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).expect("killed");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
}

#[tokio::test]
async fn a_child_that_outlives_its_aborted_agent_has_the_grace_too_and_no_more() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    // The child cannot be asked to go; its streams are its own, so no pipe tells of it.
    let script = r#"(trap '' TERM; echo up >"$BED/says"; exec sleep 60 >/dev/null 2>&1) & wait"#;
    let mut recipe = bed.recipe("stray", script);
    recipe.kill_grace = 1;
    bed.start(&recipe);
    says.line().await;
    bed.launcher.abort(&recipe.run).expect("signalled");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.detail, "aborted: backup fs: killed by signal 15");
    let took = report.ended - report.started.expect("started");
    assert!(took >= chrono::TimeDelta::seconds(1), "{took}");
}

#[tokio::test]
async fn an_agent_that_ends_well_when_told_to_stop_was_aborted_all_the_same() {
    let mut bed = Bed::new();
    let (mut says, _never) = (bed.pipe("says"), bed.pipe("never"));
    // Its child says it: only then has that no trap any more, and hears the signal too.
    let script = r#"trap 'echo tidy; exit 0' TERM; { echo up >"$BED/says"; read x <"$BED/never"; } & wait"#;
    let recipe = bed.recipe("polite", script);
    bed.start(&recipe);
    says.line().await;
    bed.launcher.abort(&recipe.run).expect("signalled");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(
        (report.outcome, report.steps[0].stdout.as_str()),
        (Outcome::Aborted, "tidy\n")
    );
}

#[tokio::test]
async fn an_abort_ends_the_wait_between_tries() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("waiting", "exit 1");
    recipe.steps[0].max_retries = 9;
    recipe.steps[0].retry_after = 3600;
    bed.start(&recipe);
    bed.started(&recipe.run).await;
    // Whether it arrives while the agent runs or in the hour after it, the end is the same.
    bed.launcher.abort(&recipe.run).expect("signalled");
    let report = bed.ended(&recipe.run).await;
    assert_eq!((report.outcome, report.steps[0].tries), (Outcome::Aborted, 1));
}

#[tokio::test]
async fn an_abort_right_after_the_start_leaves_no_agent() {
    let mut bed = Bed::new();
    // Repeated: it may come before the supervisor listens, before it has claimed, or after.
    for round in 0..10 {
        let recipe = bed.recipe(&format!("early-{round}"), "exec sleep 60");
        bed.start(&recipe);
        bed.launcher.abort(&recipe.run).expect("signalled");
        let report = bed.ended(&recipe.run).await;
        assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    }
}

#[tokio::test]
async fn aborting_what_is_over_or_unknown_harms_nobody() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("over", "exit 0");
    bed.run(&recipe).await;
    bed.launcher.abort(&recipe.run).expect("nothing to do");
    bed.launcher
        .abort(&crate::bed::run_id("unknown"))
        .expect("nothing to do");
    assert!(bed.is_quiet());
}
