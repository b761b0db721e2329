//! What a daemon knows and must not tell: not in its log, however much is logged, and not in its files.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use freezerd::planner::RunState;
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
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

fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let said = fs::read_to_string(path).expect("it lives");
    said.split_whitespace()
        .map(|pid| pid.parse().expect("a pid"))
        .collect()
}

/// Whoever asks for a plan, a report or a translation has the password, too. Each is held up by a full pipe that it writes to.
#[test]
fn no_command_dumps_a_core() {
    let (cloud, bed) = Cloud::new("");
    cloud.put(&at_once("a", "gate"));
    let incumbents = bed.path("scheduler.conf");
    fs::write(&incumbents, "[DEFAULT]\nos_password = hunter2\n").expect("written");
    let incumbents = incumbents.to_str().expect("a text");
    for command in [
        vec!["check"],
        vec!["dry-run"],
        vec!["shadow-report"],
        vec!["history"],
        vec!["why", "a"],
        vec!["import-config", incumbents],
    ] {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let room = rustix::pipe::fcntl_setpipe_size(&writer, 4096).expect("smaller");
        (&writer).write_all(&vec![b' '; room]).expect("it has room");
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -S -c unlimited; exec \"$@\"", "sh", PROGRAM])
            .args(["--config".as_ref(), bed.config().as_os_str()])
            .args(&command)
            .env_clear()
            .envs(&bed.environment)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().expect("a second one"))
            .stderr(writer)
            .spawn()
            .expect("freezerd");
        // At first it is still the shell.
        until_is(&format!("{command:?} dumps none"), &"0 0".to_owned(), || {
            core_limit(child.id())
        });
        let mut said = Vec::new();
        reader.read_to_end(&mut said).expect("read");
        child.wait().expect("it ends");
        assert!(said.len() > room, "{command:?} said nothing");
    }
}

/// Also where the limit is none: as it is to a program that the kernel pipes cores to.
#[test]
fn a_daemon_that_crashes_leaves_no_core() {
    let (_cloud, bed) = Cloud::new("");
    let folder = bed.path("here");
    fs::create_dir(&folder).expect("a folder");
    let mut command = Command::new(PROGRAM);
    command
        .args(["run", "--config"])
        .arg(bed.config())
        .current_dir(&folder);
    let daemon = Daemon::spawn(&bed, command).listening();
    // It has logged in.
    daemon.await_ready();
    let without = Rlimit {
        current: None,
        maximum: None,
    };
    // For root alone. Whoever is not still sees what the limit does.
    let _ = prlimit(Pid::from_raw(daemon.pid().cast_signed()), Resource::Core, without);
    daemon.signal(Signal::ABORT);
    let (status, _) = daemon.ended();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped(), "{status}");
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
    assert_eq!(holding(&bed, PASSWORD), Vec::<String>::new());
}

/// As the user that this is, and with no capability: root might look into anything.
fn powerless(command: &[&str]) -> Command {
    let mut line = command.to_vec();
    if rustix::process::geteuid().is_root() {
        line.splice(0..0, ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]);
    }
    let mut command = Command::new(line[0]);
    command.args(&line[1..]);
    command
}

/// Nobody else of its user's looks into it; but it into its supervisors, by which it knows that they live.
#[test]
fn its_user_does_not_see_into_a_daemon() {
    let (cloud, bed) = Cloud::new("");
    cloud.put(&at_once("a", "gate"));
    let mut command = powerless(&[PROGRAM, "run", "--config"]);
    command.arg(bed.config());
    let daemon = Daemon::spawn(&bed, command).listening();
    daemon.await_ready();
    let seen = |pid: u32| {
        let path = format!("/proc/{pid}/environ");
        let mut look = powerless(&["cat", &path]);
        look.stderr(Stdio::null()).output().expect("cat").status.success()
    };
    until_is("it runs", &vec![RunState::Running], || bed.states("a"));
    let supervisor = bed.runs("a")[0].pid.expect("it runs");
    assert!(seen(supervisor));
    assert!(!seen(daemon.pid()));
    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("a"));
    assert!(daemon.stop().success());
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
    let agents = children(supervisor);
    assert!(!agents.is_empty(), "it runs");
    for pid in [vec![daemon.pid(), supervisor], agents].concat() {
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
