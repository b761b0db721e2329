//! A ledger that cannot be written launches nothing new, says so, and goes on when it can. What runs goes on.

use std::path::Path;
use std::process::Command;

use freezerd::planner::RunState;
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use serde_json::json;

use crate::bed::{Bed, SUCCESS, at_once, date, plan};
use crate::process::{Daemon, PROGRAM};
use crate::until::{until, until_is};

/// Lets the daemon write no file at all (`Some(0)`), or as much as it likes. Its log is a pipe.
fn limit_files(daemon: &Daemon, most: Option<u64>) {
    let limit = Rlimit {
        current: most,
        maximum: None,
    };
    let pid = Pid::from_raw(daemon.pid().cast_signed());
    prlimit(pid, Resource::Fsize, limit).expect("a limit");
}

/// Stops it; all that it said, so many runs among that. (It says so a moment after it is recorded.)
fn ended_after(daemon: Daemon, runs: usize) -> String {
    daemon.says_at_least(runs, "run succeeded");
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.ended();
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("run succeeded").count(), runs, "{log}");
    log
}

#[test]
fn nothing_is_launched_that_is_not_recorded() {
    let bed = Bed::new("");
    // As on a full disk the write fails; without this, the first one would end the process.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ; exec \"$@\"",
        "sh",
        PROGRAM,
        "run",
        "--config",
    ]);
    command.arg(bed.config());
    let daemon = Daemon::spawn(&bed, command).listening();
    daemon.await_ready();
    bed.put(&at_once("long", "gate"));
    until_is("one runs", &vec![RunState::Running], || bed.states("long"));
    limit_files(&daemon, Some(0));
    bed.put(&at_once("a", "done"));
    daemon.says("nothing is launched until the ledger can be written: ");
    until_is("it is not ready", &503, || daemon.get("/readyz").0);
    assert!(daemon.get("/readyz").1.contains("the ledger cannot be written"));
    assert!(daemon.metric("freezerd_ledger_errors_total") >= Some(1.0));
    until_is("it lives, though", &200, || daemon.get("/healthz").0);
    // It goes on taking things in, and says the same only once.
    bed.put(&at_once("b", "done"));
    until("it tried again", || {
        (daemon.metric("freezerd_ledger_errors_total")? >= 2.0).then_some(())
    });
    assert_eq!(daemon.said("nothing is launched until").len(), 1);
    // What runs has its own way to the disk, and ends as ever.
    bed.open_gate();
    until_is("it ends", &2, || bed.diary_of("long").len());
    assert_eq!(bed.diary().len(), 2, "nothing else ran");
    assert!(bed.runs("a").is_empty());

    limit_files(&daemon, None);
    for job in ["a", "b"] {
        until_is("it runs", &vec![SUCCESS], || bed.outcomes(job));
        assert_eq!(bed.diary_of(job), ["start done", "end done"]);
        assert_eq!(bed.verdicts(job), ["run"]);
    }
    until_is("its end is recorded", &vec![SUCCESS], || bed.outcomes("long"));
    daemon.says("the ledger takes records again");
    until_is("it is ready", &200, || daemon.get("/readyz").0);
    ended_after(daemon, 3);
}

/// A disk that is shared with what runs, and really is full: nobody on it can write.
#[test]
fn what_ends_while_the_disk_is_full_ended_once() {
    let bed = Bed::new("");
    bed.put(&at_once("long", "gate"));
    let mut command = Command::new("unshare");
    let script = "mkdir -p \"$0\" && mount -t tmpfs -o size=4m,mode=700 none \"$0\" && exec \"$@\"";
    command.args(["--map-root-user", "--mount", "sh", "-c", script]);
    command
        .arg(bed.path("state"))
        .args([PROGRAM, "run", "--config"])
        .arg(bed.config());
    let daemon = Daemon::spawn(&bed, command).listening();
    daemon.await_ready();
    until_is("one runs", &Some(1.0), || daemon.metric("freezerd_runs_running"));
    until_is("its agent too", &1, || bed.diary_of("long").len());

    // Its disk, as it sees it.
    let state = bed.path("state");
    let inside = format!("/proc/{}/root{}/ballast", daemon.pid(), state.display());
    let full = std::fs::write(&inside, vec![0; 8 << 20]).expect_err("it is full");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    bed.put(&at_once("a", "done"));
    daemon.says("nothing is launched until the ledger can be written: ");
    until_is("it is not ready", &503, || daemon.get("/readyz").0);
    bed.open_gate();
    until_is("it ends", &2, || bed.diary_of("long").len());
    until("it tried again", || {
        (daemon.metric("freezerd_ledger_errors_total")? >= 2.0).then_some(())
    });
    assert_eq!(bed.diary().len(), 2, "nothing else ran");

    std::fs::remove_file(&inside).expect("removed");
    until_is("both ended well", &Some(2.0), || {
        daemon.metric(r#"freezerd_runs_total{outcome="success"}"#)
    });
    until_is("it is ready", &200, || daemon.get("/readyz").0);
    assert_eq!(bed.diary_of("a"), ["start done", "end done"]);
    let log = ended_after(daemon, 2);
    assert!(!log.contains("run failed") && !log.contains("run lost"), "{log}");
}

/// Runs this where the daemon lives: in its name space of mounts.
fn inside(daemon: &Daemon, command: &str, path: &Path) -> bool {
    let target = daemon.pid().to_string();
    let mut enter = Command::new("nsenter");
    enter.args(["--target", &target, "--user", "--mount", "sh", "-c", command]);
    enter.arg(path).status().expect("nsenter").success()
}

/// A file system that the kernel makes read-only when its disk fails, under whoever has files open: it takes no byte, neither
/// through those nor by a name. (Nobody else can do that: where something is open for writing `remount,ro` is refused. And what
/// the kernel does so it does not undo. So here it is in two parts: a mount that is read-only on top, and a limit for the daemon's
/// open files.)
#[test]
fn what_ends_while_the_disk_is_read_only_ended_once() {
    let bed = Bed::new("");
    let mut command = Command::new("unshare");
    let script = "trap '' XFSZ; exec \"$@\"";
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.args([PROGRAM, "run", "--config"]).arg(bed.config());
    let daemon = Daemon::spawn(&bed, command).listening();
    daemon.await_ready();
    bed.put(&at_once("long", "gate"));
    until_is("one runs", &vec![RunState::Running], || bed.states("long"));
    until_is("its agent too", &1, || bed.diary_of("long").len());
    let (state, run) = (bed.path("state"), bed.runs("long")[0].id.to_string());

    let turn = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"";
    assert!(inside(&daemon, turn, &state));
    limit_files(&daemon, Some(0));
    bed.put(&at_once("a", "done"));
    let said = daemon.says("nothing is launched until the ledger can be written: ");
    assert!(said.contains("its file system is read-only"), "{said}");
    until_is("it is not ready", &503, || daemon.get("/readyz").0);
    let why = daemon.get("/readyz").1;
    assert!(why.contains("its file system is read-only"), "{why}");
    until("it tried again", || {
        (daemon.metric("freezerd_ledger_errors_total")? >= 2.0).then_some(())
    });
    // Nor can its supervisor write down how the one that runs ends: it keeps it.
    bed.open_gate();
    until_is("it ends", &2, || bed.diary_of("long").len());
    let notes = state.join("runs").join(run).join("lock");
    until("its supervisor says so", || {
        let said = std::fs::read_to_string(&notes).expect("its notes");
        said.contains("cannot write its report: Read-only").then_some(())
    });
    assert_eq!(bed.states("long"), [RunState::Running]);
    assert_eq!(bed.diary().len(), 2, "nothing else ran");

    until("it is writable", || {
        inside(&daemon, "umount \"$0\"", &state).then_some(())
    });
    limit_files(&daemon, None);
    for (job, task) in [("long", "gate"), ("a", "done")] {
        until_is("it is recorded", &vec![SUCCESS], || bed.outcomes(job));
        assert_eq!(bed.verdicts(job), ["run"]);
        assert_eq!(
            bed.diary_of(job),
            [format!("start {task}"), format!("end {task}")]
        );
    }
    until_is("it is ready", &200, || daemon.get("/readyz").0);
    ended_after(daemon, 2);
}

/// Nothing could be recorded, so nothing may run: the daemon does not start, and says why. What came due meanwhile runs
/// when it can.
#[test]
fn a_read_only_disk_starts_no_daemon() {
    let bed = Bed::new("");
    assert!(Daemon::start(&bed).stop().success());
    bed.put_soon(|due| plan("a", &json!({"schedule_date": date(due)}), &["done"]));
    // A mount of its own, in a name space of its own: for whoever may make one, and for nobody else.
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
    command.args(["--map-root-user", "--mount", "sh", "-c", script]);
    command
        .arg(bed.path("state"))
        .args([PROGRAM, "run", "--config"])
        .arg(bed.config());
    let (status, said) = Daemon::spawn(&bed, command).ended();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("its file system is read-only"), "{said}");
    assert!(bed.diary().is_empty());
    let daemon = Daemon::start(&bed);
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("a"));
    assert_eq!(bed.verdicts("a"), ["run"]);
    assert!(daemon.stop().success());
}
