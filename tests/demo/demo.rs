//! The demo itself, in a copy of what it reads, so that it can run beside somebody's own `make demo`.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::command::succeed;
use crate::eventually::eventually;

const LIMIT: Duration = Duration::from_secs(90);

fn clone() -> TempDir {
    let clone = TempDir::with_prefix("freezerd-demo-").expect("a temporary folder");
    let mut copy = Command::new("cp");
    copy.arg("-R")
        .args(["config", "scripts"])
        .arg(clone.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    succeed(&mut copy, LIMIT);
    clone
}

fn demo(clone: &Path) -> Command {
    let mut command = Command::new(clone.join("scripts/demo"));
    command.env("DEMO_FREEZERD", env!("CARGO_BIN_EXE_freezerd"));
    command
}

#[test]
fn it_backs_up_ends_by_itself_and_the_backups_restore() {
    let clone = clone();
    let said = succeed(demo(clone.path()).env("DEMO_FOR", "20"), LIMIT);
    // Both plans that are due within seconds; `demo` itself fails when a backup does not restore as it was.
    for plan in ["letters", "everything"] {
        assert!(
            said.contains(&format!(
                "{plan}: restored to .demo/restored/{plan}, the same byte for byte"
            )),
            "{said}"
        );
    }
    assert!(said.contains("/metrics\n"), "it says where to look: {said}");
    let partial = succeed(
        Command::new("find")
            .arg(clone.path())
            .args(["-name", ".partial*"]),
        LIMIT,
    );
    assert_eq!(partial, "", "nothing half done is left");
}

#[test]
fn sigterm_ends_it_cleanly() {
    let clone = clone();
    let path = clone.path().join("said");
    let said = || fs::read_to_string(&path).unwrap_or_default();
    let file = File::create(&path).expect("a file");
    let mut child = demo(clone.path())
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a second handle"))
        .stderr(file)
        .spawn()
        .expect("the demo");
    eventually(LIMIT, "the demo runs", || {
        assert!(
            child.try_wait().expect("its status").is_none(),
            "it ended: {}",
            said()
        );
        if said().contains("Ctrl-C ends it.") {
            Ok(())
        } else {
            Err(said())
        }
    });
    kill_process(Pid::from_child(&child), Signal::TERM).expect("SIGTERM");
    let status = eventually(LIMIT, "the demo ends", || {
        child.try_wait().expect("its status").ok_or_else(said)
    });
    assert!(status.success(), "{status}: {}", said());
    // The daemon is gone too: it held its ledger, which lies in this folder. (A backup that was
    // under way ends a moment after it.)
    eventually(LIMIT, "nobody holds what is in its folder", || {
        let holders = Command::new("sh")
            .args([
                "-c",
                "ls -l /proc/[0-9]*/fd /proc/[0-9]*/cwd 2>/dev/null | grep -F \"$1/.demo\"",
                "sh",
            ])
            .arg(clone.path())
            .output()
            .expect("sh");
        match String::from_utf8_lossy(&holders.stdout).into_owned() {
            none if none.is_empty() => Ok(()),
            some => Err(some),
        }
    });
}
