//! A ledger that cannot be written launches nothing new, says so, and goes on when it can.

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::bed::{Bed, SUCCESS, at_once};
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
    assert!(bed.diary().is_empty());
    assert!(bed.runs("a").is_empty());

    limit_files(&daemon, None);
    for job in ["a", "b"] {
        until_is("it runs", &vec![SUCCESS], || bed.outcomes(job));
        assert_eq!(bed.diary_of(job), ["start done", "end done"]);
        assert_eq!(bed.verdicts(job), ["run"]);
    }
    daemon.says("the ledger takes records again");
    assert_eq!(daemon.get("/readyz").0, 200);
    assert!(daemon.stop().success());
}
