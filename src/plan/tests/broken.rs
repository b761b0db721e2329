//! Documents that are wrong, by mistake or on purpose.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{document, problem, problems};
use crate::plan::parse;

#[test]
fn actions_that_are_none() {
    let wrong = |actions: Value| problem(&json!({"job_actions": actions}));
    assert_eq!(wrong(json!({})), ("job_actions".into(), "an object".into()));
    assert_eq!(wrong(json!("backup")), ("job_actions".into(), "backup".into()));
    assert_eq!(wrong(json!([7])), ("job_actions[0]".into(), "7".into()));
    assert_eq!(
        wrong(json!([{}])),
        ("job_actions[0].freezer_action".into(), String::new())
    );
    assert_eq!(
        wrong(json!([{"freezer_action": null}])),
        ("job_actions[0].freezer_action".into(), String::new())
    );
    let second = json!([{"freezer_action": {}}, {"freezer_action": {}, "max_retries": 1.5}]);
    assert_eq!(wrong(second), ("job_actions[1].max_retries".into(), "1.5".into()));
    for value in [
        json!(-1),
        json!("many"),
        json!([]),
        json!(true),
        json!(4_294_967_296_u64),
    ] {
        let (field, _) = wrong(json!([{"freezer_action": {}, "max_retries_interval": value}]));
        assert_eq!(field, "job_actions[0].max_retries_interval", "{value}");
    }
    let (field, _) = wrong(json!([{"freezer_action": {}, "mandatory": "perhaps"}]));
    assert_eq!(field, "job_actions[0].mandatory");
}

#[test]
fn a_number_is_no_id_but_is_called_by_its_digits() {
    let found = problems(&json!({"job_id": 12, "name": "Nightly"}));
    assert_eq!(
        (found[0].job_id.as_str(), found[0].field.as_str()),
        ("12", "job_id")
    );
}

#[test]
fn a_document_without_an_id_is_called_by_its_place() {
    let long = "x".repeat(256);
    for id in [
        json!("\0"),
        json!(null),
        json!(""),
        json!("  "),
        json!(["j1"]),
        json!("a\nb"),
        json!(long),
    ] {
        let found = problems(&json!({"job_id": id, "name": "Nightly"}));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].job_id.as_str(), found[0].field.as_str()),
            ("here", "job_id"),
            "{id}"
        );
        assert_eq!(found[0].name.as_deref(), Some("Nightly"));
    }
}

#[test]
fn schedule_fields_of_a_wrong_sort() {
    for (value, shown) in [
        (json!(true), "true"),
        (json!([1]), "a list"),
        (json!({"a": 1}), "an object"),
        (json!(1.0), "1.0"),
        (json!(1e3), "1000.0"),
    ] {
        let wrong = problem(&json!({"job_schedule": {"schedule_hour": value}}));
        assert_eq!(wrong, ("schedule_hour".into(), shown.into()));
    }
    for value in [json!([]), json!("daily"), json!(7), json!(false)] {
        assert_eq!(
            problem(&json!({"job_schedule": value})).0,
            "job_schedule",
            "{value}"
        );
    }
    assert_eq!(
        problem(&json!({"job_schedule": {"event": {"start": null}}})).0,
        "job_schedule.event"
    );
    assert_eq!(problem(&json!({"status": 5})).0, "status");
}

#[test]
fn every_fault_is_told_at_once() {
    let found = problems(&json!({
        "job_schedule": {"schedule_hour": "25", "schedule_minute": [], "schedule_month": "13"},
        "job_actions": [{}, {"freezer_action": 1}],
        "disabled": "maybe",
    }));
    let mut fields: Vec<_> = found.iter().map(|problem| problem.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "disabled",
            "job_actions[0].freezer_action",
            "job_actions[1].freezer_action",
            "schedule_hour",
            "schedule_minute",
            "schedule_month"
        ]
    );
}

#[test]
fn what_is_no_document() {
    for text in [
        "",
        "nonsense",
        "{\"job_id\": \"j1\"",
        "[]",
        "null",
        "7",
        "\"text\"",
        "{\"job_id\": \"j1\"} x",
    ] {
        let found = parse(text, "document 3").expect_err("no document");
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].job_id.as_str(), found[0].field.as_str()),
            ("document 3", ""),
            "{text}"
        );
    }
}

#[test]
fn a_key_given_twice_is_named() {
    let text = r#"{"job_id": "j1", "name": "n", "job_actions": [], "job_actions": []}"#;
    let found = parse(text, "here").expect_err("ambiguous");
    assert_eq!(
        (found[0].job_id.as_str(), found[0].name.as_deref()),
        ("j1", Some("n"))
    );
    assert!(
        found[0].error.contains("duplicate field `job_actions`"),
        "{}",
        found[0].error
    );
    let text = r#"{"job_id": "j1", "job_schedule": {"schedule_hour": 1, "schedule_hour": 2}}"#;
    let found = parse(text, "here").expect_err("ambiguous");
    assert_eq!(
        (found[0].job_id.as_str(), found[0].field.as_str()),
        ("j1", "job_schedule")
    );
}

#[test]
fn hostile_documents() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let ignored = format!(r#"{{"job_id": "j1", "job_actions": [], "other": {deep}}}"#);
    assert!(parse(&ignored, "here").is_ok());
    let inside = format!(r#"{{"job_id": "j1", "job_actions": [{{"freezer_action": {{"a": {deep}}}}}]}}"#);
    let found = parse(&inside, "here").expect_err("too deep");
    assert_eq!(found[0].field, "job_actions[0].freezer_action");
    let surrogate = r#"{"job_id": "j1", "name": "\ud800", "job_schedule": {"schedule_hour": "\udc00"}}"#;
    let found = parse(surrogate, "here").expect_err("half a character");
    assert_eq!(found[0].field, "schedule_hour");
    let huge = "9".repeat(1_000_000);
    let found = problems(&json!({"job_schedule": {"schedule_hour": huge}}));
    assert!(
        found
            .iter()
            .all(|problem| problem.text.len() < 1000 && problem.error.len() < 5000)
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[0-9*/,-]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Whatever stands at a known key: a plan or problems, each with a job_id, never a panic.
    #[test]
    fn any_value_at_any_key(
        top in prop::sample::select(vec!["job_id", "project_id", "name", "client_id", "status", "disabled",
            "created_at", "started_at", "job_schedule", "job_actions"]),
        inner in prop::sample::select(vec!["schedule_hour", "schedule_day", "schedule_interval", "schedule_date",
            "schedule_end_date", "event", "status", "time_started"]),
        entry in prop::sample::select(vec!["freezer_action", "max_retries", "mandatory"]),
        values in (any_json(), any_json(), any_json()),
    ) {
        let changes = [
            json!({top: values.0}),
            json!({"job_schedule": {inner: values.1}}),
            json!({"job_actions": [{"freezer_action": {}, entry: values.2}]}),
        ];
        for change in changes {
            match parse(&document(&change), "here") {
                Ok(parsed) => prop_assert!(!parsed.plan.id.as_str().is_empty() && !parsed.plan.name.is_empty()),
                Err(found) => {
                    prop_assert!(!found.is_empty());
                    for problem in found {
                        let digits = problem.job_id.parse::<f64>().is_ok();
                        prop_assert!(problem.job_id == "j1" || problem.job_id == "here" || digits);
                        prop_assert!(problem.text.chars().count() <= 200 && !problem.error.is_empty());
                    }
                }
            }
        }
    }
}
