//! The scheduler is away, or the API is, when something is due.

use std::time::Duration;

use chrono::{DateTime, Utc};
use freezerd::clock::{Clock, SystemClock};
use serde_json::json;

use super::{APART, Pair, again_and_again, at_once, next_due};
use crate::daemon::{Daemon, history};
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};
use crate::node::{Node, in_seconds};
use crate::services::stack;
use crate::user::User;

#[test]
fn what_was_due_while_the_scheduler_was_stopped_runs() {
    let pair = Pair::new("stopped");
    let [theirs, _] = pair.users();
    // Its hour of grace is over.
    let old = in_seconds(-7200).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let one_shot = theirs.create_plan(&json!({ "schedule_date": old }));
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let daemon = Daemon::start(&pair.stack, &pair.ours);
    pair.stack.await_written(&one_shot, "status", "scheduled");
    let first = in_seconds(45);
    let jobs = pair.plans(&again_and_again(first));
    for job in &jobs {
        pair.stack.await_written(job, "status", "scheduled");
    }
    incumbent.kill();
    assert!(daemon.stop().success());
    // On a slow machine not the first time.
    let due = next_due(first);
    eventually(APART * 2, "it is due", || {
        let now = SystemClock::new().now();
        if now > due { Ok(()) } else { Err(now.to_string()) }
    });

    let before = starts(&pair.incumbent);
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    let wanted = json!(due.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    eventually(Duration::from_secs(120), "what was due has run", || {
        let runs = history(&pair.stack, &pair.ours, &jobs[1]);
        let then: Vec<_> = runs
            .iter()
            .filter(|run| run["due"] == wanted)
            .map(|run| &run["outcome"])
            .collect();
        if then == ["success"] {
            Ok(())
        } else {
            Err(format!("{runs:?}"))
        }
    });

    // incumbent: the run is lost, and so is the one-shot, which says `scheduled` for ever.
    incumbent.await_polls(3);
    // (What was due since is another matter.)
    let mut since = 0;
    while due + APART * (since + 1) <= SystemClock::new().now() {
        since += 1;
    }
    let ran = starts(&pair.incumbent) - before;
    assert!(ran <= since as usize, "{ran} runs, {since} due times since");
    assert_eq!(theirs.shown(&one_shot)[0], "scheduled");
}

/// How many agents this node has started.
fn starts(node: &Node) -> usize {
    let runs = node.agent_runs();
    runs.iter().filter(|line| line.starts_with("start")).count()
}

/// Seconds between two runs.
const INTERVAL: i64 = 12;

/// When its newest agent was started, once there are more than `before`.
fn next_start(node: &Node, before: usize) -> DateTime<Utc> {
    eventually(Duration::from_secs(90), "it runs again", || {
        let starts = node.starts();
        let newest = starts.iter().max().filter(|_| starts.len() > before);
        newest.copied().ok_or_else(|| format!("{starts:?}"))
    })
}

#[test]
fn an_interval_goes_on_counting_while_the_scheduler_is_stopped() {
    let pair = Pair::new("interval");
    for node in [&pair.incumbent, &pair.ours] {
        node.note_starts();
    }
    let jobs = pair.plans(&json!({ "schedule_interval": format!("{INTERVAL} seconds") }));
    let daemon = Daemon::start(&pair.stack, &pair.ours);
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    next_start(&pair.ours, 0);
    assert!(daemon.stop().success());
    let first = next_start(&pair.incumbent, 0);
    incumbent.kill();
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    next_start(&pair.ours, pair.ours.starts().len());
    // Each was due a whole number of intervals after the one before it.
    let runs = history(&pair.stack, &pair.ours, &jobs[1]);
    let due: Vec<i64> = runs
        .iter()
        .map(|run| {
            run["due"]
                .as_str()
                .and_then(|due| due.parse().ok())
                .expect("a time")
        })
        .map(|due: DateTime<Utc>| due.timestamp())
        .collect();
    assert!(due.len() > 1, "{due:?}");
    assert!(due.iter().all(|at| (at - due[0]) % INTERVAL == 0), "{due:?}");

    // incumbent: it counts from whenever it was started. (Between its run and its next start always passes about the same
    // time; so each try starts it at another point of the former count, and one may hit it by chance, not each.)
    let moved = (1..7).any(|at| {
        eventually(Duration::from_secs(60), "a point of the former count", || {
            let now = SystemClock::new().now();
            let passed = (now - first).as_seconds_f64().rem_euclid(INTERVAL as f64);
            let point = f64::from(at % 4) * 3.0;
            (point..point + 2.0)
                .contains(&passed)
                .then_some(())
                .ok_or_else(|| now.to_string())
        });
        let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
        let next = next_start(&pair.incumbent, pair.incumbent.starts().len());
        let apart = (next - first).as_seconds_f64().rem_euclid(INTERVAL as f64);
        (2.0..INTERVAL as f64 - 2.0).contains(&apart)
    });
    assert!(moved, "it kept its count: {:?}", pair.incumbent.starts());
}

#[test]
fn the_api_is_down_when_a_run_of_the_incumbent_ends() {
    // freezerd's side of this row is `api_away::an_outcome_and_its_backup_wait_for_the_api`.
    let stack = stack();
    let node = Node::new(&stack, "away-incumbent");
    let user = User::of(&stack, &node);
    user.register_client();
    node.close_gate();
    let job = user.create_plan(&at_once());
    let incumbent = Incumbent::start(&stack, &node, &Options::default());
    node.await_agent_runs(1);
    stack.await_written(&job, "status", "running");
    stack.stop_api();
    node.open_gate();
    node.await_agent_runs(2);
    incumbent.await_log("Job update error");
    stack.start_api();
    incumbent.await_polls(2);
    // incumbent: result and backup are lost, and the next one runs the plan again.
    assert_eq!(user.shown(&job), ["running", "", ""]);
    assert!(user.backups(&job).is_empty());
    incumbent.kill();
    let _incumbent = Incumbent::start(&stack, &node, &Options::default());
    node.await_agent_runs(3);
}
