//! What a run that is left to itself ends in.

use freezerd::launch::LaunchEvent;
use freezerd::planner::Outcome;

use crate::bed::{Bed, step};

#[tokio::test]
async fn success_is_told_with_what_the_agent_printed() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("ok", r#"echo '{"level": 0}'; echo careful >&2"#);
    bed.start(&recipe);
    let LaunchEvent::Started { run, pid, at } = bed.event().await else {
        panic!("not started first")
    };
    assert_eq!(run, recipe.run);
    let LaunchEvent::Ended { run, report } = bed.event().await else {
        panic!("not ended next")
    };
    assert_eq!(run, recipe.run);
    assert_eq!(
        (report.outcome, report.started, report.detail.as_str()),
        (Outcome::Success, Some(at), "")
    );
    assert!(report.ended >= at);
    let [only] = report.steps.as_slice() else {
        panic!("one step: {report:?}")
    };
    assert_eq!((only.tries, only.ok, only.end.as_str()), (1, true, "exit 0"));
    assert_eq!(
        (only.stdout.as_str(), only.stderr.as_str()),
        ("{\"level\": 0}\n", "careful\n")
    );
    crate::bed::until_reaped(pid).await;
    assert!(bed.is_quiet());
}

#[tokio::test]
async fn a_failed_action_stops_the_run_but_for_mandatory_ones() {
    let mut bed = Bed::new();
    let script = r#"grep label "$4" >>"$BED/ran"; echo broken >&2; ! grep -q bad "$4""#;
    let mut recipe = bed.recipe("mandatory", script);
    recipe.steps = vec![
        step("good"),
        step("bad"),
        step("skipped"),
        step("clean-up"),
        step("skipped too"),
    ];
    recipe.steps[3].mandatory = true;
    let report = bed.run(&recipe).await;
    assert_eq!(report.outcome, Outcome::Fail);
    assert_eq!(report.detail, "bad: exit 1: broken");
    let steps: Vec<_> = report
        .steps
        .iter()
        .map(|step| (step.tries, step.ok, step.end.as_str()))
        .collect();
    let skipped = (0, false, "not run: an earlier step failed");
    assert_eq!(
        steps,
        [
            (1, true, "exit 0"),
            (1, false, "exit 1"),
            skipped,
            (1, true, "exit 0"),
            skipped
        ]
    );
    assert_eq!(bed.read("ran"), "label = good\nlabel = bad\nlabel = clean-up\n");
}

#[tokio::test]
async fn a_failed_try_is_tried_again_as_often_as_it_may() {
    let mut bed = Bed::new();
    let script = r#"echo x >>"$BED/tries"; test "$(wc -l <"$BED/tries")" -ge 3"#;
    let mut recipe = bed.recipe("retries", script);
    recipe.steps[0].max_retries = 5;
    let report = bed.run(&recipe).await;
    assert_eq!(
        (report.outcome, report.steps[0].tries, report.steps[0].ok),
        (Outcome::Success, 3, true)
    );

    let mut recipe = bed.recipe("in-vain", "exit 3");
    recipe.steps[0].max_retries = 2;
    let report = bed.run(&recipe).await;
    assert_eq!((report.outcome, report.steps[0].tries), (Outcome::Fail, 3));
    assert_eq!(report.detail, "backup fs: exit 3 (3 tries)");
}

#[tokio::test]
async fn the_wait_between_tries_is_kept() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("patient", "exit 1");
    recipe.steps[0].max_retries = 1;
    recipe.steps[0].retry_after = 1;
    let report = bed.run(&recipe).await;
    let took = report.ended - report.started.expect("started");
    assert!(took >= chrono::TimeDelta::seconds(1), "{took}");
}

#[tokio::test]
async fn an_agent_that_cannot_be_started_is_a_failure_that_says_why() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("missing", "");
    recipe.agent = bed.path().join("nowhere");
    let report = bed.run(&recipe).await;
    assert_eq!((report.outcome, report.started), (Outcome::Fail, None));
    let not_started = |agent: &std::path::Path, why: &str| {
        let agent = agent.display();
        format!("backup fs: could not be started: {agent}: {why}")
    };
    let why = "No such file or directory (os error 2)";
    assert_eq!(report.detail, not_started(&recipe.agent, why));

    let mut recipe = bed.recipe("not-executable", "");
    recipe.agent = bed.path().join("plain");
    std::fs::write(&recipe.agent, "#!/bin/sh\n").expect("written");
    let report = bed.run(&recipe).await;
    let why = "Permission denied (os error 13)";
    assert_eq!(report.detail, not_started(&recipe.agent, why));
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("signal", "kill -9 $$");
    let report = bed.run(&recipe).await;
    assert_eq!(
        (report.outcome, report.detail.as_str()),
        (Outcome::Fail, "backup fs: killed by signal 9")
    );
}

#[tokio::test]
async fn a_run_of_nothing_is_no_success() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("nothing", "");
    recipe.steps.clear();
    let report = bed.run(&recipe).await;
    assert_eq!(
        (report.outcome, report.detail.as_str()),
        (Outcome::Fail, "it has no actions")
    );
}

#[tokio::test]
async fn the_start_of_stdout_and_the_end_of_stderr_are_kept() {
    let mut bed = Bed::new();
    // 12 MB on each: far more than the pipes hold, so it ends only if it is read to its end.
    let script = r#"echo first; yes 123456789ab | head -n 1000000 | tee /dev/stderr; echo last >&2"#;
    let mut recipe = bed.recipe("flood", script);
    recipe.keep_output = 1000;
    let report = bed.run(&recipe).await;
    let only = &report.steps[0];
    assert_eq!(
        (report.outcome, only.stdout.len(), only.stderr.len()),
        (Outcome::Success, 1000, 1000)
    );
    assert!(
        only.stdout.starts_with("first\n123456789ab\n"),
        "{:?}",
        only.stdout
    );
    assert!(only.stderr.ends_with("123456789ab\nlast\n"), "{:?}", only.stderr);
}

#[tokio::test]
async fn what_the_agent_leaves_behind_neither_holds_the_run_nor_is_killed() {
    let mut bed = Bed::new();
    let (mut waits, mut says) = (bed.pipe("waits"), bed.pipe("says"));
    // The child keeps the agent's standard output and error open.
    let script = r#"(read x <"$BED/waits"; echo survived >"$BED/says") & echo done"#;
    let recipe = bed.recipe("stray", script);
    let report = bed.run(&recipe).await;
    assert_eq!(
        (report.outcome, report.steps[0].stdout.as_str()),
        (Outcome::Success, "done\n")
    );
    waits.release().await;
    assert_eq!(says.line().await, "survived");
}
