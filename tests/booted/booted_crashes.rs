//! Killed, hung, without a bus, rebooted, while a backup runs.

use crate::node::Node;
use crate::until::until;

/// Tells that it runs, and ends when it is let go.
const HELD: &str = "echo up >$BED/says; read x <$BED/gate";

/// A machine on which the plan `held` runs.
fn held(settings: &str) -> (Node, String) {
    let node = Node::boot(settings);
    node.start();
    node.pipe("gate");
    node.plan("held", HELD);
    node.line("says");
    let unit = node.unit("held");
    node.run("held", "running");
    (node, unit)
}

/// A new main process took the service's place.
fn until_replaced(node: &Node, before: &str) {
    until("another daemon runs", || {
        let now =
            node.ask("systemctl is-active --quiet freezerd && systemctl show -p MainPID --value freezerd");
        (now.0 && now.1 != before).then_some(())
    });
}

#[test]
fn a_killed_daemon_is_restarted_and_finds_its_run() {
    let (node, _) = held("");
    node.sh("mkdir -p /etc/systemd/system/freezerd.service.d");
    node.write(
        "/etc/systemd/system/freezerd.service.d/soon.conf",
        "[Service]\nRestartSec=100ms\n",
    );
    node.sh("systemctl daemon-reload");
    let daemon = node.daemon();
    node.sh("systemctl kill --signal=KILL freezerd");
    until_replaced(&node, &daemon);
    node.release("gate");
    assert_eq!(node.done("held"), ("success".to_owned(), String::new()));
}

#[test]
fn a_hung_daemon_is_killed_by_the_watchdog_and_its_run_goes_on() {
    let node = Node::boot("");
    node.write(
        "/etc/systemd/system/freezerd.service.d/soon.conf",
        "[Service]\nWatchdogSec=2s\nRestartSec=100ms\nTimeoutAbortSec=1s\n",
    );
    node.sh("systemctl daemon-reload");
    node.start();
    node.pipe("gate");
    node.plan("held", HELD);
    node.line("says");
    node.run("held", "running");
    let daemon = node.daemon();
    node.sh("systemctl kill --signal=STOP freezerd");
    until_replaced(&node, &daemon);
    node.until_journal("Watchdog timeout");
    node.release("gate");
    assert_eq!(node.done("held"), ("success".to_owned(), String::new()));
}

#[test]
fn a_bus_and_a_systemd_that_start_anew_are_found_again() {
    let (node, _) = held("");
    let daemon = node.daemon();
    node.sh("systemctl daemon-reload");
    node.sh("systemctl daemon-reexec");
    node.sh("systemctl restart dbus.service");
    node.until_journal("systemd cannot be asked about it, trying again");
    until("the bus is back", || {
        node.ask("busctl --no-pager status org.freedesktop.systemd1")
            .0
            .then_some(())
    });
    node.release("gate");
    assert_eq!(node.done("held"), ("success".to_owned(), String::new()));
    node.plan("next", "true");
    assert_eq!(
        node.done("next").0,
        "success",
        "units are started over a new connection"
    );
    assert_eq!(node.daemon(), daemon);
}

#[test]
fn a_reboot_ends_a_run_and_says_so() {
    let (mut node, _) = held("");
    node.reboot();
    let (outcome, detail) = node.done("held");
    assert_eq!(outcome, "aborted", "{detail}");
    assert!(
        detail.contains("killed by signal 15; it was not freezerd that told it to stop"),
        "{detail}"
    );
}

#[test]
fn a_machine_that_dies_leaves_a_lost_run() {
    let (mut node, unit) = held("");
    // As if the current had gone: nobody is told to stop.
    node.sh("sync");
    node.crash();
    let (outcome, detail) = node.done("held");
    assert_eq!(outcome, "lost", "{detail}");
    let said = format!("systemd knows nothing of it: the machine went down meanwhile; {unit} left no report");
    assert!(detail.contains(&said), "{detail}");
    let why = node.sh("freezerd why held");
    assert!(why.contains("the machine went down"), "{why}");
}

#[test]
fn a_killed_supervisor_takes_its_agent_along_and_is_lost() {
    let (node, unit) = held("");
    node.sh(&format!("systemctl kill --kill-who=main --signal=KILL {unit}"));
    let (outcome, detail) = node.done("held");
    assert_eq!(outcome, "lost", "{detail}");
    assert!(detail.contains("was killed by signal 9 (signal)"), "{detail}");
    node.gone(&unit);
    assert!(!node.lives("/srv/bed/held"), "its agent is gone, too");
}

#[test]
fn a_supervisor_that_is_killed_while_no_daemon_lives_is_judged_by_the_next() {
    let (node, unit) = held("");
    node.sh("systemctl stop freezerd");
    node.sh(&format!("systemctl kill --kill-who=main --signal=KILL {unit}"));
    // systemd holds how it ended until that is recorded.
    until("it failed", || {
        let (_, state) = node.ask(&format!("systemctl is-failed {unit}"));
        (state == "failed").then_some(())
    });
    assert!(!node.lives("/srv/bed/held"), "its agent is gone, too");
    node.start();
    let (outcome, detail) = node.done("held");
    assert_eq!(outcome, "lost", "{detail}");
    assert!(detail.contains("was killed by signal 9 (signal)"), "{detail}");
    until("systemd may forget it", || {
        let units = node
            .ask("systemctl list-units --all --no-legend 'freezerd-run-*'")
            .1;
        units.is_empty().then_some(())
    });
}
