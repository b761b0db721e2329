//! The stack is what the other tests take it for: its parts work together without freezerd.

use std::time::Duration;

use serde_json::{Value, json};

use crate::command::{run, succeed};
use crate::end_to_end::assert_same;
use crate::node::Node;
use crate::services::{shared_stack, stack};
use crate::user::{User, schedule_keys};

#[test]
fn a_plan_is_kept_and_the_agent_backs_up_and_restores() {
    let stack = shared_stack();
    let node = Node::new(&stack, "itself");
    let user = User::of(&stack, &node);
    user.register_client();
    let schedule = json!({ "schedule_second": "*/5" });
    let job = user.create_plan(&schedule);
    assert_eq!(Value::Object(schedule_keys(&user.job_schedule(&job))), schedule);
    let edited = json!({ "schedule_hour": "3" });
    user.reschedule_plan(&job, &edited);
    assert_eq!(Value::Object(schedule_keys(&user.job_schedule(&job))), edited);
    let seen = stack.patches(&job);
    assert_eq!(
        seen.iter()
            .map(|seen| (seen.job_schedule(), seen.status))
            .collect::<Vec<_>>(),
        [(edited, 200)]
    );

    let mut ini = String::from("[action]\n");
    for (key, value) in node.backup_action().as_object().into_iter().flatten() {
        ini.push_str(&format!("{key} = {}\n", value.as_str().unwrap_or_default()));
    }
    std::fs::write(node.path("backup.ini"), ini).expect("the agent's INI");
    let agent = node.path("agent");
    let mut command = stack.command(agent.to_str().expect("a path in UTF-8"), &node.home());
    command
        .args(["--metadata-out", "-", "--config"])
        .arg(node.path("backup.ini"));
    let metadata: Value =
        serde_json::from_str(&succeed(&mut command, Duration::from_secs(60))).expect("metadata");
    assert_eq!(metadata.get("backup_name"), Some(&json!("data")));
    user.restore(&node.path("restored"));
    assert_same(&node.data(), &node.path("restored"));
}

#[test]
fn the_api_goes_and_comes_back_with_its_plans() {
    let stack = stack();
    let node = Node::new(&stack, "back");
    let user = User::of(&stack, &node);
    user.register_client();
    let job = user.create_plan(&json!({ "schedule_hour": "3" }));
    stack.stop_api();
    let mut list = stack.command(stack.value("STACK_FREEZER"), &node.home());
    let refused = run(list.args(["job-get", &job]), Duration::from_secs(60));
    assert!(!refused.status.success(), "{refused:?}");
    stack.start_api();
    assert_eq!(user.plan(&job).get("client_id"), Some(&json!(node.client_id)));
}
