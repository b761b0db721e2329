//! A node registers by itself, so that users see it and can give it plans: as freezer-scheduler does, which
//! runs beside it here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::eventually::eventually;
use crate::incumbent::{Incumbent, Options};
use crate::node::Node;
use crate::services::{Stack, shared_stack};
use crate::user::User;

/// The client, once it is registered.
fn await_client(user: &User<'_>, client_id: &str) -> Value {
    eventually(
        Duration::from_secs(120),
        "the client is registered",
        || match user.client(client_id) {
            Value::Null => Err("no such client".to_owned()),
            client => Ok(client),
        },
    )
}

fn await_log(daemon: &Daemon<'_>, text: &str) {
    eventually(Duration::from_secs(120), text, || {
        let log = daemon.log();
        if log.contains(text) { Ok(()) } else { Err(log) }
    });
}

/// What freezer-scheduler registers as `client_id` on this machine, with its defaults.
fn registered_by_freezer_scheduler(stack: &Stack, node: &Node, user: &User<'_>, client_id: &str) -> Value {
    let options = Options {
        client_id: Some(client_id.to_owned()),
        ..Options::default()
    };
    let _scheduler = Incumbent::start(stack, node, &options);
    await_client(user, client_id)
}

#[test]
fn a_node_registers_as_freezer_scheduler_does() {
    let stack = shared_stack();
    let node = Node::new(&stack, "register");
    let user = User::of(&stack, &node);
    let id = &node.client_id;
    assert_eq!(user.client(id), Value::Null);

    let daemon = Daemon::start(&stack, &node);
    let ours = await_client(&user, id);
    let incumbents = registered_by_freezer_scheduler(&stack, &node, &user, &format!("{id}-incumbent"));
    let alike = |client: &Value| {
        let mut client = client.as_object().cloned().unwrap_or_default();
        client.retain(|key, _| key != "uuid" && key != "client_id");
        client
    };
    assert_eq!(alike(&ours), alike(&incumbents));
    assert_eq!(ours.get("client_id"), Some(&json!(id)));
    let shown = user.shown_client(id);
    assert_eq!(shown.get("Client ID"), Some(&json!(id)));
    assert_eq!(shown.get("hostname"), ours.get("hostname"));
    let job = user.create_plan(&json!({ "schedule_hour": "3" }));
    daemon.await_plan(&job);

    // Once more, with lists of its own: the same entry, brought up to date.
    assert!(daemon.stop().success());
    node.configure(
        "[capabilities]\nsupported_actions = [\"backup\"]\nsupported_modes = [\"fs\", \"mysql\"]\n",
    );
    let daemon = Daemon::start(&stack, &node);
    await_log(&daemon, "registered as a client");
    let again = user.client(id);
    assert_eq!(again.get("supported_actions"), Some(&json!(["backup"])));
    assert_eq!(again.get("supported_modes"), Some(&json!(["fs", "mysql"])));
    assert_eq!(again.get("supported_engines"), ours.get("supported_engines"));
    assert_eq!(again.get("uuid"), ours.get("uuid"));
    assert_eq!(user.listed_clients(id).len(), 1);
    // And a third time, with nothing new to say.
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&stack, &node);
    await_log(&daemon, "registered as a client");
    assert_eq!(user.client(id), again);
    assert_eq!(
        user.plan(&job).get("client_id"),
        Some(&json!(id)),
        "its plans are as they were"
    );
}

#[test]
fn who_may_not_be_central_is_registered_all_the_same_and_who_may_is_central() {
    let stack = shared_stack();
    let node = Node::new(&stack, "central");
    let user = User::of(&stack, &node);
    node.configure("[api]\ncentral = true\n");
    let daemon = Daemon::start(&stack, &node);
    await_log(&daemon, "registered as a client");
    assert_eq!(
        daemon.log().matches("not registered as a central client").count(),
        1
    );
    let client = user.client(&node.client_id);
    assert_eq!(client.get("is_central"), Some(&json!(false)));
    assert!(daemon.stop().success());

    let node = Node::new(&stack, "central");
    node.configure("[api]\ncentral = true\n");
    let service = [("OS_USERNAME", "freezer"), ("OS_PROJECT_NAME", "service")];
    let daemon = Daemon::start_with(&stack, &node, &[], &service);
    await_log(&daemon, "registered as a client");
    // A central client is seen from every project.
    let client = user.client(&node.client_id);
    assert_eq!(client.get("is_central"), Some(&json!(true)));
    assert!(!daemon.log().contains("not registered"), "{}", daemon.log());
}

#[test]
fn in_shadow_or_when_told_not_to_a_node_does_not_register() {
    let stack = shared_stack();
    let node = Node::new(&stack, "unseen");
    let user = User::of(&stack, &node);
    let daemon = Daemon::start_with(&stack, &node, &["--shadow"], &[]);
    daemon.await_poll();
    assert_eq!(user.client(&node.client_id), Value::Null);
    assert!(daemon.stop().success());
    let daemon = Daemon::start_with(&stack, &node, &[], &[("FREEZERD_API__REGISTER", "false")]);
    daemon.await_poll();
    assert_eq!(user.client(&node.client_id), Value::Null);
}
