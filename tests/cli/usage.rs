//! Mistakes, and the exit codes they end in.

use crate::{done, freezerd, path, run};

#[test]
fn usage() {
    let jobs = path("seed.json");
    let wrong: [&[&str]; 10] = [
        &["--timezone", "Europe/Berln"],
        &["--timezone", ""],
        &["--from", "yesterday"],
        &["--until", "2026-02-30"],
        &[
            "--from",
            "2026-03-29T00:00:00Z",
            "--until",
            "2026-03-28T00:00:00Z",
        ],
        &["--from", "9999-12-31T23:59:59-12:00"],
        &["--for", "soon"],
        &["--for", "1d", "--until", "2026-03-28"],
        &["--format", "yaml"],
        &["--frm", "2026-03-28"],
    ];
    let all: Vec<String> = wrong
        .iter()
        .map(|more| {
            let line = [&["dry-run", "--jobs", &jobs], *more].concat();
            format!("{}\n{}", more.join(" "), run(&line).refused(2))
        })
        .collect();
    insta::assert_snapshot!("usage", all.join("\n"));
}

#[test]
fn no_command_is_a_usage_mistake_and_help_is_none() {
    assert_eq!(run(&[]).code, Some(2));
    assert_eq!(run(&["frobnicate"]).code, Some(2));
    assert_eq!(run(&["--help"]).code, Some(0));
    assert!(run(&["--version"]).fine().starts_with("freezerd "));
    assert_eq!(run(&["supervise"]).code, Some(2));
    assert!(!run(&["--help"]).stdout.contains("supervise"));
}

#[test]
fn listings_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, "{\"jobs\": [").unwrap();
    let other = folder.path().join("other.json");
    std::fs::write(&other, "{\"clients\": []}").unwrap();
    let root = folder.path().to_str().unwrap();
    let all: Vec<String> = [
        "/nowhere/listing.json",
        broken.to_str().unwrap(),
        other.to_str().unwrap(),
    ]
    .iter()
    .map(|jobs| run(&["dry-run", "--jobs", jobs]).refused(1).replace(root, ""))
    .collect();
    insta::assert_snapshot!("unreadable_listings", all.concat());
}

#[test]
fn configurations_that_cannot_be_used() {
    let jobs = path("seed.json");
    let with = |name: &str| run(&["dry-run", "--jobs", &jobs, "--config", name]).refused(78);
    assert_eq!(
        with("/nowhere.toml"),
        "freezerd: /nowhere.toml: cannot be read: No such file or directory (os error 2)\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let of = |text: &str| {
        std::fs::write(&config, text).unwrap();
        with(config.to_str().unwrap()).replace(folder.path().to_str().unwrap(), "")
    };
    let all = [
        of("[dispatch]\nagnet = 1\n[source]\nknd = 2\n"),
        of("timezone = \"Europe/Berln\"\n"),
        of("[[zone]]\nplan = \"x\"\ntimezone = \"Mars/Phobos\"\n"),
    ];
    insta::assert_snapshot!("unusable_configurations", all.concat());
    let variable = done(
        freezerd()
            .env("FREEZERD_TIMEZONE", "Nowhere")
            .args(["dry-run", "--jobs", &jobs]),
    );
    assert!(
        variable
            .refused(78)
            .starts_with("freezerd: FREEZERD_TIMEZONE: `timezone`: ")
    );
}

/// A saved listing needs neither access to the API nor an agent.
#[test]
fn the_api_without_credentials() {
    let refused = run(&["dry-run"]).refused(78);
    insta::assert_snapshot!("no_credentials", refused);
}

#[test]
fn an_empty_variable_names_no_configuration() {
    let answer = done(
        freezerd()
            .env("FREEZERD_CONFIG", "")
            .args(["dry-run", "--jobs"])
            .arg(path("plans.json")),
    );
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
}
