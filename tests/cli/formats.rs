//! What the formats look like.

use crate::{done, file, freezerd, path, run};

fn shown(format: &str, from: &str, length: &str) -> (String, String) {
    let (config, jobs) = (path("rules.toml"), path("plans.json"));
    let line = [
        "dry-run", "--config", &config, "--jobs", &jobs, "--from", from, "--for", length, "--format", format,
    ];
    let answer = run(&line);
    (answer.stdout, answer.stderr)
}

/// Relative times count from the moment the command runs: they are replaced by their width.
fn without_relative_times(table: &str) -> String {
    let line = |line: &str| match (line.starts_with("  "), line.find(" ago ")) {
        (true, Some(at)) => format!("  {:<width$}{}", "<when>", &line[at + 4..], width = at + 2),
        _ => line.to_owned(),
    };
    table.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn table() {
    let (spring, notes) = shown("table", "2025-03-29T23:00:00Z", "1d");
    insta::assert_snapshot!("table_spring", without_relative_times(&spring));
    insta::assert_snapshot!("table_notes", notes);
    let (autumn, _) = shown("table", "2025-10-25T22:00:00Z", "2d");
    insta::assert_snapshot!("table_autumn", without_relative_times(&autumn));
}

#[test]
fn an_empty_table() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = folder.path().join("none.json");
    std::fs::write(&jobs, "{\"jobs\": []}").unwrap();
    let jobs = jobs.to_str().unwrap();
    let answer = run(&[
        "dry-run",
        "--jobs",
        jobs,
        "--from",
        "2026-01-01",
        "--until",
        "2026-01-02",
    ]);
    insta::assert_snapshot!("table_empty", answer.fine());
}

#[test]
fn json() {
    insta::assert_snapshot!("json", shown("json", "2026-03-28T23:00:00Z", "1d").0);
}

#[test]
fn csv() {
    insta::assert_snapshot!(
        "csv",
        shown("csv", "2026-03-28T23:00:00Z", "1d")
            .0
            .replace("\r\n", "<CRLF>\n")
    );
}

#[test]
fn ics() {
    insta::assert_snapshot!(
        "ics",
        shown("ics", "2026-03-28T23:00:00Z", "1d")
            .0
            .replace("\r\n", "<CRLF>\n")
    );
}

/// Output that is no terminal has no colours, whatever the environment says.
#[test]
fn no_colour_without_a_terminal() {
    let answer = done(
        freezerd()
            .env("TERM", "xterm")
            .args(["dry-run", "--jobs"])
            .arg(file("plans.json")),
    );
    assert!(!answer.stdout.contains('\u{1b}'));
}

#[test]
fn help() {
    for name in ["", "run", "dry-run", "check", "why", "history", "shadow-report"] {
        let mut arguments: Vec<&str> = name.split_whitespace().collect();
        arguments.push("--help");
        let label = if name.is_empty() { "help" } else { name };
        insta::assert_snapshot!(format!("help_{label}"), done(freezerd().args(arguments)).fine());
    }
}
