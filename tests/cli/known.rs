//! Which plan is meant, and what is said of one that stands still.

use freezerd::plan::JobId;
use freezerd::planner::Record;
use serde_json::json;

use crate::node::{Node, plan, plan_of};

/// Plans that are not due by themselves say why.
#[test]
fn plans_that_stand_still() {
    let with = |change: serde_json::Value, schedule: serde_json::Value| {
        let mut document = json!({"job_id": "n1", "name": "still", "job_schedule": schedule,
            "job_actions": [{"freezer_action": {"action": "backup"}}]});
        for (key, value) in change.as_object().unwrap() {
            document[key] = value.clone();
        }
        let record = plan_of("n1", "still", &document, "2026-03-29T09:00:00Z");
        let facts = Node::new(&[record]).run(&["why", "still"]).fine();
        let facts: Vec<&str> = facts.lines().take_while(|line| !line.is_empty()).collect();
        let asked = |line: &&&str| {
            ["schedule", "standing", "next due", "RPO"]
                .iter()
                .any(|label| line.trim().starts_with(label))
        };
        let facts: Vec<&str> = facts.iter().filter(asked).copied().collect();
        facts.join("\n")
    };
    let daily = || json!({"schedule_hour": "1", "schedule_day_of_week": "mon-fri"});
    let exec = json!({"job_actions": [{"freezer_action": {"action": "exec", "command": "true"}}]});
    let all = [
        with(json!({}), json!({"schedule_hour": "1", "status": "stop"})),
        with(json!({"status": "scheduled", "disabled": true}), daily()),
        with(json!({"job_actions": []}), daily()),
        with(exec, daily()),
        with(json!({"status": "scheduled"}), json!({})),
        with(json!({}), json!({"schedule_date": "2026-03-01T00:00:00Z"})),
        with(json!({}), json!({"schedule_interval": "continuous"})),
        with(json!({}), json!({"schedule_interval": "90 minutes"})),
        with(json!({}), json!({"schedule_hour": "25"})),
    ];
    insta::assert_snapshot!("why_still", all.join("\n---\n"));
}

/// A plan that is gone keeps its history; and of two with its name, the one that lives is meant.
#[test]
fn plans_of_one_name() {
    let named = |id: &str| plan(id, "twin", &json!({"schedule_hour": 2}), "2026-03-29T00:00:00Z");
    let forget = |id: &str| Record::Forget { job: JobId::new(id) };
    let node = Node::new(&[named("a"), named("b"), named("c"), named("twins"), forget("c")]);
    let several = node.run(&["why", "twin"]).refused(1);
    insta::assert_snapshot!("why_namesakes", several);
    assert_eq!(node.run(&["history", "twin"]).refused(1), several);
    assert!(
        node.run(&["why", "b"])
            .fine()
            .starts_with("twin (id b, project p1)\n")
    );
    let gone = node.run(&["why", "c"]).fine();
    assert!(
        gone.contains("standing      gone from its source; only its history is kept\n"),
        "{gone}"
    );

    drop(node.daemon(&[forget("a"), forget("twins")]));
    let living = node.run(&["why", "twin"]);
    assert_eq!(
        living.stderr,
        "plans of this name that are gone, by their ids: a, c, twins\n"
    );
    assert!(living.fine().starts_with("twin (id b, project p1)\n"));
    drop(node.daemon(&[forget("b")]));
    node.run(&["why", "twin"]).refused(1);
}

#[test]
fn a_plan_that_nobody_knows() {
    let node = Node::new(&[plan(
        "n1",
        "nightly",
        &json!({"schedule_hour": 2}),
        "2026-03-29T01:00:00Z",
    )]);
    for command in ["why", "history"] {
        assert_eq!(
            node.run(&[command, "nigthly"]).refused(1),
            "freezerd: the ledger knows no plan with the id or name \"nigthly\"; did you mean \"nightly\"?\n"
        );
        assert_eq!(
            node.run(&[command, "something else"]).refused(1),
            "freezerd: the ledger knows no plan with the id or name \"something else\" \
             (one whose document could never be used is named by `freezerd check`)\n"
        );
        let without = Node::without_ledger();
        assert_eq!(
            without.run(&[command, "nightly"]).refused(1),
            "freezerd: /state/ledger.db: there is no ledger here; has the daemon run with this state_dir?\n"
        );
    }
}
