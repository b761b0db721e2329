//! The supervisor by itself: run by hand, raced, refused, broken.

use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use freezerd::launch::{Found, LaunchError, Launcher, Recipe};
use freezerd::planner::{Outcome, RunId};

use crate::bed::Bed;
use crate::traces::Arrivals;

/// Runs a supervisor by hand.
fn supervise(bed: &Bed, run: &RunId) -> ExitStatus {
    Command::new(env!("CARGO_BIN_EXE_freezerd"))
        .arg("supervise")
        .args([bed.state(run), bed.runtime(run)])
        .stderr(Stdio::null())
        .status()
        .expect("it ran")
}

/// Makes what a launcher makes before it starts a supervisor.
pub(crate) fn by_hand(bed: &Bed, recipe: &Recipe) -> (PathBuf, PathBuf) {
    let (state, runtime) = (bed.state(&recipe.run), bed.runtime(&recipe.run));
    std::fs::create_dir(&state).expect("made");
    std::fs::create_dir(&runtime).expect("made");
    std::fs::write(state.join("lock"), "").expect("made");
    std::fs::write(
        runtime.join("recipe.json"),
        serde_json::to_vec(recipe).expect("json"),
    )
    .expect("written");
    (state, runtime)
}

/// Names, sizes and times of all files of a run.
fn snapshot(bed: &Bed, run: &RunId) -> Vec<(String, u64, std::time::SystemTime)> {
    let mut files: Vec<_> = std::fs::read_dir(bed.state(run))
        .expect("listed")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let file = entry.metadata().expect("stat");
            (
                entry.file_name().into_string().expect("text"),
                file.len(),
                file.modified().expect("a time"),
            )
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn one_run_runs_once() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let script = r#"echo ran >>"$BED/ran"; echo up >"$BED/says"; read x <"$BED/waits""#;
    let recipe = bed.recipe("once", script);
    let refused = |bed: &Bed| {
        matches!(
            bed.launcher.start(&recipe),
            Err(LaunchError::AlreadyStarted { .. })
        )
    };
    bed.start(&recipe);
    assert!(refused(&bed), "while it is being started");
    says.line().await;
    assert!(refused(&bed), "while it runs");
    bed.restart();
    assert!(refused(&bed), "while it runs, by another daemon");
    assert_eq!(supervise(&bed, &recipe.run).code(), Some(40), "by hand");
    bed.launcher.find(&recipe.run).expect("found");
    waits.release().await;
    bed.ended(&recipe.run).await;
    assert!(refused(&bed), "after its end");
    let before = snapshot(&bed, &recipe.run);
    assert_eq!(
        supervise(&bed, &recipe.run).code(),
        Some(40),
        "by hand, after its end"
    );
    assert_eq!(
        snapshot(&bed, &recipe.run),
        before,
        "a refused supervisor touched something"
    );
    assert_eq!(bed.read("ran"), "ran\n");
}

#[tokio::test]
async fn supervisors_that_race_for_a_run_start_one_agent() {
    let mut bed = Bed::new();
    for round in 0..5 {
        let mut recipe = bed.recipe(&format!("race-{round}"), r#"echo x >>"$BED/ran-$ROUND""#);
        recipe.environment.insert("ROUND".to_owned(), round.to_string());
        let (state, runtime) = by_hand(&bed, &recipe);
        let racers: Vec<_> = (0..4)
            .map(|_| {
                Command::new(env!("CARGO_BIN_EXE_freezerd"))
                    .arg("supervise")
                    .args([&state, &runtime])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("spawned")
            })
            .collect();
        let mut codes: Vec<_> = racers
            .into_iter()
            .map(|mut racer| racer.wait().expect("waited").code())
            .collect();
        codes.sort();
        assert_eq!(codes, [Some(0), Some(40), Some(40), Some(40)]);
        assert_eq!(bed.read(&format!("ran-{round}")), "x\n");
    }
}

#[tokio::test]
async fn a_supervisor_that_cannot_begin_is_a_failure_and_may_be_tried_again() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("broken", "echo done");
    // Its recipe vanishes before it can read it.
    let program = bed.agent(&format!(
        r#"rm "$3/recipe.json"; exec {} "$@""#,
        env!("CARGO_BIN_EXE_freezerd")
    ));
    bed.restart_with(program);
    let report = bed.run(&recipe).await;
    assert_eq!((report.outcome, report.started), (Outcome::Fail, None));
    assert!(
        report
            .detail
            .contains("ended with exit status: 41 before it started any agent"),
        "{}",
        report.detail
    );
    assert!(
        report.detail.contains("cannot read its recipe: No such file"),
        "{}",
        report.detail
    );
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), Found::Never);
    bed.restart();
    assert_eq!(bed.run(&recipe).await.outcome, Outcome::Success);
}

#[tokio::test]
async fn a_supervisors_exit_code_tells_what_its_report_cannot() {
    let mut bed = Bed::new();
    for (code, outcome) in [
        (30, Outcome::Success),
        (31, Outcome::Fail),
        (33, Outcome::Aborted),
        // None of a supervisor's own: nobody knows how the run ended.
        (0, Outcome::Lost),
        (101, Outcome::Lost),
    ] {
        let recipe = bed.recipe(&format!("code-{code}"), "");
        let program = bed.agent(&format!(r#"echo >"$2/claim"; echo "disk full" >&2; exit {code}"#));
        bed.restart_with(program);
        let report = bed.run(&recipe).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert!(report.detail.ends_with(": disk full"), "{}", report.detail);
    }
}

#[tokio::test]
async fn a_run_that_another_supervisor_has_is_watched_all_the_same() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe(
        "other",
        r#"echo up >"$BED/says"; read x <"$BED/waits"; echo done"#,
    );
    // As when the supervisor of a daemon that crashed comes up late: the one started last is refused.
    let real = env!("CARGO_BIN_EXE_freezerd");
    let program =
        format!(r#"{real} "$@" >/dev/null & until [ -s "$2/claim" ]; do :; done; exec {real} "$@""#);
    let program = bed.agent(&program);
    bed.restart_with(program);
    bed.start(&recipe);
    bed.started(&recipe.run).await;
    says.line().await;
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!(
        (report.outcome, report.steps[0].stdout.as_str()),
        (Outcome::Success, "done\n")
    );
}

#[tokio::test]
async fn a_supervisor_whose_daemon_is_gone_goes_on() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("alone", "echo done");
    let (state, runtime) = by_hand(&bed, &recipe);
    let mut supervisor = Command::new(env!("CARGO_BIN_EXE_freezerd"))
        .arg("supervise")
        .args([&state, &runtime])
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawned");
    // Nobody will read that the agent was started.
    drop(supervisor.stdout.take());
    assert_eq!(supervisor.wait().expect("waited").code(), Some(0));
    let Found::Ended(report) = bed.launcher.find(&recipe.run).expect("found") else {
        panic!("no report")
    };
    assert_eq!(
        (report.outcome, report.steps[0].stdout.as_str()),
        (Outcome::Success, "done\n")
    );
}

#[tokio::test]
async fn a_supervisor_that_cannot_be_started_leaves_nothing() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("no-program", "");
    bed.restart_with(bed.path().join("nowhere"));
    assert!(matches!(
        bed.launcher.start(&recipe),
        Err(LaunchError::Spawn { .. })
    ));
    assert!(!bed.state(&recipe.run).exists() && !bed.runtime(&recipe.run).exists());
    assert!(bed.is_quiet());
    bed.restart();
    assert_eq!(bed.run(&recipe).await.outcome, Outcome::Success);
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_written_later() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("full", r#"echo up >"$BED/says"; read x <"$BED/waits"; echo kept"#);
    bed.start(&recipe);
    says.line().await;
    let state = bed.state(&recipe.run);
    let mut arrivals = Arrivals::of(&bed.path().join("state/runs"), &state);
    // Root is stopped by no mode; a directory cannot be replaced by a file, whoever asks.
    std::fs::create_dir(state.join("report.json")).expect("made");
    waits.release().await;
    arrivals.wait_for_text("lock", "cannot write its report");
    std::fs::remove_dir(state.join("report.json")).expect("removed");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(
        (report.outcome, report.steps[0].stdout.as_str()),
        (Outcome::Success, "kept\n")
    );
}

#[tokio::test]
async fn a_run_that_was_cleared_away_ends_without_a_report() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("cleared", r#"echo up >"$BED/says"; read x <"$BED/waits"; exit 1"#);
    bed.start(&recipe);
    says.line().await;
    std::fs::remove_dir_all(bed.state(&recipe.run)).expect("removed");
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    // Its exit code is all that is left of it.
    assert_eq!(report.outcome, Outcome::Fail, "{report:?}");
}

#[tokio::test]
async fn a_run_that_was_cleared_away_is_lost_to_a_later_daemon() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("cleared", r#"echo up >"$BED/says"; read x <"$BED/waits""#);
    bed.start(&recipe);
    bed.started(&recipe.run).await;
    says.line().await;
    bed.restart();
    bed.launcher.find(&recipe.run).expect("found");
    std::fs::remove_dir_all(bed.state(&recipe.run)).expect("removed");
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.outcome, Outcome::Lost, "{report:?}");
    assert!(
        report.detail.ends_with("its traces were removed"),
        "{}",
        report.detail
    );
}
