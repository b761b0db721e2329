//! Two schedulers of one `client_id`, which nobody meant to have.

use std::time::Duration;

use serde_json::json;

use super::{Pair, at_once};
use crate::daemon::Daemon;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};

#[test]
fn two_schedulers_of_one_client_id_are_told() {
    let pair = Pair::new("two");
    let [theirs, ours] = pair.users();
    // incumbent: each runs everything, and nobody says so.
    let options = || Options {
        client_id: Some(pair.incumbent.client_id.clone()),
        ..Options::default()
    };
    pair.close_gates();
    let job = theirs.create_plan(&at_once());
    let first = Incumbent::start(&pair.stack, &pair.incumbent, &options());
    let second = Incumbent::start(&pair.stack, &pair.ours, &options());
    for node in [&pair.incumbent, &pair.ours] {
        node.await_agent_runs(1);
    }
    pair.open_gates();
    for node in [&pair.incumbent, &pair.ours] {
        node.await_agent_runs(2);
    }
    pair.stack.await_written(&job, "status", "completed");
    first.kill();
    second.kill();
    theirs.delete_plan(&job);

    // Beside one of them, freezerd says so; it runs what is due, as it must when the other one ends.
    let options = Options {
        client_id: Some(pair.ours.client_id.clone()),
        ..Options::default()
    };
    // (Ours are short: what the other one has written stands until the next begins.)
    pair.ours.note_starts();
    let daemon = Daemon::start(&pair.stack, &pair.ours);
    let _incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &options);
    ours.create_plan(&json!({ "schedule_second": "*/30" }));
    eventually(Duration::from_secs(240), "another scheduler is seen", || {
        let seen: u64 = daemon.metric("freezerd_foreign_runs_total")?;
        if seen > 0 { Ok(()) } else { Err("none".to_owned()) }
    });
    assert!(daemon.log().contains("another scheduler runs this plan too"));
}
