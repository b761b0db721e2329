//! What a daemon knows and must not tell: not in its log, however much is logged, and not in its files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use freezerd::planner::RunState;
use serde_json::json;

use crate::bed::{Bed, SUCCESS, at_once};
use crate::cloud::{Cloud, PASSWORD};
use crate::process::{Daemon, PROGRAM};
use crate::until::until_is;

/// The first token that the stand-in for Keystone gives.
const TOKEN: &str = "token-1";
/// An action's own.
const KEY: &str = "s3cr3t-key";

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|sort| sort.is_dir()) {
            files(&entry.path(), found);
        }
    }
}

/// A daemon whose files would be everybody's, were they not made otherwise.
fn careless(bed: &Bed) -> Daemon {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "umask 0; ulimit -S -c unlimited; exec \"$@\"",
        "sh",
        PROGRAM,
        "run",
        "--config",
    ]);
    command.arg(bed.config());
    let daemon = Daemon::spawn(bed, command).listening();
    daemon.await_ready();
    daemon
}

/// The command lines of all processes of this machine that can be read.
fn command_lines() -> Vec<u8> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.flat_map(|line| [line, vec![b'\n']].concat()).collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|found| found == secret.as_bytes())
}

/// The files below this bed's folders that hold this, by their names.
fn holding(bed: &Bed, secret: &str) -> Vec<String> {
    let mut all = Vec::new();
    for folder in ["state", "runtime"] {
        files(&bed.path(folder), &mut all);
    }
    let held = all
        .iter()
        .filter(|path| fs::read(path).is_ok_and(|bytes| holds(&bytes, secret)));
    held.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect()
}

/// What may be dumped of a process when it crashes.
fn core_limit(pid: u32) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("it lives");
    let line = limits.lines().find(|line| line.starts_with("Max core file size"));
    line.expect("a limit")
        .split_whitespace()
        .skip(4)
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn secrets_are_in_nobodys_sight() {
    let (cloud, mut bed) = Cloud::new("");
    bed.environment
        .insert("FREEZERD_LOG".to_owned(), "trace".to_owned());
    let mut job = at_once("a", "gate");
    job["job_actions"][0]["freezer_action"]["encrypt_key"] = json!(KEY);
    cloud.put(&job);
    let daemon = careless(&bed);
    until_is("it runs", &vec![RunState::Running], || bed.states("a"));

    let mut kept = Vec::new();
    for folder in ["state", "runtime"] {
        kept.push(bed.path(folder));
        files(&bed.path(folder), &mut kept);
    }
    assert!(kept.len() > 8, "{kept:?}");
    // A folder that others may not enter keeps what is in it; so do the files, should somebody open it.
    let shown = |path: &&PathBuf| {
        let mode = fs::symlink_metadata(path).map_or(0, |about| about.permissions().mode());
        mode & 0o077 != 0
    };
    let open: Vec<&PathBuf> = kept.iter().filter(shown).collect();
    assert!(open.is_empty(), "others may read {open:?}");
    let commands = command_lines();
    let supervisor = bed.runs("a")[0].pid.expect("it runs");
    assert!(holds(&commands, "supervise"), "all are read");
    for pid in [daemon.pid(), supervisor] {
        assert_eq!(core_limit(pid), "0 0");
    }
    let shown = ["/metrics", "/readyz", "/"]
        .map(|path| daemon.get(path).1)
        .concat();
    // The document is the ledger's to keep, and the agent's to read while it runs.
    for secret in [PASSWORD, TOKEN] {
        assert_eq!(holding(&bed, secret), Vec::<String>::new(), "{secret}");
    }

    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("a"));
    until_is("it is reported", &json!("success"), || {
        cloud.job_schedule("a")["result"].clone()
    });
    until_is("nothing is left of it", &true, || {
        holding(&bed, KEY)
            .iter()
            .all(|name| name.starts_with("ledger.db"))
    });
    daemon.signal(rustix::process::Signal::TERM);
    let (status, log) = daemon.ended();
    assert!(status.success());
    assert!(log.contains(r#""level":"DEBUG""#), "much is logged");
    for secret in [PASSWORD, TOKEN, KEY] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!shown.contains(secret), "{secret} is on the HTTP port");
        assert!(!holds(&commands, secret), "{secret} is in a command line");
    }
    let kept = holding(&bed, KEY);
    assert!(
        !kept.is_empty(),
        "the ledger has the document, so this looks where it should"
    );
    assert!(kept.iter().all(|name| name.starts_with("ledger.db")), "{kept:?}");
    for secret in [PASSWORD, TOKEN] {
        assert_eq!(holding(&bed, secret), Vec::<String>::new(), "{secret}");
    }
}

/// Who logs in by an application credential has no password to lose, but its secret.
#[test]
fn the_secret_of_an_application_credential_is_kept_too() {
    const SECRET: &str = "app1ication-s3cret";
    let (cloud, mut bed) = Cloud::new("");
    for name in ["OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME"] {
        bed.environment.remove(name);
    }
    for (name, value) in [
        ("FREEZERD_LOG", "trace"),
        ("OS_AUTH_TYPE", "v3applicationcredential"),
        ("OS_APPLICATION_CREDENTIAL_ID", "app1"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", SECRET),
    ] {
        bed.environment.insert(name.to_owned(), value.to_owned());
    }
    cloud.put(&at_once("a", "gate"));
    let daemon = careless(&bed);
    until_is("it runs", &vec![RunState::Running], || bed.states("a"));
    assert_eq!(holding(&bed, SECRET), Vec::<String>::new());
    let commands = command_lines();
    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("a"));
    assert!(!daemon.get("/metrics").1.contains(SECRET));
    daemon.signal(rustix::process::Signal::TERM);
    let (status, log) = daemon.ended();
    assert!(status.success());
    assert!(log.contains(r#""level":"DEBUG""#), "much is logged");
    assert!(!log.contains(SECRET));
    assert!(!holds(&commands, SECRET));
    assert_eq!(holding(&bed, SECRET), Vec::<String>::new());
}
