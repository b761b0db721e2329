//! Installed, enabled, run, and reloaded while a backup runs.

use std::time::Duration;

use freezerd::clock::pause_thread;

use crate::node::Node;
use crate::until::until;

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
    node.until_nothing_is_left();
    let said = node.sh("journalctl --no-pager -o cat -u freezerd");
    assert!(said.contains("runs are transient units of systemd"), "{said}");
}

#[test]
fn a_reload_takes_a_good_configuration_and_leaves_a_bad_one() {
    let node = Node::boot("");
    node.start();
    reloads(&node);
}

#[test]
fn so_does_one_that_systemd_asks_for_by_itself() {
    let node = Node::boot_newer("");
    node.start();
    let shown = node.sh("systemctl show freezerd -p Type -p ExecReload");
    assert_eq!(shown, "Type=notify-reload");
    reloads(&node);
}

fn reloads(node: &Node) {
    node.pipe("gate");
    node.plan("held", HELD);
    node.line("says");
    let daemon = node.daemon();
    node.settings("[dispatch.limits]\nnice = 11");
    node.sh("timeout 120 systemctl reload freezerd");
    node.until_journal("the configuration was read again");
    node.plan("nice", "nice >$BED/is-nice");
    assert_eq!(node.done("nice").0, "success");
    assert_eq!(node.line("is-nice"), "11");
    node.settings("[dispatch.limits]\nnice = 20");
    node.sh("timeout 120 systemctl reload freezerd");
    node.until_journal("`dispatch.limits.nice`: 20 is not between -20 and 19");
    node.plan("nicer", "nice >$BED/is-nicer");
    assert_eq!(node.line("is-nicer"), "11", "the old settings stay in force");
    // `freezerd history` reads the configuration, too.
    node.settings("");
    assert_eq!(node.done("nicer").0, "success");
    assert_eq!(node.daemon(), daemon);
    node.release("gate");
    assert_eq!(node.done("held").0, "success");
}

#[test]
fn while_a_run_goes_on_nobody_wakes() {
    let node = Node::boot("");
    // systemd is to be told that it lives every half a minute, which is a wake-up.
    node.write(
        "/etc/systemd/system/freezerd.service.d/watchdog.conf",
        "[Service]\nWatchdogSec=0\n",
    );
    node.sh("systemctl daemon-reload");
    node.start();
    node.pipe("gate");
    node.plan("held", HELD);
    node.line("says");
    let unit = node.unit("held");
    node.run("held", "running");
    let supervisor = node.sh(&format!("systemctl show -p MainPID --value {unit}"));
    let threads = format!("/proc/{}/task/* /proc/{supervisor}", node.daemon());
    // How often each thread went to sleep: every wake-up ends in that.
    let script = format!("for one in {threads}; do echo $one $(grep ^voluntary $one/status); done");
    let look = || node.sh(&script);
    // What is left of the work before ends once, as much as ten seconds later: a thread that waits for more of it, a timer
    // that nobody waits for. Who looks again and again for something to do never leaves three seconds without a look.
    until("three seconds with nothing to do", || {
        let before = look();
        pause_thread(Duration::from_secs(3));
        (look() == before).then_some(())
    });
    node.release("gate");
    assert_eq!(node.done("held").0, "success");
}
