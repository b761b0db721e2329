//! `dry-run` and `check` when the plans are the API's: a small one of our own, on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use serde_json::{Value, json};

use crate::{done, freezerd};

/// Keystone and the API in one; ends with the test.
fn cloud() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap()));
        }
    });
    url
}

fn answer(mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut asked = String::new();
    reader.read_line(&mut asked).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, body) = said(&asked, &body);
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-subject-token: t0ken\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

fn said(asked: &str, body: &[u8]) -> (&'static str, Value) {
    if asked.starts_with("POST /v3/auth/tokens") {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let password = &asked["auth"]["identity"]["password"]["user"]["password"];
        if password != "hunter2" {
            return (
                "401 Unauthorized",
                json!({"error": {"code": 401, "message": "wrong"}}),
            );
        }
        let token = json!({"expires_at": "2999-01-01T00:00:00Z", "project": {"id": "p1", "name": "service"}});
        return ("201 Created", json!({ "token": token }));
    }
    assert!(asked.starts_with("GET /v2/p1/jobs?"), "{asked}");
    let job = |id: &str, client: &str| {
        json!({"job_id": id, "client_id": client, "job_schedule": {"schedule_hour": "1"},
               "job_actions": [{"freezer_action": {"action": "backup"}}]})
    };
    let first = !asked.contains("offset=") || asked.contains("offset=0");
    let jobs = if first {
        json!([job("mine", "node1"), job("theirs", "node2")])
    } else {
        json!([])
    };
    ("200 OK", json!({ "jobs": jobs }))
}

fn with(cloud: &str, password: &str, arguments: &[&str]) -> Command {
    let mut command = freezerd();
    command
        .args(arguments)
        .envs([
            ("OS_AUTH_URL", cloud),
            ("OS_USERNAME", "u"),
            ("OS_PASSWORD", password),
            ("OS_PROJECT_NAME", "service"),
        ])
        .envs([("OS_BACKUP_URL", cloud), ("FREEZERD_API__CLIENT_ID", "node1")]);
    command
}

const DRY_RUN: [&str; 7] = [
    "dry-run",
    "--from",
    "2026-01-01T00:00:00Z",
    "--for",
    "1d",
    "--format",
    "json",
];

#[test]
fn a_listing_of_our_own_plans() {
    let cloud = cloud();
    let answer = done(&mut with(&cloud, "hunter2", &DRY_RUN));
    let left = "plans of other clients (see `client_id` in [api]) are left out: 1";
    assert!(answer.stderr.contains(left), "{}", answer.stderr);
    let runs = answer.json()["runs"].clone();
    assert_eq!(
        (runs.as_array().unwrap().len(), &runs[0]["job_id"]),
        (1, &json!("mine"))
    );
    let everybodys = done(with(&cloud, "hunter2", &DRY_RUN).env("FREEZERD_API__CLIENT_ID", "*")).json();
    assert_eq!(everybodys["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_wrong_password() {
    let answer = done(&mut with(&cloud(), "secret-guess", &DRY_RUN)).refused(1);
    assert!(
        answer.contains("401") && !answer.contains("secret-guess"),
        "{answer}"
    );
}

#[test]
fn check_reaches_the_api() {
    let answer = done(&mut with(&cloud(), "hunter2", &["check"]));
    assert!(
        answer
            .stdout
            .contains("ok    the API: plans that can be used: 1\n"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stdout.contains("ok    the API: plans of other clients"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stdout.contains("api.client_id = \"node1\""),
        "{}",
        answer.stdout
    );
}
