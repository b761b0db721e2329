//! A ledger that cannot be written launches nothing new, says so, and goes on when it can. What runs goes on.

use std::process::Command;

use freezerd::planner::RunState;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use serde_json::json;

use crate::bed::{Bed, SUCCESS, at_once, date, plan, soon};
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
    assert_eq!(daemon.get("/healthz").0, 200);
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
    assert_eq!(daemon.said("run succeeded").len(), 3);
    daemon.says("the ledger takes records again");
    assert_eq!(daemon.get("/readyz").0, 200);
    assert!(daemon.stop().success());
}

/// Nothing could be recorded, so nothing may run: the daemon does not start, and says why. What came due meanwhile runs
/// when it can.
#[test]
fn a_read_only_disk_starts_no_daemon() {
    let bed = Bed::new("");
    assert!(Daemon::start(&bed).stop().success());
    let due = soon();
    bed.put(&plan("a", &json!({"schedule_date": date(due)}), &["done"]));
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
