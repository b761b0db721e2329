//! Runs are written as they are found: memory and patience do not depend on how many there are.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::json;

use crate::{freezerd, path};

/// 300 plans, each due every second.
fn busy() -> tempfile::NamedTempFile {
    let jobs: Vec<_> = (0..300)
        .map(|number| {
            json!({"job_id": format!("j{number:03}"), "job_schedule": {"schedule_second": "*"},
                   "job_actions": [{"freezer_action": {"action": "backup"}}]})
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({ "jobs": jobs }).to_string()).unwrap();
    file
}

/// A thousand years of it: whoever gathers before writing never comes to write. And a reader that has had
/// enough (`| head`) is no failure.
#[test]
fn a_reader_that_has_had_enough() {
    let jobs = busy();
    for format in ["table", "json", "csv", "ics"] {
        let mut child = freezerd()
            .args([
                "dry-run",
                "--from",
                "2026-01-01T00:00:00Z",
                "--until",
                "3026-01-01T00:00:00Z",
            ])
            .args(["--format", format, "--jobs"])
            .arg(jobs.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |count: usize| -> usize {
            let lines = lines.by_ref().take(count);
            lines.map(|line| line.unwrap().len()).sum()
        };
        assert!(read(5_000) > 0);
        let before = peak_memory(child.id());
        let further = read(55_000) / 1024;
        let grown = peak_memory(child.id()) - before;
        drop(lines);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(
            (child.wait().unwrap().code(), said.as_str()),
            (Some(0), ""),
            "{format}"
        );
        // Whoever keeps what was written grows by as much as that is.
        assert!(
            grown < further as u64 / 2,
            "{format}: {grown} KiB more, while {further} KiB were written"
        );
    }
}

/// In KiB.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_closed_standard_output() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = freezerd()
        .args([
            "dry-run",
            "--from",
            "2026-01-01",
            "--for",
            "2d",
            "--jobs",
            &path("seed.json"),
        ])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "freezerd: cannot write: No space left on device (os error 28)\n"
    );
}
