//! Plans of a session start together, or not at all.

use std::time::Duration;

use serde_json::{Value, json};

use super::Pair;
use crate::daemon::Daemon;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};

/// The session has started within its hold-off: the next start is refused.
#[test]
fn a_refused_start_is_a_verdict_and_no_run() {
    let pair = Pair::new("session");
    let every = json!({ "schedule_second": "*/30" });
    let jobs = pair.plans(&every);
    for (user, job) in pair.users().iter().zip(&jobs) {
        let session = user.create_session(&json!({
            "description": job,
            "hold_off": 3600,
            "schedule": every,
        }));
        user.add_to_session(&session, job);
    }
    pair.ours
        .configure("[dispatch]\nsession_refused = \"skip\"\nsession_wait = \"5s\"\n");
    let incumbent = Incumbent::start(&pair.stack, &pair.incumbent, &Options::default());
    let daemon = Daemon::start(&pair.stack, &pair.ours);
    let why = || -> Value {
        let mut command = daemon.command(&pair.stack, &["why", &jobs[1], "--format", "json"]);
        serde_json::from_str(&crate::command::succeed(&mut command, Duration::from_secs(120))).expect("JSON")
    };
    // The first start of each is taken.
    pair.incumbent.await_agent_runs(2);
    pair.ours.await_agent_runs(2);
    eventually(
        Duration::from_secs(120),
        "a refused start has its verdict",
        || {
            let told = why().to_string();
            if told.contains("session-refused") {
                Ok(())
            } else {
                Err(told)
            }
        },
    );
    assert_eq!(pair.ours.agent_runs().len(), 2, "it ran no second time");

    // incumbent: it asks five times in a moment, and runs all the same.
    incumbent.await_log("Unable to start session");
    pair.incumbent.await_agent_runs(4);
}
