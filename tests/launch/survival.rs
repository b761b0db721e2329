//! Runs that outlive their daemon, or their supervisor.

use std::process::Command;

use freezerd::clock::{Clock, SystemClock};
use freezerd::launch::{Found, LaunchEvent, Launcher};
use freezerd::planner::Outcome;

use crate::bed::{Bed, kill, run_id, until_gone};

/// An agent that tells its pid, and ends when it is let go.
const HELD: &str = r#"echo $$ >"$BED/says"; read x <"$BED/waits"; echo done"#;

#[tokio::test]
async fn a_new_daemon_finds_a_living_run_and_hears_its_end() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("found", HELD);
    bed.start(&recipe);
    let LaunchEvent::Started { pid, at, .. } = bed.event().await else {
        panic!("not started")
    };
    says.line().await;
    bed.restart();
    let alive = Found::Alive {
        pid,
        started: Some(at),
    };
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), alive);
    assert_eq!(bed.launcher.find(&recipe.run).expect("found again"), alive);
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!((report.outcome, report.started), (Outcome::Success, Some(at)));
    assert_eq!(report.steps[0].stdout, "done\n");
    assert!(bed.is_quiet(), "its end was told twice");
    assert_eq!(
        bed.launcher.find(&recipe.run).expect("found"),
        Found::Ended(report)
    );
}

#[tokio::test]
async fn a_run_that_ended_while_no_daemon_was_there_is_found_until_it_is_forgotten() {
    let mut bed = Bed::new();
    let recipe = bed.recipe("ended", "echo done");
    let report = bed.run(&recipe).await;
    for _ in 0..2 {
        bed.restart();
        assert_eq!(
            bed.launcher.find(&recipe.run).expect("found"),
            Found::Ended(report.clone())
        );
    }
    bed.launcher.forget(&recipe.run);
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), Found::Never);
    for runs in ["state/runs", "runtime/runs"] {
        let left = std::fs::read_dir(bed.path().join(runs)).expect("listed").count();
        assert_eq!(left, 0, "{runs}");
    }
}

#[tokio::test]
async fn a_new_daemon_can_abort_what_an_earlier_one_started() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    let recipe = bed.recipe("abort", r#"echo up >"$BED/says"; exec sleep 60"#);
    bed.start(&recipe);
    says.line().await;
    bed.restart();
    bed.launcher.find(&recipe.run).expect("found");
    bed.launcher.abort(&recipe.run).expect("signalled");
    assert_eq!(bed.ended(&recipe.run).await.outcome, Outcome::Aborted);
}

#[tokio::test]
async fn a_run_without_its_supervisor_is_lost_only_when_its_agent_is_gone() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("lost", HELD);
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    says.line().await;
    kill(supervisor);
    until_gone(supervisor);
    // Another run, from start to end: in that time its death was noticed, and must have been judged rightly.
    let other = bed.recipe("meanwhile", "exit 0");
    bed.run(&other).await;
    let before = SystemClock::new().now();
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert!(report.started.is_some() && report.ended >= before, "{report:?}");
    assert!(
        report.detail.contains(&supervisor.to_string()),
        "no evidence: {}",
        report.detail
    );
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), Found::Lost);
}

#[tokio::test]
async fn a_new_daemon_waits_for_the_agent_of_a_dead_supervisor_too() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("orphan", HELD);
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    says.line().await;
    kill(supervisor);
    until_gone(supervisor);
    bed.restart();
    assert!(matches!(
        bed.launcher.find(&recipe.run).expect("found"),
        Found::Alive { .. }
    ));
    let before = SystemClock::new().now();
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert!(
        report.outcome == Outcome::Lost && report.ended >= before,
        "{report:?}"
    );
}

#[tokio::test]
async fn an_orphaned_agent_can_be_aborted_and_a_stranger_with_the_old_pid_is_safe() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    // The agent ignores SIGTERM; its child, in its group, has closed the lock.
    let script = r#"trap '' TERM; (exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec sleep 60) &
        echo "$$ $!" >"$BED/says"; wait"#;
    let mut recipe = bed.recipe("orphan", script);
    recipe.kill_grace = 1;
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    let said = says.line().await;
    let pids: Vec<u32> = said.split(' ').map(|pid| pid.parse().expect("a pid")).collect();
    kill(supervisor);
    until_gone(supervisor);
    // As if the supervisor's number had been given to somebody else.
    let mut stranger = Command::new("sleep").arg("60").spawn().expect("sleep");
    let claim = format!(r#"{{"pid": {}, "kill_grace": 1}}"#, stranger.id());
    std::fs::write(bed.state(&recipe.run).join("claim"), claim).expect("written");
    bed.restart();
    assert!(matches!(
        bed.launcher.find(&recipe.run).expect("found"),
        Found::Alive { .. }
    ));
    bed.launcher.abort(&recipe.run).expect("signalled");
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    pids.into_iter().for_each(until_gone);
    assert_eq!(
        stranger.try_wait().expect("asked"),
        None,
        "the stranger was signalled"
    );
    stranger.kill().and_then(|()| stranger.wait()).expect("ended");
}

#[tokio::test]
async fn an_adopted_run_tells_its_start_if_it_was_not_known_yet() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    // The first try has no agent to start; it is put in place while the daemon is away.
    let mut recipe = bed.recipe("late", "");
    let held = bed.agent(HELD);
    recipe.agent = bed.path().join("agent-late");
    recipe.steps[0].max_retries = 600;
    recipe.steps[0].retry_after = 1;
    bed.start(&recipe);
    let mut arrivals = crate::traces::Arrivals::of(&bed.path().join("state/runs"), &bed.state(&recipe.run));
    arrivals.wait_for("claim");
    bed.restart();
    let Found::Alive { pid, started: None } = bed.launcher.find(&recipe.run).expect("found") else {
        panic!("it cannot have started")
    };
    std::fs::rename(held, &recipe.agent).expect("put in place");
    assert_eq!(bed.started(&recipe.run).await, pid);
    says.line().await;
    waits.release().await;
    assert_eq!(bed.ended(&recipe.run).await.outcome, Outcome::Success);
}

/// An agent that leaves something behind, tells both, and ends when it is let go.
const LEAVES: &str = r#"sleep 600 >"$BED/nothing" 2>&1 & echo "$$ $!" >"$BED/says"; read x <"$BED/waits""#;

fn agent_and_stray(said: &str) -> (u32, u32) {
    let (agent, stray) = said.split_once(' ').expect("two");
    (agent.parse().expect("a pid"), stray.parse().expect("a pid"))
}

/// What an agent left behind holds the run's lock, maybe for ever.
#[tokio::test]
async fn what_an_agent_left_behind_does_not_keep_the_run_of_a_dead_supervisor() {
    let mut bed = Bed::new();
    let (mut says, mut waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("stray", LEAVES);
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    let (agent, stray) = agent_and_stray(&says.line().await);
    kill(supervisor);
    until_gone(supervisor);
    let other = bed.recipe("meanwhile", "exit 0");
    bed.run(&other).await;
    assert!(bed.is_quiet(), "its agent lives");
    waits.release().await;
    let report = bed.ended(&recipe.run).await;
    assert_eq!(report.outcome, Outcome::Lost, "{report:?}");
    assert!(report.detail.contains("left behind"), "{report:?}");
    until_gone(agent);
    // Nobody ended it: it may be a snapshot's clean-up.
    kill(stray);
}

#[tokio::test]
async fn nor_does_it_keep_it_for_the_next_daemon() {
    let mut bed = Bed::new();
    let (mut says, _waits) = (bed.pipe("says"), bed.pipe("waits"));
    let recipe = bed.recipe("stray", LEAVES);
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    let (agent, stray) = agent_and_stray(&says.line().await);
    // Both at once, as when memory runs out; the daemon, too, goes before it hears of it.
    let (state, runtime) = (bed.state(&recipe.run), bed.runtime(&recipe.run));
    kill(supervisor);
    kill(agent);
    [supervisor, agent].into_iter().for_each(until_gone);
    bed.restart();
    assert!(state.exists() && runtime.exists());
    assert_eq!(bed.launcher.find(&recipe.run).expect("found"), Found::Lost);
    kill(stray);
}

#[tokio::test]
async fn nor_between_two_tries() {
    let mut bed = Bed::new();
    let mut says = bed.pipe("says");
    let script = r#"sleep 600 >"$BED/nothing" 2>&1 & echo "$$ $!" >"$BED/says"; exit 1"#;
    let mut recipe = bed.recipe("stray", script);
    (recipe.steps[0].max_retries, recipe.steps[0].retry_after) = (1, 600);
    bed.start(&recipe);
    let supervisor = bed.started(&recipe.run).await;
    let (agent, stray) = agent_and_stray(&says.line().await);
    until_gone(agent);
    kill(supervisor);
    assert_eq!(bed.ended(&recipe.run).await.outcome, Outcome::Lost);
    kill(stray);
}

/// It was found before its supervisor had noted its claim, say, and what its agent left behind holds its lock.
#[tokio::test]
async fn a_run_of_which_nobody_can_be_seen_is_over_when_its_report_is_there() {
    let mut bed = Bed::new();
    let other = bed.recipe("other", "exit 0");
    let report = bed.run(&other).await;
    let run = run_id("unseen");
    let dir = bed.state(&run);
    std::fs::create_dir(&dir).expect("made");
    let held = std::fs::File::create(dir.join("lock")).expect("made");
    held.lock().expect("held");
    let alive = Found::Alive {
        pid: 0,
        started: None,
    };
    assert_eq!(bed.launcher.find(&run).expect("found"), alive);
    std::fs::copy(bed.state(&other.run).join("report.json"), dir.join("draft")).expect("copied");
    std::fs::rename(dir.join("draft"), dir.join("report.json")).expect("put in place");
    assert_eq!(bed.ended(&run).await, report);
}
