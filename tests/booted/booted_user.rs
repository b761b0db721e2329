//! The variants: the daemon as its own user, and agents as its children; and from one to the other.

use crate::node::Node;

const DOC: &str = "/usr/share/doc/freezerd";
const DROP_INS: &str = "/etc/systemd/system/freezerd.service.d";

const SETTINGS: &str = "[dispatch]\nlauncher = 'systemd'\nkill_grace = '1s'";

#[test]
fn as_its_own_user_it_needs_the_polkit_rule_and_starts_agents_as_root() {
    needs_the_rule(&Node::boot(SETTINGS));
}

#[test]
fn so_it_does_where_systemd_tells_polkit_more() {
    needs_the_rule(&Node::boot_newer(SETTINGS));
}

fn needs_the_rule(node: &Node) {
    node.sh(&format!(
        "install -D -m 644 {DOC}/own-user.conf {DROP_INS}/own-user.conf && systemctl daemon-reload"
    ));
    node.write(
        "/etc/default/freezerd",
        "OS_AUTH_URL=http://127.0.0.1:9/v3\nOS_AUTH_TYPE=v3applicationcredential\nOS_APPLICATION_CREDENTIAL_ID=a\n",
    );
    // root's alone: it is systemd that hands it over.
    node.write("/etc/credstore/os_application_credential_secret", "0f-the-node\n");
    node.sh("chmod -R go= /etc/credstore");
    let (good, _) = node.ask("systemctl start freezerd");
    assert!(!good, "it may not");
    node.until_journal("only root may start units, or who the polkit rule 50-freezerd.rules names");
    node.sh(&format!(
        "install -m 644 {DOC}/50-freezerd.rules /etc/polkit-1/rules.d/"
    ));
    // It sees the rule by itself, as a rule; once, on a busy machine, it did not for two minutes.
    node.sh("systemctl try-restart polkit.service");
    crate::until::until("polkit knows the rule", || {
        // The tries before this one are not to count as too many.
        node.ask("systemctl reset-failed freezerd; systemctl restart freezerd")
            .0
            .then_some(())
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
    node.until_nothing_is_left();
    what_the_rule_grants(node);
    // Who asks polkit finds a new one.
    node.sh("systemctl restart polkit.service");
    node.plan(
        "asked",
        "[ \"$OS_APPLICATION_CREDENTIAL_SECRET\" = 0f-the-node ] && id -un >$BED/asked-who",
    );
    assert_eq!(node.done("asked").0, "success");
    assert_eq!(node.line("asked-who"), "root");
    // Its run outlives it, and ends while nobody of that user is there.
    node.pipe("gate");
    node.plan("kept", "echo up >$BED/kept-says; read x <$BED/gate");
    node.line("kept-says");
    let unit = node.unit("kept");
    node.run("kept", "running");
    node.sh("systemctl restart freezerd");
    assert_eq!(node.run("kept", "running").outcome, None);
    node.sh("systemctl stop freezerd");
    node.release("gate");
    node.gone(&unit);
    node.sh("systemctl start freezerd");
    assert_eq!(node.done("kept"), ("success".to_owned(), String::new()));
}

/// What stands at the head of 50-freezerd.rules, and no more.
fn what_the_rule_grants(node: &Node) {
    node.sh("systemd-run --quiet --unit=freezerd-run-asked sleep 4711");
    let as_it = |command: &str| {
        node.ask(&format!(
            "setpriv --reuid=freezerd --regid=freezerd --clear-groups {command}"
        ))
    };
    let manager =
        "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager";
    for granted in [
        "systemd-run --quiet --wait --unit=freezerd-run-any-name true",
        "systemctl kill freezerd-run-asked.service",
        &format!("{manager} ResetFailed"),
        &format!("{manager} ClearJobs"),
    ] {
        let (good, said) = as_it(granted);
        assert!(good, "{granted}: {said}");
    }
    // Whether the name of a new unit is told: 252 does not, and 257 does.
    let version = node.sh("systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p'");
    let (good, said) = as_it("systemd-run --quiet --wait --unit=any-name true");
    assert_eq!(good, version == "252", "{said}");
    for other in [
        "systemctl stop dbus.service",
        "systemctl restart freezerd.service",
        "systemctl stop freezerd-runs.slice",
        "systemctl reset-failed dbus.service",
        "systemctl set-property --runtime dbus.service CPUWeight=1",
        "systemctl mask --runtime freezerd-run-x.service",
        "systemctl daemon-reload",
        "systemctl set-environment A=b",
        "systemctl reboot",
    ] {
        let (good, said) = as_it(other);
        let denied = ["authentication required", "Access denied"]
            .iter()
            .any(|why| said.contains(why));
        assert!(!good && denied, "{other}: {said}");
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
