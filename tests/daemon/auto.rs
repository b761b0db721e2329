//! `launcher = "auto"` off a service of systemd's: agents are children of the daemon.
//!
//! As a service, where they are units, is shown in tests/booted.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

use freezerd::planner::RunState;

use crate::bed::{Bed, SUCCESS, at_once};
use crate::process::{Daemon, PROGRAM};
use crate::until::until_is;

const AUTO: &str = "dispatch = { launcher = 'auto' }";
/// What the daemon says when it would have had units, and could not.
const NO_UNITS: &str = "agents are started as children of this process: ";

/// A bus that takes connections, and never says a word.
fn silent_bus(bed: &mut Bed) -> UnixListener {
    let path = bed.path("bus");
    let bus = UnixListener::bind(&path).expect("a socket");
    bus.set_nonblocking(true).expect("set");
    at_bus(bed, &path.display().to_string());
    bus
}

fn at_bus(bed: &mut Bed, path: &str) {
    let address = format!("unix:path={path}");
    bed.environment
        .insert("DBUS_SYSTEM_BUS_ADDRESS".to_owned(), address);
}

/// A plan's run is a child of this daemon's, and succeeds.
fn runs_a_child(bed: &Bed, daemon: &Daemon) {
    bed.put(&at_once("a", "gate"));
    until_is("it runs", &vec![RunState::Running], || bed.states("a"));
    let supervisor = bed.runs("a")[0].pid.expect("it runs");
    let status = fs::read_to_string(format!("/proc/{supervisor}/status")).expect("it lives");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    assert_eq!(
        parent.expect("a parent").trim(),
        daemon.pid().to_string(),
        "{status}"
    );
    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("a"));
}

/// Also below a service: what it starts inherits the variable, and the number in it is the service's.
#[test]
fn what_is_no_service_asks_nobody_for_units() {
    let another = std::process::id().to_string();
    for told in [None, Some(another.as_str()), Some(""), Some("0")] {
        let mut bed = Bed::new(AUTO);
        let bus = silent_bus(&mut bed);
        if let Some(pid) = told {
            bed.environment
                .insert("SYSTEMD_EXEC_PID".to_owned(), pid.to_owned());
        }
        let daemon = Daemon::start(&bed);
        runs_a_child(&bed, &daemon);
        assert!(daemon.said(NO_UNITS).is_empty(), "{told:?}");
        assert!(bus.accept().is_err(), "{told:?}: it asked the bus");
        assert!(daemon.stop().success(), "{told:?}");
    }
}

/// A service in a container, say, whose manager is out of reach.
#[test]
fn a_service_without_a_bus_says_so_and_starts_children() {
    let mut bed = Bed::new(AUTO);
    at_bus(&mut bed, "/nonexistent/system_bus_socket");
    let mut command = Command::new("sh");
    // The number stays the same.
    command.args(["-c", "export SYSTEMD_EXEC_PID=$$; exec \"$@\"", "sh", PROGRAM]);
    command.args(["run", "--config"]).arg(bed.config());
    let daemon = Daemon::spawn(&bed, command).listening();
    daemon.await_ready();
    let said = daemon.says(NO_UNITS);
    assert!(said.contains(r#""level":"WARN""#), "{said}");
    assert!(said.contains("systemd cannot start runs: "), "{said}");
    runs_a_child(&bed, &daemon);
    assert!(daemon.stop().success());
}
