//! `freezerd check`: what is wrong, and where.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{done, freezerd};

/// A node: a folder with an agent, plans and a configuration.
fn node(plans: &str, config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("agent");
    std::fs::write(&agent, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    std::fs::write(folder.path().join("plans.json"), plans).unwrap();
    std::fs::write(folder.path().join("freezerd.toml"), config).unwrap();
    folder
}

fn checked(folder: &Path) -> (Option<i32>, String) {
    let answer = done(
        freezerd()
            .arg("check")
            .arg("--config")
            .arg(folder.join("freezerd.toml")),
    );
    let text = format!("{}---\n{}", answer.stdout, answer.stderr).replace(folder.to_str().unwrap(), "");
    // The zone data is the machine's, and so is the width that the folder's name takes.
    let lines = text.lines().map(|line| match line.find("tzdata ") {
        Some(at) => format!("{}tzdata ...", &line[..at]),
        None => line.split_whitespace().collect::<Vec<_>>().join(" "),
    });
    (answer.code, lines.map(|line| line + "\n").collect())
}

const GOOD: &str = r#"{"jobs": [{"job_id": "a", "job_schedule": {"schedule_hour": "1"},
    "job_actions": [{"freezer_action": {"action": "backup"}}]}]}"#;

#[test]
fn all_is_well() {
    let folder = node(
        GOOD,
        "timezone = \"UTC\"\nstate_dir = \"state\"\nruntime_dir = \"state/run\"\n[source]\nkind = \"file\"\n\
         path = \"plans.json\"\n[dispatch]\nagent = \"./agent\"\n",
    );
    let (code, text) = checked(folder.path());
    assert_eq!(code, Some(0), "{text}");
    insta::assert_snapshot!("check_fine", text);
}

#[test]
fn much_is_wrong() {
    let broken = r#"{"jobs": [{"job_id": "a", "name": "A", "job_schedule": {"schedule_hour": "25"}, "job_actions": []},
        {"job_id": "b", "job_schedule": {"schedule_hour": "1"}, "job_actions": []}, 7]}"#;
    let folder = node(
        broken,
        "timezone = \"UTC\"\nstate_dir = \"plans.json\"\nruntime_dir = \"state\"\n[source]\nkind = \"file\"\n\
         path = \"plans.json\"\n[dispatch]\nagent = \"./plans.json\"\n[[zone]]\nplan = \"a\"\n\
         timezone = \"Asia/Tokyo\"\n",
    );
    let (code, text) = checked(folder.path());
    assert_eq!(code, Some(1), "{text}");
    insta::assert_snapshot!("check_wrong", text);
}

#[test]
fn a_source_that_is_not_there() {
    let folder = node(
        GOOD,
        "[source]\nkind = \"folder\"\npath = \"missing\"\n[dispatch]\nagent = \"no-such-agent\"\n",
    );
    let (code, text) = checked(folder.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("WRONG /missing: "), "{text}");
    assert!(
        text.contains("WRONG dispatch.agent: no-such-agent is in no folder of PATH"),
        "{text}"
    );
}

/// Nothing listens there, so nothing of what it says may be a success.
#[test]
fn an_api_that_is_away() {
    let config = "[auth]\nauth_url = \"http://127.0.0.1:1/v3\"\nusername = \"u\"\nproject_name = \"p\"\n";
    let folder = node(GOOD, config);
    let line = |command: &mut std::process::Command| {
        done(
            command
                .arg("check")
                .arg("--config")
                .arg(folder.path().join("freezerd.toml"))
                .env("OS_PASSWORD", "hunter2"),
        )
    };
    let answer = line(&mut freezerd());
    assert_eq!(answer.code, Some(1));
    assert!(answer.stdout.contains("WRONG the API: "), "{}", answer.stdout);
    assert!(
        answer.stdout.contains("auth.password = (not shown)"),
        "{}",
        answer.stdout
    );
    assert!(!answer.stdout.contains("hunter2") && !answer.stderr.contains("hunter2"));
}

#[test]
fn a_configuration_that_cannot_be_used() {
    let folder = node(GOOD, "[dispatch]\nagnet = \"x\"\n");
    let (code, text) = checked(folder.path());
    assert_eq!(code, Some(78), "{text}");
    assert!(
        text.contains("/freezerd.toml:2:1: unknown key `dispatch.agnet`"),
        "{text}"
    );
}

/// What `run` refuses with 78, which systemd does not try again, is no surprise.
#[test]
fn what_the_daemon_would_refuse() {
    let refused = |config: &str| {
        let folder = node(
            GOOD,
            &format!("source = {{ kind = 'file', path = 'plans.json' }}\n{config}"),
        );
        let (code, text) = checked(folder.path());
        assert_eq!(code, Some(1), "{text}");
        text
    };
    let text = refused("log = { level = 'verbose' }\n");
    assert!(text.contains("WRONG log.level: log filter \"verbose\""), "{text}");
    let text = refused("cluster = { name = 'backup', etcd = 'http://127.0.0.1:2379' }\n");
    assert!(text.contains("WRONG cluster"), "{text}");
}

#[test]
fn a_copy_that_cannot_be_kept() {
    let folder = node(GOOD, "[source]\ncopy = \"plans.json/copy\"\n");
    let (code, text) = checked(folder.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("WRONG source.copy: /plans.json is not a folder"),
        "{text}"
    );
}

#[test]
fn a_proxy_that_is_away_is_named() {
    let config = "[auth]\nauth_url = \"http://127.0.0.1:2/v3\"\nusername = \"u\"\npassword = \"p\"\nproject_name = \"p\"\n";
    let folder = node(GOOD, config);
    std::fs::set_permissions(
        folder.path().join("freezerd.toml"),
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    let mut command = freezerd();
    command
        .env("http_proxy", "http://u:hunter2@127.0.0.1:1")
        .args(["check", "--config"])
        .arg(folder.path().join("freezerd.toml"));
    let answer = done(&mut command);
    assert!(
        answer
            .stdout
            .contains("by way of the proxy that http_proxy names"),
        "{}",
        answer.stdout
    );
    assert!(!answer.stdout.contains("hunter2"), "{}", answer.stdout);
}
