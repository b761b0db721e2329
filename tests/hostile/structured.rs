//! Any value at each key that somebody reads, among them secrets and long texts: what is said of it is short, and is none of
//! them. (Where a secret is sent back as the project's id or the API's address, it becomes part of the address that errors
//! name: who gives those knows it already.)

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use freezerd::planner::Metadata;

use crate::answers::{As, Stranger, TOKEN};
use crate::{PLANTED, fit_to_be_said, read_as_configuration};

/// (`src/plan/tests/broken.rs` has one of its own, which is made for schedules and has no secrets in it.)
fn any_json(secret: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(secret)),
        Just(Value::from(format!("\u{7f}\n{secret}\" "))),
        (0..400_usize).prop_map(move |before| Value::from(format!("{}{secret}", "\u{7f}".repeat(before)))),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// `document` with `value` at `place`, keys and numbers between dots; empty: in its stead.
fn put(document: &Value, place: &str, value: Value) -> Value {
    if place.is_empty() {
        return value;
    }
    let mut document = document.clone();
    let pointer = format!("/{}", place.replace('.', "/"));
    *document.pointer_mut(&pointer).unwrap() = value;
    document
}

/// Tries each of `places` of `document`, `cases` times in all.
fn each(cases: u32, secret: &'static str, document: &Value, places: &[&'static str], read: impl Fn(&Value)) {
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    });
    let strategy = (prop::sample::select(places.to_vec()), any_json(secret));
    let found = runner.run(&strategy, |(place, value)| {
        read(&put(document, place, value));
        Ok(())
    });
    if let Err(failure) = found {
        panic!("{failure}");
    }
}

#[test]
fn of_a_listing() {
    let stranger = Stranger::new();
    let listing = json!({"jobs": [{"job_id": "j", "client_id": "c", "status": "", "disabled": false,
        "job_schedule": {"schedule_hour": "1"}, "job_actions": []}]});
    let places = [
        "",
        "jobs",
        "jobs.0",
        "jobs.0.job_id",
        "jobs.0.client_id",
        "jobs.0.status",
        "jobs.0.disabled",
        "jobs.0.job_schedule",
        "jobs.0.job_schedule.schedule_hour",
        "jobs.0.job_actions",
    ];
    each(100, TOKEN, &listing, &places, |value| {
        stranger.say_as(&value.to_string(), As::Listing);
    });
}

#[test]
fn of_a_session() {
    let stranger = Stranger::new();
    let said = json!({"result": "success", "session_tag": 8});
    each(60, TOKEN, &said, &["", "result", "session_tag"], |value| {
        stranger.say_as(&value.to_string(), As::Start);
    });
    // What a run is told that was refused.
    let session = json!({"result": "hold-off", "session_id": "s", "session_tag": 8, "hold_off": 30, "time_start": 100,
        "jobs": {"j": {"status": "running", "time_started": 100}}});
    let places = [
        "",
        "session_tag",
        "hold_off",
        "time_start",
        "jobs",
        "jobs.j",
        "jobs.j.status",
        "jobs.j.time_started",
    ];
    for place in [As::Start, As::Session] {
        each(100, TOKEN, &session, &places, |value| {
            stranger.say_as(&value.to_string(), place);
        });
    }
    stranger.was_asked_only_for_what_is_ours();
}

#[test]
fn of_a_list_of_backups() {
    let stranger = Stranger::new();
    // Two of ours: one is filled in, the other deleted.
    let ours = |id: &str| {
        json!({"backup_id": id, "status": "creating",
            "backup_metadata": {"freezerd_run": "j-20260301T010000Z/0", "job_id": "j"}})
    };
    let listing = json!({"backups": [ours("a"), ours("b")]});
    let places = [
        "",
        "backups",
        "backups.0",
        "backups.0.backup_id",
        "backups.0.status",
        "backups.0.backup_metadata",
        "backups.0.backup_metadata.freezerd_run",
        "backups.1.backup_id",
    ];
    each(150, TOKEN, &listing, &places, |value| {
        stranger.say_as(&value.to_string(), As::Backups);
    });
    stranger.was_asked_only_for_what_is_ours();
}

#[test]
fn of_a_token() {
    let stranger = Stranger::new();
    let token = json!({"token": {"expires_at": "2026-03-28T12:00:00Z", "issued_at": "2026-03-28T11:00:00Z",
        "project": {"id": "p1"}, "catalog": [{"type": "backup", "name": "freezer", "endpoints": [
            {"interface": "public", "region": "r", "region_id": "r", "url": "http://127.0.0.1:9"},
            {"interface": "public", "region": "s", "region_id": "s", "url": "http://127.0.0.1:9"}]}]}});
    let places = [
        "",
        "token",
        "token.expires_at",
        "token.issued_at",
        "token.project",
        "token.catalog",
        "token.catalog.0",
        "token.catalog.0.type",
        "token.catalog.0.name",
        "token.catalog.0.endpoints",
        "token.catalog.0.endpoints.0",
        "token.catalog.0.endpoints.0.interface",
        "token.catalog.0.endpoints.0.region",
        "token.catalog.0.endpoints.0.region_id",
    ];
    each(200, PLANTED, &token, &places, |value| {
        stranger.say_as(&value.to_string(), As::Token);
    });
}

#[test]
fn of_an_error() {
    let stranger = Stranger::new();
    let error = json!({"error": {"code": 1, "title": "t", "message": "m"}, "title": "t", "description": "d",
        "message": "m", "faultstring": "f"});
    let bare = json!({"title": "t", "description": "d", "message": "m", "faultstring": "f"});
    let places = ["", "error", "error.code", "error.title", "error.message"];
    each(60, TOKEN, &error, &places, |value| {
        stranger.say_as(&value.to_string(), As::Error(400));
    });
    each(60, PLANTED, &error, &places, |value| {
        stranger.say_as(&value.to_string(), As::Refusal);
    });
    let places = ["title", "description", "message", "faultstring"];
    each(60, TOKEN, &bare, &places, |value| {
        stranger.say_as(&value.to_string(), As::Error(502));
    });
}

#[test]
fn of_an_agent_s_metadata() {
    let metadata = json!({"action": "backup", "backup_id": "b", "deleted_freezer_backup_ids": ["a"]});
    let places = ["", "action", "backup_id", "deleted_freezer_backup_ids"];
    each(300, PLANTED, &metadata, &places, |value| {
        // Whole, and cut off.
        let text = value.to_string();
        let half = text
            .char_indices()
            .nth(text.chars().count() / 2)
            .map_or(0, |(at, _)| at);
        for text in [text.as_str(), &text[..half]] {
            let said = match Metadata::printed(0, text) {
                Ok(metadata) => format!("{metadata:?}"),
                Err(error) => error.to_string(),
            };
            fit_to_be_said(&said);
        }
    });
}

/// As an inline value of TOML.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[test]
fn of_what_is_secret_in_our_own_files() {
    const SECRETS: [&str; 3] = ["password", "token", "application_credential_secret"];
    let auth: Map<String, Value> = [
        ("auth_url", "http://127.0.0.1:9/v3"),
        ("username", "u"),
        ("project_name", "p"),
    ]
    .into_iter()
    .chain(SECRETS.map(|name| (name, "s")))
    .map(|(name, text)| (name.to_owned(), Value::from(text)))
    .collect();
    let places = [
        "auth.password",
        "auth.token",
        "auth.application_credential_secret",
        "auth",
    ];
    each(150, PLANTED, &json!({ "auth": auth }), &places, |value| {
        let lines = value.as_object().unwrap().iter();
        let lines: Vec<String> = lines
            .map(|(key, value)| format!("{key} = {}", toml(value)))
            .collect();
        read_as_configuration(&lines.join("\n"));
    });
    let places = [
        "clouds.backup.auth.password",
        "clouds.backup.auth.token",
        "clouds.backup.auth.application_credential_secret",
        "clouds.backup.auth",
        "clouds.backup",
        "clouds",
        "",
    ];
    let clouds = json!({"clouds": {"backup": {"auth": auth}}});
    each(150, PLANTED, &clouds, &places, |value| {
        // A list of a text would be a table of that name to freezerd.toml, and names are told: so it is YAML alone.
        read_as_configuration(&format!("--- {value}"));
    });
}
