//! A daemon that does not start says why, and by its exit code whether the configuration is at fault.

use std::path::Path;

use crate::bed::Bed;
use crate::process::{Daemon, PROGRAM};

fn refused(bed: &Bed) -> (Option<i32>, String) {
    let daemon = Daemon::launch(bed, Path::new(PROGRAM), &[]);
    let (status, said) = daemon.ended();
    (status.code(), said)
}

#[test]
fn one_state_dir_is_for_one_daemon() {
    let bed = Bed::new("");
    let first = Daemon::start(&bed);
    let (code, said) = refused(&bed);
    assert_eq!(code, Some(1), "{said}");
    let holder = format!(
        "state/ledger.db: another daemon uses this ledger (process {}); give each its own state_dir",
        first.pid()
    );
    assert!(said.contains(&holder), "{said}");
    assert_eq!(first.get("/readyz").0, 200, "the first one does not mind");
    // And when it is gone, however it went, the place is free.
    first.kill();
    assert!(Daemon::start(&bed).stop().success());
}

#[test]
fn what_this_version_has_not_is_refused() {
    for (settings, reason) in [
        (
            "cluster = { name = 'backup', etcd = 'http://127.0.0.1:2379' }",
            "cluster: this version runs on one node alone",
        ),
        (
            "dispatch = { launcher = 'event' }",
            "`dispatch.launcher`: \"event\" has the API start the plans, and `source.kind` is not \"api\"",
        ),
        ("timezone = 'Mars/Olympus'", "test.toml:1:12: `timezone`: "),
        ("source = { kind = 'api' }", "auth_url is missing"),
        ("dispatch = { max_concurrent = 0 }", "test.toml:1:"),
        ("log = { level = 'verbose' }", "\"verbose\" is no level"),
    ] {
        let (code, said) = refused(&Bed::new(settings));
        assert_eq!(code, Some(78), "{settings}: {said}");
        assert!(said.contains(reason), "{settings}: {said}");
    }
}

#[test]
fn units_take_a_systemd_that_answers() {
    let mut bed = Bed::new("dispatch = { launcher = 'systemd' }");
    let nowhere = "unix:path=/nonexistent/system_bus_socket".to_owned();
    bed.environment
        .insert("DBUS_SYSTEM_BUS_ADDRESS".to_owned(), nowhere);
    let (code, said) = refused(&bed);
    assert_eq!(code, Some(1), "the machine may be about to have one: {said}");
    assert!(said.contains("systemd cannot start runs: "), "{said}");
}

#[test]
fn a_confined_service_starts_no_agents_of_its_own() {
    let mut bed = Bed::new("");
    bed.environment
        .insert("FREEZERD_CONFINED".to_owned(), "1".to_owned());
    let (code, said) = refused(&bed);
    assert_eq!(code, Some(78), "{said}");
    assert!(
        said.contains("dispatch.launcher: \"process\" would start agents inside this service"),
        "{said}"
    );
}

#[test]
fn what_the_machine_has_not_is_a_failure() {
    let taken = Bed::new("");
    let daemon = Daemon::start(&taken);
    let address = daemon.address();
    for (settings, reason) in [
        (
            format!("http = {{ listen = '{address}' }}"),
            format!("cannot listen for HTTP on {address}"),
        ),
        (
            "state_dir = '/proc/nowhere'".to_owned(),
            "/proc/nowhere".to_owned(),
        ),
    ] {
        let (code, said) = refused(&Bed::new(&settings));
        assert_eq!(code, Some(1), "{settings}: {said}");
        assert!(said.contains(&reason), "{settings}: {said}");
    }
}
