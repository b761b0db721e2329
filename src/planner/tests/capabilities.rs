use super::*;

fn of(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|&word| word.to_owned()).collect())
}

/// An hourly plan with these `freezer_action`s.
fn doing(id: &str, actions: &[Value]) -> Plan {
    let actions: Vec<Value> = actions
        .iter()
        .map(|action| json!({"freezer_action": action}))
        .collect();
    document(json!({"job_id": id, "job_schedule": {"schedule_minute": "0"}, "job_actions": actions}))
}

fn limited() -> Capabilities {
    Capabilities {
        actions: of(&["backup", "exec"]),
        modes: of(&["fs", "mysql"]),
        storages: of(&["local"]),
        engines: of(&["tar"]),
    }
}

fn said(capabilities: &Capabilities, actions: &[Value]) -> Option<String> {
    let unsupported = capabilities.unsupported(&doing("a", actions));
    unsupported.map(|unsupported| unsupported.to_string())
}

#[test]
fn without_lists_everything_is_supported() {
    let all = Capabilities::default();
    let odd = json!({"action": "backup", "mode": "hci-volumes", "storage": "tape", "engine_name": 7});
    assert_eq!(said(&all, &[odd]), None);
    assert_eq!(said(&all, &[]).as_deref(), Some("it has no actions"));
}

#[test]
fn what_is_not_listed_is_named_by_key_and_value() {
    for (action, expected) in [
        (
            json!({"action": "restore"}),
            Some("does not support action \"restore\""),
        ),
        (
            json!({"action": "backup", "mode": "hci-volumes"}),
            Some("mode \"hci-volumes\""),
        ),
        (
            json!({"action": "backup", "storage": "s3"}),
            Some("storage \"s3\""),
        ),
        (
            json!({"action": "backup", "engine_name": "rsync"}),
            Some("engine_name \"rsync\""),
        ),
        (json!({"mode": "FS"}), Some("mode \"FS\"")),
        (json!({"mode": ["fs"]}), Some("mode \"[\"fs\"]\"")),
        (json!({"mode": "\u{1b}[2J"}), Some("mode \"\\u{1b}[2J\"")),
        // What a plan does not say, its agent takes a default for.
        (
            json!({"action": "backup", "mode": "", "storage": null, "engine_name": false}),
            None,
        ),
        (
            json!({"action": "backup", "mode": "mysql", "storage": "local", "engine_name": "tar"}),
            None,
        ),
        // A key that says nothing about what a node can do.
        (json!({"action": "backup", "engine": "rsync"}), None),
    ] {
        let said = said(&limited(), &[action.clone()]);
        match (&said, expected) {
            (Some(said), Some(expected)) => assert!(said.contains(expected), "{action}: {said}"),
            (said, expected) => assert_eq!(said.as_deref(), expected, "{action}"),
        }
    }
}

#[test]
fn every_missing_value_is_named_once() {
    let actions = [
        json!({"action": "backup", "mode": "fs"}),
        json!({"action": "backup", "mode": "nova", "storage": "s3"}),
        json!({"action": "admin", "mode": "nova"}),
    ];
    assert_eq!(
        said(&limited(), &actions).as_deref(),
        Some(
            "this node does not support mode \"nova\" nor storage \"s3\" nor action \"admin\" (see [capabilities])"
        )
    );
}

#[test]
fn an_empty_list_supports_only_plans_that_ask_for_nothing() {
    let none = Capabilities {
        modes: of(&[]),
        ..Capabilities::default()
    };
    assert_eq!(said(&none, &[json!({"action": "backup"})]), None);
    assert!(said(&none, &[json!({"action": "backup", "mode": "fs"})]).is_some());
}

#[test]
fn an_unsupported_plan_is_skipped_until_the_node_supports_it() {
    let limits = Policy {
        capabilities: limited(),
        ..policy()
    };
    let plans = vec![
        doing("yes", &[json!({"action": "backup", "mode": "fs"})]),
        doing("no", &[json!({"action": "backup", "mode": "hci-volumes"})]),
        // Both are true of it; what the node never does comes before what it is not allowed.
        doing("both", &[json!({"action": "exec", "mode": "hci-volumes"})]),
    ];
    let mut world = World::new("2026-03-01T00:30:00Z", limits, plans);
    world.live_until("2026-03-01T01:00:00Z");
    assert_eq!(
        world.verdicts("yes"),
        ["2026-03-01T01:00:00Z run yes-20260301T010000Z"]
    );
    for id in ["no", "both"] {
        assert_eq!(world.verdicts(id), ["2026-03-01T01:00:00Z skipped Unsupported"]);
    }
    assert_eq!(world.planner.counts().unsupported, 2);

    // Reloaded without lists: the next due time runs, the one before stays skipped.
    world.tell(Input::Policy(Box::new(policy())));
    world.live_until("2026-03-01T02:00:00Z");
    assert_eq!(
        world.verdicts("no"),
        [
            "2026-03-01T01:00:00Z skipped Unsupported",
            "2026-03-01T02:00:00Z run no-20260301T020000Z"
        ]
    );
    assert_eq!(
        world.verdicts("both").last().map(String::as_str),
        Some("2026-03-01T02:00:00Z skipped ExecDenied")
    );
}
