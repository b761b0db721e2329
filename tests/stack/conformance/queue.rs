//! More is due than may run at once.

use super::{Pair, at_once};
use crate::daemon::Daemon;
use crate::end_to_end::await_result;
use crate::incumbent::{Incumbent, Options};

/// How many plans are due at once.
const PLANS: usize = 3;

#[test]
fn waiting_in_the_queue_never_expires_a_run() {
    let pair = Pair::new("queue");
    pair.close_gates();
    pair.ours.configure("[dispatch]\nmax_concurrent = 1\n");
    let jobs: Vec<[String; 2]> = (0..PLANS).map(|_| pair.plans(&at_once())).collect();
    // Three seconds in the place of its hour; else it is as it comes.
    let impatient = Options {
        concurrent_jobs: 1,
        grace: Some(3),
        ..Options::default()
    };
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &impatient);
    let _daemon = Daemon::start(&pair.stack, &pair.ours);
    pair.incumbent.await_agent_runs(1);
    pair.ours.await_agent_runs(1);
    // More than its grace.
    incumbent.await_polls(6);
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
