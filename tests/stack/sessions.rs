//! Plans of several nodes that run as one: the API says who may start, and hears how it went.

use std::time::Duration;

use serde_json::{Value, json};

use crate::command::succeed;
use crate::daemon::{Daemon, history, known_outcomes, outcomes};
use crate::eventually::eventually;
use crate::node::{Node, in_seconds};
use crate::services::{Stack, shared_stack};
use crate::session::Session;
use crate::user::User;

/// Long enough for a busy machine; a run takes five seconds, most of them Python's.
const RUN: Duration = Duration::from_secs(120);

fn far_off() -> Value {
    json!({ "schedule_year": "2099" })
}

/// Once, as soon as it is seen.
fn at_once() -> Value {
    json!({})
}

fn why(stack: &Stack, node: &Node, job: &str) -> String {
    let mut command = stack.command(env!("CARGO_BIN_EXE_freezerd"), &node.home());
    command.args(["why", job, "--config"]).arg(node.config());
    succeed(&mut command, Duration::from_secs(120))
}

/// A plan that is due far from now, and its user's registered node.
fn plan(stack: &Stack, node: &Node) -> String {
    let user = User::of(stack, node);
    user.register_client();
    user.create_plan(&far_off())
}

#[test]
fn two_nodes_start_and_end_with_their_session() {
    let stack = shared_stack();
    let nodes = [Node::new(&stack, "session-a"), Node::new(&stack, "session-b")];
    let jobs = nodes.each_ref().map(|node| plan(&stack, node));
    // However much later one of them starts, it joins the other.
    let session = Session::new(&stack, &nodes[0], &at_once(), 3600);
    jobs.iter().for_each(|job| session.add(job));
    let daemons = nodes.each_ref().map(|node| Daemon::start(&stack, node));

    let ended = eventually(RUN, "the session is completed", || {
        let now = session.document();
        let member = |job: &String| now["jobs"][job]["status"] == "completed";
        if jobs.iter().all(member) {
            Ok(now)
        } else {
            Err(now.to_string())
        }
    });
    assert_eq!(ended["session_tag"], 1, "one round for both: {ended}");
    for (job, node) in jobs.iter().zip(&nodes) {
        assert_eq!(ended["jobs"][job]["result"], "success", "{ended}");
        assert_eq!(outcomes(&stack, node, job), [json!("success")]);
        let told = eventually(RUN, "the job knows its round", || {
            let now = User::of(&stack, node).plan(job);
            let reported = now["job_schedule"]["status"] == "completed" && now["session_tag"] == 1;
            if reported { Ok(now) } else { Err(now.to_string()) }
        });
        assert_eq!(told["session_id"], session.id.as_str());
        assert!(why(&stack, node, job).contains("in round 1 of its session"));
    }
    let shown = session.shown().to_string();
    assert!(
        shown.contains("completed") && shown.contains("success"),
        "{shown}"
    );

    // Taken out, a plan is stopped; its session goes on without it.
    session.remove(&jobs[0]);
    eventually(RUN, "the stop is answered", || {
        let now = User::of(&stack, &nodes[0]).job_schedule(&jobs[0]);
        let answered = now.get("status") == Some(&json!("stop")) && now.get("event") == Some(&json!(""));
        if answered { Ok(()) } else { Err(format!("{now:?}")) }
    });
    drop(daemons);
}

#[test]
fn one_that_comes_after_its_session_started_is_skipped_with_that_reason() {
    let stack = shared_stack();
    let (node, other) = (Node::new(&stack, "late"), Node::new(&stack, "on-time"));
    let (job, others) = (plan(&stack, &node), plan(&stack, &other));
    // One at a time: while another plan's agent waits at the gate, this one is late.
    node.configure("[dispatch]\nmax_concurrent = 1\n");
    node.close_gate();
    let _daemon = Daemon::start(&stack, &node);
    User::of(&stack, &node).create_plan(&at_once());
    node.await_agent_runs(1);
    let session = Session::new(&stack, &node, &at_once(), 2);
    session.add(&others);
    session.add(&job);
    eventually(RUN, "it waits for its place", || {
        let outcomes = known_outcomes(&stack, &node, &job)?;
        if outcomes == [Value::Null] {
            Ok(())
        } else {
            Err(format!("{outcomes:?}"))
        }
    });

    // The other node starts the session, and its hold-off passes.
    assert_eq!(session.start(&others, 0)["result"], "success");
    let started = session.document()["time_start"].as_i64().expect("its start");
    eventually(RUN, "the hold-off passes", || {
        let now = in_seconds(0).timestamp();
        if now > started + 2 {
            Ok(())
        } else {
            Err(now.to_string())
        }
    });
    node.open_gate();
    let told = eventually(RUN, "a verdict", || {
        let told = why(&stack, &node, &job);
        if told.contains("skipped: session-refused") {
            Ok(told)
        } else {
            Err(told)
        }
    });
    assert!(told.contains("its session did not let it start"), "{told}");
    assert_eq!(node.agent_runs().len(), 2, "the other plan's start and end");
    assert_eq!(history(&stack, &node, &job), Vec::<Value>::new());
}

#[test]
fn a_due_time_within_the_hold_off_waits_for_it_to_pass() {
    let hold_off = 20;
    let stack = shared_stack();
    let node = Node::new(&stack, "held-off");
    let job = plan(&stack, &node);
    let session = Session::new(&stack, &node, &json!({ "schedule_second": "*/5" }), hold_off);
    session.add(&job);
    let daemon = Daemon::start(&stack, &node);
    eventually(RUN, "a second round", || {
        let starts = node
            .agent_runs()
            .iter()
            .filter(|line| line.starts_with("start"))
            .count();
        if starts >= 2 { Ok(()) } else { Err(daemon.log()) }
    });
    assert!(daemon.log().contains("hold-off"), "{}", daemon.log());
    let now = session.document();
    assert!(now["session_tag"].as_i64() >= Some(2), "{now}");
    let mut starts = eventually(RUN, "both are recorded", || {
        let runs = history(&stack, &node, &job);
        let started = |run: &Value| {
            run["started"]
                .as_str()?
                .parse::<chrono::DateTime<chrono::Utc>>()
                .ok()
        };
        let starts: Vec<_> = runs.iter().filter_map(started).collect();
        if starts.len() >= 2 {
            Ok(starts)
        } else {
            Err(format!("{runs:?}"))
        }
    });
    // Each started when the API had let it start its round, which it does not do before the hold-off is over.
    starts.sort();
    let rounds = stack.rounds(&session.id);
    assert!(rounds.len() >= 2, "{rounds:?}");
    for (start, round) in starts.iter().zip(&rounds) {
        assert!(start.timestamp() >= *round, "{starts:?}, {rounds:?}");
    }
}
