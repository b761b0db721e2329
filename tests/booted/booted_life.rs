//! Installed, enabled, run; restarted, upgraded and reloaded while a backup runs.

use crate::node::Node;

/// Tells that it runs, and ends when it is let go.
const HELD: &str = "echo up >$BED/says; read x <$BED/gate";

#[test]
fn a_run_is_a_unit_of_its_own_and_its_outcome_is_recorded() {
    let node = Node::boot(
        "[dispatch.limits]\nnice = 7\ncpu_weight = 50\nio_weight = 40\nmemory_max = '1G'\nruntime_max = '1h'",
    );
    node.start();
    node.pipe("gate");
    node.plan(
        "held",
        &format!("echo a word for the journal >&2; nice >$BED/nice; {HELD}"),
    );
    node.line("says");
    let unit = node.unit("held");
    let shown = node.sh(&format!(
        "systemctl show {unit} -p Slice,CPUWeight,IOWeight,MemoryMax,RuntimeMaxUSec,OOMPolicy,KillMode,ControlGroup"
    ));
    for property in [
        "Slice=freezerd-runs.slice",
        "CPUWeight=50",
        "IOWeight=40",
        "MemoryMax=1073741824",
        "RuntimeMaxUSec=1h 40s",
        "OOMPolicy=continue",
        "KillMode=control-group",
    ] {
        assert!(shown.lines().any(|line| line == property), "{property}:\n{shown}");
    }
    assert_eq!(node.line("nice"), "7");
    // What holds for all of them comes from the package.
    let agents = node.sh(&format!(
        "systemctl show {unit} -p SystemCallErrorNumber,RestrictRealtime"
    ));
    assert_eq!(
        agents, "SystemCallErrorNumber=1\nRestrictRealtime=yes",
        "EPERM is 1"
    );
    node.release("gate");
    assert_eq!(node.done("held"), ("success".to_owned(), String::new()));
    assert!(
        node.sh(&format!("journalctl --no-pager -o cat -u {unit}"))
            .contains("a word for the journal")
    );
    // Nothing is left of it.
    let left = node.sh("systemctl list-units --all --no-legend 'freezerd-run-*'; ls /var/lib/freezerd/runs /run/freezerd/runs");
    assert_eq!(left, "/run/freezerd/runs:\n\n/var/lib/freezerd/runs:");
    let said = node.sh("journalctl --no-pager -o cat -u freezerd");
    assert!(said.contains("runs are transient units of systemd"), "{said}");
}
