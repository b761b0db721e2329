//! The variants: the daemon as its own user, and agents as its children; and from one to the other.

use crate::node::Node;

const DOC: &str = "/usr/share/doc/freezerd";
const DROP_INS: &str = "/etc/systemd/system/freezerd.service.d";

#[test]
fn as_its_own_user_it_needs_the_polkit_rule_and_starts_agents_as_root() {
    let node = Node::boot("[dispatch]\nlauncher = 'systemd'\nkill_grace = '1s'");
    node.sh(&format!(
        "install -D -m 644 {DOC}/own-user.conf {DROP_INS}/own-user.conf && systemctl daemon-reload"
    ));
    let (good, _) = node.ask("systemctl start freezerd");
    assert!(!good, "it may not");
    node.until_journal("only root may start units, or who the polkit rule 50-freezerd.rules names");
    node.sh(&format!(
        "install -m 644 {DOC}/50-freezerd.rules /etc/polkit-1/rules.d/"
    ));
    // polkit sees it by itself, a moment later.
    crate::until::until("polkit knows the rule", || {
        node.ask("systemctl restart freezerd").0.then_some(())
    });
    let whose = node.sh(&format!("stat --format=%U /proc/{}", node.daemon()));
    assert_eq!(whose, "freezerd");
    node.plan("who", "id -un; id -un >$BED/who; echo said >&2; exit 3");
    let (outcome, detail) = node.done("who");
    assert_eq!(
        (outcome.as_str(), detail.as_str()),
        ("fail", "backup fs who: exit 3: said")
    );
    assert_eq!(node.line("who"), "root");
    // It can end them, too, and clears away what was root's.
    node.plan("held", "echo up >$BED/says; sleep 4711");
    node.line("says");
    node.run("held", "running");
    node.event("held", "abort");
    assert_eq!(node.done("held").0, "aborted");
    let left = node.sh("ls /var/lib/freezerd/runs /run/freezerd/runs");
    assert_eq!(left, "/run/freezerd/runs:\n\n/var/lib/freezerd/runs:");
    // The rule is no more than it says.
    let as_it = |command: &str| {
        node.ask(&format!(
            "setpriv --reuid=freezerd --regid=freezerd --clear-groups {command}"
        ))
    };
    for other in [
        "systemctl stop dbus.service",
        "systemctl restart freezerd.service",
        "systemctl reboot",
    ] {
        let (good, said) = as_it(other);
        assert!(!good, "{other}: {said}");
    }
}

#[test]
fn a_run_outlives_a_change_of_the_launcher_both_ways() {
    let node = Node::boot("");
    node.start();
    node.pipe("gate");
    node.plan("unit", "echo up >$BED/unit-says; read x <$BED/gate");
    node.line("unit-says");
    node.run("unit", "running");
    // Behind its walls the service starts no agents.
    node.settings("[dispatch]\nlauncher = 'process'");
    let (good, _) = node.ask("systemctl restart freezerd");
    assert!(!good);
    node.until_journal("would start agents inside this service, which is confined");
    node.sh(&format!(
        "install -D -m 644 {DOC}/launcher-process.conf {DROP_INS}/launcher-process.conf"
    ));
    node.sh("systemctl daemon-reload; systemctl reset-failed freezerd; systemctl start freezerd");
    node.release("gate");
    assert_eq!(
        node.done("unit").0,
        "success",
        "a unit's run, found by a daemon with children"
    );

    node.plan(
        "child",
        "ls /home >/dev/null && echo up >$BED/child-says; read x <$BED/gate",
    );
    node.line("child-says");
    node.run("child", "running");
    node.settings("");
    node.sh(&format!(
        "rm {DROP_INS}/launcher-process.conf; systemctl daemon-reload; systemctl restart freezerd"
    ));
    node.until_journal("runs are transient units of systemd");
    node.release("gate");
    assert_eq!(
        node.done("child").0,
        "success",
        "a child's run, found by a daemon with units"
    );
}

#[test]
fn beside_another_scheduler_it_starts_nothing_until_the_drop_in_is_gone() {
    let node = Node::boot("");
    node.sh(&format!(
        "install -D -m 644 {DOC}/shadow.conf {DROP_INS}/shadow.conf && systemctl daemon-reload"
    ));
    node.start();
    node.plan("before", "true");
    crate::until::until("the shadow has decided", || {
        let (good, said) = node.ask("freezerd why before");
        (good && said.contains("shadow")).then_some(())
    });
    // As README has it: what a command sees in a shell is then what the service sees.
    let checked = node.sh(
        "systemd-run --pipe --wait -p EnvironmentFile=-/etc/default/freezerd -p LoadCredential=os_password freezerd check",
    );
    assert!(checked.contains("ok    /etc/freezerd/freezerd.toml"), "{checked}");
    node.sh(&format!(
        "rm {DROP_INS}/shadow.conf && systemctl daemon-reload && systemctl enable freezerd && systemctl restart freezerd"
    ));
    node.plan("after", "true");
    assert_eq!(node.done("after").0, "success");
    let (_, ran) = node.ask("ls /srv/bed");
    assert!(!ran.contains("started-before"), "{ran}");
}
