//! Supervisors that take one run after the other.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use freezerd::launch::{Found, Launcher};
use freezerd::planner::Outcome;
use rustix::process::Signal;

use crate::bed::{Bed, kill, pid, until_gone};

const HELD: &str = r#"echo up >"$BED/says"; read x <"$BED/waits"; echo done"#;

#[tokio::test]
async fn a_supervisor_whose_run_is_over_takes_the_next() {
    let mut bed = Bed::new();
    let mut last = None;
    for (number, end) in [(0, "exit 0"), (1, "exit 1"), (2, "kill -9 $$"), (3, "exit 0")] {
        // What each leaves is its own: outputs, notes, and the one descriptor that its agent has beyond its streams.
        let script = format!(r#"echo {number}; readlink /proc/$$/fd/* | grep '/lock$'; {end}"#);
        let recipe = bed.recipe(&format!("next-{number}"), &script);
        bed.start(&recipe);
        let supervisor = bed.started(&recipe.run).await;
        let report = bed.ended(&recipe.run).await;
        assert_eq!(last.replace(supervisor).unwrap_or(supervisor), supervisor);
        let success = report.outcome == Outcome::Success;
        assert_eq!(success, end == "exit 0", "{report:?}");
        let lock = bed.state(&recipe.run).join("lock");
        assert_eq!(report.steps[0].stdout, format!("{number}\n{}\n", lock.display()));
        assert_eq!(
            bed.launcher.find(&recipe.run).expect("found"),
            Found::Ended(report)
        );
    }
    assert!(bed.is_quiet());
}

#[tokio::test]
async fn an_abort_that_comes_too_late_does_not_meet_the_next_run() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let first = bed.recipe("late", "exit 0");
    bed.start(&first);
    let supervisor = bed.started(&first.run).await;
    bed.ended(&first.run).await;
    rustix::process::kill_process(pid(supervisor), Signal::TERM).expect("it waits");
    let next = bed.recipe("next", HELD);
    bed.start(&next);
    assert_eq!(bed.started(&next.run).await, supervisor);
    says.line().await;
    bed.launcher.abort(&first.run).expect("nothing to do");
    waits.release().await;
    let report = bed.ended(&next.run).await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
}

#[tokio::test]
async fn an_abort_right_after_a_spare_was_given_the_run_leaves_no_agent() {
    let mut bed = Bed::new();
    for round in 0..10 {
        let before = bed.recipe(&format!("before-{round}"), "exit 0");
        bed.run(&before).await;
        let recipe = bed.recipe(&format!("early-{round}"), "exec sleep 60");
        bed.start(&recipe);
        bed.launcher.abort(&recipe.run).expect("signalled");
        let report = bed.ended(&recipe.run).await;
        assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    }
}

#[tokio::test]
async fn a_spare_that_was_killed_costs_no_run() {
    let mut bed = Bed::new();
    let first = bed.recipe("first", "exit 0");
    bed.start(&first);
    let supervisor = bed.started(&first.run).await;
    bed.ended(&first.run).await;
    kill(supervisor);
    until_gone(supervisor);
    let next = bed.recipe("next", "exit 0");
    let report = bed.run(&next).await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
}

#[tokio::test]
async fn of_another_niceness_it_is_another_supervisor() {
    let mut bed = Bed::new();
    let mut pids = Vec::new();
    for (name, nice) in [("nice", Some(5)), ("plain", None)] {
        let mut recipe = bed.recipe(name, "nice");
        recipe.limits.nice = nice;
        bed.start(&recipe);
        pids.push(bed.started(&recipe.run).await);
        let report = bed.ended(&recipe.run).await;
        assert_eq!(report.steps[0].stdout == "5\n", nice.is_some(), "{report:?}");
    }
    assert_ne!(pids[0], pids[1]);
}

/// A supervisor by hand, and the pipes to it.
pub(crate) struct Heard {
    process: Child,
    tells: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
}

impl Heard {
    fn new(state: &Path, runtime: &Path) -> Self {
        Self::by(
            Command::new(env!("CARGO_BIN_EXE_freezerd")).arg("supervise"),
            state,
            runtime,
        )
    }

    pub(crate) fn when_told(state: &Path, runtime: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freezerd"));
        Self::by(command.args(["supervise", "--when-told"]), state, runtime)
    }

    fn by(command: &mut Command, state: &Path, runtime: &Path) -> Self {
        let mut process = command
            .args([state, runtime])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("spawned");
        let tells = process.stdin.take().expect("a pipe");
        let says = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { process, tells, says }
    }

    pub(crate) fn said(&mut self) -> Option<String> {
        self.says.next().map(|line| line.expect("text"))
    }

    pub(crate) fn started_and_ended(&mut self, code: u8) {
        assert!(self.said().is_some_and(|line| line.starts_with("started ")));
        assert_eq!(self.said(), Some(format!("ended {code}")));
    }

    pub(crate) fn tell(&mut self, line: &str) {
        self.tells
            .write_all(format!("{line}\n").as_bytes())
            .expect("written");
    }

    /// Nothing more to do, it says nothing more: its exit code, and what it complained of.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        drop(self.tells);
        let more = self.says.next();
        assert!(more.is_none(), "{more:?}");
        let end = self.process.wait_with_output().expect("waited");
        (end.status.code(), String::from_utf8(end.stderr).expect("text"))
    }
}

#[tokio::test]
async fn a_supervisor_goes_with_who_could_give_it_more_and_not_before() {
    let mut bed = Bed::new();
    let mut recipe = bed.recipe("alone", "exit 0");
    recipe.further = true;
    let (state, runtime) = crate::supervisor::by_hand(&bed, &recipe);
    let mut supervisor = Heard::new(&state, &runtime);
    supervisor.started_and_ended(0);
    // The run's lock is free, and it has its report, before that is said.
    assert!(matches!(
        bed.launcher.find(&recipe.run).expect("found"),
        Found::Ended(_)
    ));
    let mut next = recipe.clone();
    next.run = crate::bed::run_id("second");
    crate::supervisor::by_hand(&bed, &next);
    supervisor.tell(next.run.as_str());
    assert_eq!(supervisor.said().as_deref(), Some("took"));
    supervisor.started_and_ended(0);
    assert_eq!(supervisor.end().0, Some(0));
}

#[tokio::test]
async fn a_supervisor_that_cannot_take_the_next_run_does_not_end_as_the_former_one_did() {
    let mut bed = Bed::new();
    let overlong = "x".repeat(1000);
    for (round, next) in ["second-20260101T000000Z", "../second", &overlong]
        .into_iter()
        .enumerate()
    {
        // It clears its run away: a success, and nowhere to leave the report.
        let mut recipe = bed.recipe(&format!("former-{round}"), r#"rm -r "$STATE""#);
        let state = bed.state(&recipe.run).display().to_string();
        recipe.environment.insert("STATE".to_owned(), state);
        recipe.further = true;
        let (state, runtime) = crate::supervisor::by_hand(&bed, &recipe);
        let mut supervisor = Heard::new(&state, &runtime);
        supervisor.started_and_ended(30);
        supervisor.tell(next);
        let (code, complaints) = supervisor.end();
        // 30 would tell of the next run that it was a success.
        assert_eq!(code, Some(41), "{next}: {complaints}");
        assert!(complaints.contains("cannot take the next run"), "{complaints}");
    }
}
