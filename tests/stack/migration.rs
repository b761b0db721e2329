//! README.md's "Migrate from freezer-scheduler", step by step: the commands are those that stand there, but for the
//! places of files.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::command::{run, succeed};
use crate::daemon::{Daemon, outcomes};
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};
use crate::node::Node;
use crate::services::{Stack, shared_stack};
use crate::user::User;

const LIMIT: Duration = Duration::from_secs(60);

/// What a package would have put in its place.
fn places(node: &Node) -> Vec<(&'static str, String)> {
    let text = |name| node.path(name).display().to_string();
    vec![
        ("FREEZERD_RUNTIME_DIR", text("run")),
        ("FREEZERD_DISPATCH__AGENT", text("agent")),
        ("FREEZERD_DISPATCH__LAUNCHER", "process".to_owned()),
        ("FREEZERD_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
    ]
}

fn freezerd(stack: &Stack, node: &Node, arguments: &[&str]) -> Command {
    let mut command = stack.command(env!("CARGO_BIN_EXE_freezerd"), &node.home());
    command.args(arguments).envs(places(node));
    command
}

fn start<'a>(stack: &Stack, node: &'a Node, arguments: &[&str]) -> Daemon<'a> {
    let places = places(node);
    let variables: Vec<(&str, &str)> = places
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Daemon::start_with(stack, node, arguments, &variables)
}

#[test]
fn the_guide_is_walked_through() {
    let stack = shared_stack();
    let node = Node::new(&stack, "migrate");
    let user = User::of(&stack, &node);
    user.register_client();
    let incumbent = Incumbent::start(&stack, &node, &Options::default());

    // import-config, of the very file that freezer-scheduler runs with.
    let config = node.config().display().to_string();
    let secrets = node.path("secrets").display().to_string();
    let old = node.path("scheduler.conf").display().to_string();
    let imported = run(
        &mut freezerd(&stack, &node, &["import-config", "--secrets", &secrets, &old]),
        LIMIT,
    );
    assert!(imported.status.success(), "{}", imported.stderr);
    let text = |name| node.path(name).display().to_string();
    // The one line that is not the guide's: the test's ledger is not the machine's.
    let configuration = format!("state_dir = {:?}\n{}", text("state"), imported.stdout);
    fs::write(node.config(), configuration).expect("the configuration");
    let checked = run(
        &mut freezerd(&stack, &node, &["check", "--config", &config]),
        LIMIT,
    );
    assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);

    // In shadow beside it, for a while.
    let shadow = start(&stack, &node, &["--shadow"]);
    let job = user.create_plan(&json!({ "schedule_second": "*/30" }));
    shadow.await_plan(&job);
    let report = |arguments: &[&str]| -> Value {
        let all = [
            &["shadow-report", "--format", "json", "--config", &config],
            arguments,
        ]
        .concat();
        let printed = succeed(&mut freezerd(&stack, &node, &all), LIMIT);
        serde_json::from_str(&printed).expect("JSON of freezerd shadow-report")
    };
    let seen = eventually(Duration::from_secs(150), "two runs of it are seen", || {
        let whole = report(&[&job]);
        let ran = |line: &&Value| {
            line["scheduler"] == "ran" && line["freezerd"] == "run" && line["result"] == "success"
        };
        let lines = whole["due_times"].as_array().expect("due times").clone();
        if lines.iter().filter(ran).count() >= 2 {
            Ok(lines)
        } else {
            Err(whole.to_string())
        }
    });
    // What freezer-scheduler ran before the shadow knew of the plan was due for the one and not for the other.
    for line in seen
        .iter()
        .filter(|line| line["freezerd"] == "run" && line["scheduler"] == "ran")
    {
        let late = line["late_seconds"].as_i64().expect("how late");
        assert!((0..30).contains(&late), "{line}");
    }
    assert_eq!(
        outcomes(&stack, &node, &job),
        [Value::Null; 0],
        "the shadow ran nothing"
    );

    // Over to freezerd.
    incumbent.kill();
    assert!(shadow.stop().success());
    let before = node
        .agent_runs()
        .iter()
        .filter(|line| line.as_str() == "start ")
        .count();
    assert!(before >= 2, "{:?}", node.agent_runs());
    let daemon = start(&stack, &node, &[]);
    eventually(Duration::from_secs(120), "freezerd runs it", || {
        let outcomes = outcomes(&stack, &node, &job);
        if outcomes.contains(&json!("success")) {
            Ok(())
        } else {
            Err(format!("{outcomes:?}"))
        }
    });
    assert!(daemon.stop().success());
}
