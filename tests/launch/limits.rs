//! What a run may use up, as far as its supervisor holds it.

use freezerd::planner::Outcome;

use crate::bed::{Bed, step, until_gone};

/// In seconds: an agent has begun by then, also on a machine that is busy.
const AMPLE: u32 = 15;

#[tokio::test]
async fn a_run_that_takes_too_long_is_ended_and_fails_with_the_reason() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    // It does not care for SIGTERM, nor does its child.
    let script = r#"trap '' TERM; sleep 60 & echo "$$ $!" >"$BED/says"; wait; wait"#;
    let mut recipe = bed.recipe("long", script);
    recipe.kill_grace = 1;
    recipe.limits.runtime_max = Some(AMPLE);
    recipe.steps[0].max_retries = 5;
    let mut last = step("backup mysql");
    last.mandatory = true;
    recipe.steps.push(last);
    bed.start(&recipe);
    let said = says.line().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.outcome, Outcome::Fail, "{report:?}");
    assert_eq!(
        report.detail,
        "took longer than 15 s (dispatch.limits.runtime_max): backup fs: killed by signal 9"
    );
    assert_eq!(
        (report.steps[0].tries, report.steps[1].tries),
        (1, 0),
        "{report:?}"
    );
    assert_eq!(report.steps[1].end, "not run: the run took too long");
    for pid in said.split(' ') {
        until_gone(pid.parse().expect("a pid"));
    }
}

#[tokio::test]
async fn the_pauses_between_tries_count_too() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("pauses", "exit 7");
    recipe.limits.runtime_max = Some(AMPLE);
    recipe.steps[0].max_retries = 5;
    recipe.steps[0].retry_after = 3600;
    let report = bed.run(&recipe).await;
    assert_eq!(report.outcome, Outcome::Fail);
    let said = "took longer than 15 s (dispatch.limits.runtime_max): backup fs: exit 7";
    assert_eq!(report.detail, said);
}

#[tokio::test]
async fn agents_are_as_nice_as_the_recipe_says() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("nice", "nice");
    recipe.limits.nice = Some(7);
    let report = bed.run(&recipe).await;
    assert_eq!(report.steps[0].stdout, "7\n", "{report:?}");
}
