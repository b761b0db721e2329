//! More is due than may run at once.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{APART, Pair, again_and_again, at_once, next_due};
use crate::daemon::Daemon;
use crate::end_to_end::await_result;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};
use crate::node::{Node, in_seconds};

/// How many plans are due at once.
const PLANS: usize = 3;

#[test]
fn waiting_in_the_queue_never_expires_a_run() {
    let pair = Pair::new("queue");
    pair.close_gates();
    pair.ours.configure("[dispatch]\nmax_concurrent = 1\n");
    let jobs: Vec<[String; 2]> = (0..PLANS).map(|_| pair.plans(&at_once())).collect();
    // A quarter of a minute in the place of its hour; else it is as it comes.
    let impatient = Options {
        concurrent_jobs: 1,
        grace: Some(15),
        ..Options::default()
    };
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &impatient);
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    pair.incumbent.await_agent_runs(1);
    pair.ours.await_agent_runs(1);
    // More than its grace.
    incumbent.await_polls(12);
    pair.open_gates();

    let [theirs, ours] = pair.users();
    for [_, job] in &jobs {
        await_result(&ours, job, "completed");
    }
    assert_eq!(pair.ours.agent_runs().len(), 2 * PLANS);

    // incumbent: only the first ran; the others say `scheduled` for ever.
    pair.incumbent.await_agent_runs(2);
    incumbent.await_polls(3);
    assert_eq!(pair.incumbent.agent_runs().len(), 2);
    let mut standing: Vec<String> = jobs.iter().map(|[job, _]| theirs.shown(job)[0].clone()).collect();
    standing.sort();
    assert_eq!(standing, ["completed", "scheduled", "scheduled"]);
}

/// How many are due in one second.
const BURST: usize = 20;

/// How late its agents started, in seconds, once all that were due at one time have, from this one on.
fn await_lateness(node: &Node, due: DateTime<Utc>) -> Vec<f64> {
    eventually(Duration::from_secs(600), "all that were due have started", || {
        let starts = node.starts();
        let of_time = |time: u32| {
            let due = due + APART * time;
            let mut late: Vec<f64> = starts
                .iter()
                .map(|at| (*at - due).as_seconds_f64())
                .filter(|late| (-5.0..APART.as_secs_f64() - 5.0).contains(late))
                .collect();
            late.sort_by(f64::total_cmp);
            late
        };
        let mut times = (0..4).map(of_time);
        let whole = times.find(|late| late.len() == BURST);
        whole.ok_or_else(|| format!("{starts:?}"))
    })
}

#[test]
#[expect(clippy::print_stdout, reason = "the table's numbers come from here")]
fn all_that_is_due_in_one_second_starts_and_none_early() {
    let pair = Pair::new("burst");
    pair.incumbent.note_starts();
    pair.ours.note_starts();
    let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    pair.ours.configure("[dispatch]\nmax_concurrent = 4\n");
    let daemon = Daemon::start(&pair.stack, &pair.ours);
    // Should a slow machine miss the first time, there is another.
    let first = in_seconds(40);
    let jobs = pair
        .users()
        .map(|user| user.create_plans(BURST, &again_and_again(first)));
    for job in jobs.iter().flatten() {
        pair.stack.await_written(job, "status", "scheduled");
    }
    let due = next_due(first);
    daemon.await_poll();
    let [theirs, ours] = [&pair.incumbent, &pair.ours].map(|node| await_lateness(node, due));
    assert!(ours[0] >= 0.0, "{ours:?}");
    let [theirs, ours] =
        [theirs, ours].map(|late| format!("{:.2} and {:.2} s", late[BURST / 2], late[BURST - 1]));
    println!("{BURST} due at once, 4 at a time, median and last: {ours} late; freezer-scheduler {theirs}");
}
