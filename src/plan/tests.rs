mod broken;

use chrono::{TimeZone, Utc};
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
fn in_whose_name_a_plan_runs() {
    let trust = |credentials: &Value| {
        let change = json!({ "user_credentials": credentials });
        let of_text = crate::plan::trust_of(&document(&change));
        let plan = plan(&change);
        assert_eq!(plan.trust, of_text);
        plan.trust.map(|trust| trust.to_string())
    };
    let whole = json!({"trust_id": "0123abcd", "trustor_user_id": "u1"});
    assert_eq!(trust(&whole).as_deref(), Some("0123abcd"));
    for none in [
        json!(null),
        json!({}),
        json!({"trust_id": null}),
        json!({"trust_id": ""}),
    ] {
        assert_eq!(trust(&none), None, "{none}");
    }
    for (wrong, field) in [
        (json!([]), "user_credentials"),
        (json!({"trust_id": ["t"]}), "user_credentials.trust_id"),
        (json!({"trust_id": "t\n"}), "user_credentials.trust_id"),
    ] {
        let change = json!({ "user_credentials": wrong });
        assert_eq!(problem(&change).0, field);
        assert_eq!(crate::plan::trust_of(&document(&change)), None);
    }
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

/// A run keeps its place between its tries.
#[test]
fn retries_have_bounds_and_their_user_hears_of_it() {
    let said = |most: u32, pause: u32| {
        let entry = json!({"freezer_action": {}, "max_retries": most, "max_retries_interval": pause});
        let text = json!({"job_id": "j", "job_actions": [entry]}).to_string();
        let mut parsed = parse(&text, "here").expect("it can be used");
        let action = parsed.plan.actions.remove(0);
        let fields = parsed.warnings.into_iter().map(|warning| warning.field);
        (
            (action.max_retries, action.max_retries_interval),
            fields.collect::<Vec<_>>(),
        )
    };
    let told = || vec!["job_actions[0].max_retries".to_owned()];
    assert_eq!(said(u32::MAX, u32::MAX), ((1, 86_400), told()));
    assert_eq!(said(u32::MAX, 0), ((1000, 0), told()));
    assert_eq!(said(u32::MAX, 1), ((1000, 1), told()));
    assert_eq!(said(25, 3600), ((24, 3600), told()));
    assert_eq!(said(24, 3600), ((24, 3600), vec![]));
    assert_eq!(said(1000, 86), ((1000, 86), vec![]));
    assert_eq!(said(1, 86_400), ((1, 86_400), vec![]));
    assert_eq!(said(0, u32::MAX), ((0, 86_400), vec![]), "it never waits");
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
    assert_eq!(
        printable("\u{61c}\u{200e}\u{200f}", 40),
        "\\u{61c}\\u{200e}\\u{200f}"
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

#[test]
fn of_a_document_no_more_is_told_than_anybody_reads() {
    let found = problems(&json!({"job_actions": vec![1; 100_000]}));
    assert_eq!(found.len(), 100);
    assert_eq!(found[99].field, "job_actions[99]");
}

#[test]
fn a_document_may_have_half_a_megabyte_and_no_more() {
    let long = |bytes: usize| {
        let before = document(&json!({"x": ""})).len();
        document(&json!({"x": "x".repeat(bytes - before)}))
    };
    assert!(parse(&long(512 << 10), "here").is_ok());
    let problems = parse(&long((512 << 10) + 1), "here").expect_err("too long");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["j1: the document has 524289 bytes; allowed are 524288"]);
}
