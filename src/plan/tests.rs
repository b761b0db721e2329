use chrono::{TimeZone, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schedule::Kind;

/// A small good document, with `change` laid over it; `"\0"` takes a key away.
fn document(change: &Value) -> String {
    let mut document = json!({
        "job_id": "j1",
        "job_schedule": {"schedule_hour": "13", "schedule_minute": "00"},
        "job_actions": [{"freezer_action": {"action": "backup", "mode": "fs"}}],
    });
    for (key, value) in change.as_object().expect("an object") {
        if value == "\0" {
            document.as_object_mut().expect("an object").remove(key);
        } else {
            document[key] = value.clone();
        }
    }
    document.to_string()
}

fn plan(change: &Value) -> Plan {
    parse(&document(change), "here").expect("a good document").plan
}

fn problems(change: &Value) -> Vec<Problem> {
    parse(&document(change), "here").expect_err("a broken document")
}

/// The one problem, as (field, text).
fn problem(change: &Value) -> (String, String) {
    let found = problems(change);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].job_id, "j1");
    (found[0].field.clone(), found[0].text.clone())
}

#[test]
fn integers_and_texts_mean_the_same() {
    let texts = plan(&json!({"job_schedule": {"schedule_hour": "13", "schedule_minute": "00"}}));
    let numbers = plan(&json!({"job_schedule": {"schedule_hour": 13, "schedule_minute": 0}}));
    assert_eq!(texts.schedule, numbers.schedule);
    assert_eq!(texts.schedule.kind(), Kind::Calendar);
}

#[test]
fn nulls_and_unknown_keys_are_normal() {
    let text = document(&json!({
        "job_schedule": {"schedule_hour": "13", "schedule_minute": 0, "schedule_day": null, "event": null,
                         "status": null, "something": {"else": []}},
        "project_id": null, "name": null, "session_tag": 0, "new": [{"deep": [[[[]]]]}],
    }));
    let parsed = parse(&text, "here").expect("a good document");
    assert_eq!(parsed.plan.schedule, plan(&json!({})).schedule);
    assert_eq!(&*parsed.plan.document, text);
    assert_eq!(parsed.plan.project, None);
    assert_eq!(parsed.warnings, []);
}

#[test]
fn the_dialect_decides_what_no_schedule_means() {
    let upstream = plan(&json!({"job_schedule": {}}));
    assert_eq!(
        (upstream.dialect, upstream.schedule.kind()),
        (Dialect::Upstream, Kind::Once)
    );
    assert_eq!(plan(&json!({"job_schedule": null})).schedule.kind(), Kind::Once);
    assert_eq!(plan(&json!({"job_schedule": "\0"})).schedule.kind(), Kind::Once);
    for key in ["status", "disabled"] {
        let erased = plan(&json!({"job_schedule": {}, key: null}));
        assert_eq!(
            (erased.dialect, erased.schedule.kind()),
            (Dialect::Virtuozzo, Kind::Manual),
            "{key}"
        );
    }
}

#[test]
fn texts_that_upstream_reads_as_left_out() {
    let empty = json!({"schedule_date": "", "schedule_interval": "", "schedule_start_date": "",
                       "schedule_end_date": "", "schedule_hour": "13", "schedule_minute": "00"});
    assert_eq!(
        plan(&json!({"job_schedule": empty})).schedule,
        plan(&json!({})).schedule
    );
}

#[test]
fn standing_follows_what_was_asked_last() {
    let standing = |schedule: Value| plan(&json!({"job_schedule": schedule})).standing;
    assert_eq!(standing(json!({})), Standing::Active);
    assert_eq!(standing(json!({"status": "scheduled"})), Standing::Active);
    assert_eq!(standing(json!({"status": "completed"})), Standing::Active);
    assert_eq!(standing(json!({"status": "stop"})), Standing::Stopped);
    assert_eq!(
        standing(json!({"status": "stop", "event": ""})),
        Standing::Stopped
    );
    assert_eq!(
        standing(json!({"status": "stop", "event": "start"})),
        Standing::Active
    );
    for event in ["stop", "abort", "remove"] {
        assert_eq!(
            standing(json!({"status": "scheduled", "event": event})),
            Standing::Stopped,
            "{event}"
        );
    }
}

#[test]
fn virtuozzo_keeps_its_standing_at_the_top() {
    let standing = |change: Value| plan(&change).standing;
    assert_eq!(
        standing(json!({"status": "scheduled", "disabled": false})),
        Standing::Active
    );
    assert_eq!(standing(json!({"status": "stop"})), Standing::Stopped);
    assert_eq!(
        standing(json!({"status": "stopped", "disabled": false})),
        Standing::Stopped
    );
    assert_eq!(
        standing(json!({"status": "scheduled", "disabled": true})),
        Standing::Disabled
    );
    assert_eq!(standing(json!({"disabled": "true"})), Standing::Disabled);
    assert_eq!(standing(json!({"disabled": 0})), Standing::Active);
    assert_eq!(
        problem(&json!({"disabled": "maybe"})),
        ("disabled".into(), "maybe".into())
    );
    // In a document with a `status` of its own, the one in job_schedule is nobody's.
    assert_eq!(
        standing(json!({"status": "scheduled", "job_schedule": {"status": "stop"}})),
        Standing::Active
    );
}

#[test]
fn times_of_the_api() {
    let noon = Utc
        .with_ymd_and_hms(2024, 5, 9, 12, 0, 0)
        .single()
        .expect("a date");
    for text in [
        "2024-05-09T12:00:00",
        "2024-05-09 12:00:00",
        "2024-05-09T12:00:00Z",
        "2024-05-09T14:00:00+02:00",
        "2024-05-09T14:00:00+0200",
        "2024-05-09T12:00:00.000000",
    ] {
        assert_eq!(plan(&json!({"created_at": text})).created, Some(noon), "{text}");
    }
    let epoch = noon.timestamp();
    for value in [json!(epoch), json!(epoch.to_string()), json!(epoch as f64 + 0.5)] {
        let reported = plan(&json!({"job_schedule": {"time_started": value, "time_ended": -1}})).reported;
        assert_eq!((reported.started, reported.ended), (Some(noon), None), "{value}");
    }
    for value in [
        json!("yesterday"),
        json!(""),
        json!(null),
        json!({}),
        json!(-1),
        json!("-1"),
        json!(u64::MAX),
    ] {
        assert_eq!(plan(&json!({"created_at": value})).created, None, "{value}");
    }
    let virtuozzo =
        plan(&json!({"status": "completed", "started_at": "2024-05-09T12:00:00", "ended_at": null}));
    assert_eq!(
        (virtuozzo.reported.started, virtuozzo.reported.ended),
        (Some(noon), None)
    );
}

#[test]
fn retries_and_mandatory() {
    let action = |entry: Value| plan(&json!({"job_actions": [entry]})).actions.remove(0);
    let plain = action(json!({"freezer_action": {}}));
    assert_eq!(
        (plain.max_retries, plain.max_retries_interval, plain.mandatory),
        (0, 60, false)
    );
    let full = action(
        json!({"freezer_action": {"action": "exec"}, "max_retries": "5", "max_retries_interval": 6,
                             "mandatory": "true"}),
    );
    assert_eq!(
        (full.max_retries, full.max_retries_interval, full.mandatory),
        (5, 6, true)
    );
    assert_eq!(full.text("action"), "exec");
    assert_eq!(full.text("mode"), "");
    assert!(action(json!({"freezer_action": {}, "mandatory": 1})).mandatory);
}

#[test]
fn freezer_action_keeps_its_order() {
    let text = r#"{"job_id": "j", "job_actions": [{"freezer_action": {"z": 1, "a": 2, "m": 3}}]}"#;
    let plan = parse(text, "here").expect("a good document").plan;
    assert_eq!(
        plan.actions[0].freezer_action.keys().collect::<Vec<_>>(),
        ["z", "a", "m"]
    );
}

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
fn a_plan_without_actions_lives_and_warns() {
    for change in [
        json!({"job_actions": []}),
        json!({"job_actions": null}),
        json!({"job_actions": "\0"}),
    ] {
        let parsed = parse(&document(&change), "here").expect("a plan");
        assert!(parsed.plan.actions.is_empty());
        assert_eq!(parsed.warnings.len(), 1);
        assert_eq!(
            (
                parsed.warnings[0].job_id.as_str(),
                parsed.warnings[0].field.as_str()
            ),
            ("j1", "job_actions")
        );
    }
}

#[test]
fn a_document_without_an_id_is_called_by_its_place() {
    let long = "x".repeat(256);
    for id in [
        json!("\0"),
        json!(null),
        json!(""),
        json!("  "),
        json!(12),
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
fn names_for_people() {
    assert_eq!(plan(&json!({"name": "n", "description": "d"})).name, "n");
    assert_eq!(plan(&json!({"name": "", "description": "d"})).name, "d");
    assert_eq!(plan(&json!({"name": [], "description": 7})).name, "7");
    assert_eq!(plan(&json!({})).name, "j1");
    assert_eq!(plan(&json!({"name": "red\u{1b}[31m"})).name, "red\\u{1b}[31m");
}

#[test]
fn texts_are_shortened_and_made_printable() {
    let (_, text) = problem(&json!({"job_schedule": {"schedule_hour": "9\n".repeat(1000)}}));
    assert_eq!(text.chars().count(), 200);
    assert!(text.starts_with("9\\n9\\n") && text.ends_with('…'), "{text}");
    assert_eq!(printable("abc", 3), "abc");
    assert_eq!(printable("abcd", 3), "ab…");
    assert_eq!(printable("ab\n", 3), "ab…");
    assert_eq!(printable("x\u{202e}y", 20), "x\\u{202e}y");
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

#[test]
fn debug_tells_no_secret() {
    let plan = plan(&json!({"job_actions": [{"freezer_action": {"password": "hunter2"}}]}));
    let shown = format!("{plan:?}");
    assert!(
        shown.contains("password") && !shown.contains("hunter2"),
        "{shown}"
    );
    let found = problems(&json!({"job_actions": [{"freezer_action": "hunter2"}]}));
    assert!(!format!("{found:?}").contains("hunter2"));
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
                        prop_assert!(problem.job_id == "j1" || problem.job_id == "here");
                        prop_assert!(problem.text.chars().count() <= 200 && !problem.error.is_empty());
                    }
                }
            }
        }
    }
}
