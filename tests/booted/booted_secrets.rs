//! What the service is given in confidence: the agent gets it, and nobody else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::node::Node;

const PASSWORD: &str = "pa55-0f-the-node";
/// `printf %s "freezer PASSWORD" | sha256sum`, so that what tells that the agent has it does not tell what it is.
const PROOF: &str = "17a093770e5506533433bc9ec5e10eb1b4cc0a9a90f15ce8bc6a0dca6a5ce801";

/// Proves what it has, and waits.
const PROVES: &str = "printf %s \"$OS_USERNAME $OS_PASSWORD\" | sha256sum >$BED/proof; read x <$BED/gate";

/// Fails for the lines that tell it.
fn keeps(text: &str, secret: &str) {
    let told: Vec<_> = text.lines().filter(|line| line.contains(secret)).collect();
    assert!(told.is_empty(), "{told:#?}");
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|found| found == secret.as_bytes())
}

/// A folder and all that is below it.
fn below(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|sort| sort.is_dir()) {
            below(entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
    found.push(folder);
}

/// The service's two folders are its user's alone, and what is kept for good does not have the secret.
fn look_at_the_files(node: &Node, secret: &str) {
    let mut found = Vec::new();
    for folder in ["/var/lib/freezerd", "/run/freezerd"] {
        below(node.path(folder), &mut found);
    }
    for path in &found {
        let Ok(about) = fs::symlink_metadata(path) else {
            continue; // Gone since.
        };
        let mode = about.permissions().mode() & 0o777;
        let wanted = if about.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{mode:o} {}", path.display());
    }
    let kept = found
        .iter()
        .filter(|path| path.starts_with(node.path("/var/lib/freezerd")));
    let kept: Vec<_> = kept
        .filter_map(|path| Some((path, fs::read(path).ok()?)))
        .collect();
    assert!(
        kept.iter().any(|(_, bytes)| holds(bytes, "backup_name")),
        "the plan is in the ledger, so this looks where it should"
    );
    for (path, bytes) in kept {
        assert!(!holds(&bytes, secret), "{}", path.display());
    }
}

/// What everybody on the machine may ask for: processes, and what systemd knows of units. As root, which sees more.
fn look_around(node: &Node, unit: &str, secret: &str) {
    let processes = node.sh("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '");
    assert!(
        processes.contains(" supervise /var/lib/freezerd/runs/"),
        "{processes}"
    );
    keeps(&processes, secret);
    let units = node.sh(&format!(
        "systemctl show --all freezerd {unit}; systemctl cat freezerd {unit}; systemctl status --full freezerd {unit}; \
         systemctl show-environment; busctl introspect org.freedesktop.systemd1 $(busctl call org.freedesktop.systemd1 \
         /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager GetUnit s {unit} | cut -d '\"' -f 2)"
    ));
    assert!(units.contains("Environment="), "{units}");
    keeps(&units, secret);
    // And what only root may read, they cannot.
    for of_root in [
        "cat /run/credentials/freezerd.service/os_password",
        "ls /var/lib/freezerd",
        "ls /run/freezerd",
        &format!("cat /proc/$(systemctl show -p MainPID --value {unit})/environ"),
    ] {
        node.sh(of_root);
        let (good, said) = node.ask(&format!(
            "setpriv --reuid=nobody --clear-groups sh -c '{of_root}'"
        ));
        assert!(!good && said.contains("Permission denied"), "{of_root}: {said}");
    }
}

#[test]
fn a_password_that_systemd_hands_over_reaches_the_agent_and_nobody_else() {
    reaches_the_agent_alone(&Node::boot(""));
}

#[test]
fn so_it_does_where_systemd_keeps_it_otherwise() {
    reaches_the_agent_alone(&Node::boot_newer(""));
}

fn reaches_the_agent_alone(node: &Node) {
    // As README has it.
    node.write(
        "/etc/default/freezerd",
        "OS_AUTH_URL=http://127.0.0.1:9/v3\nOS_USERNAME=freezer\nOS_PROJECT_NAME=service\nFREEZERD_LOG=trace\n",
    );
    node.write("/etc/credstore/os_password", &format!("{PASSWORD}\n"));
    node.sh("chmod 700 /etc/credstore; chmod 600 /etc/credstore/os_password");
    node.start();
    node.pipe("gate");
    node.plan("proves", PROVES);
    assert_eq!(node.line("proof"), format!("{PROOF}  -"));
    let unit = node.unit("proves");
    node.run("proves", "running");
    look_around(node, &unit, PASSWORD);
    look_at_the_files(node, PASSWORD);
    // A daemon that comes meanwhile has it anew, from systemd.
    node.sh("systemctl restart freezerd");
    node.release("gate");
    assert_eq!(node.done("proves").0, "success");
    look_at_the_files(node, PASSWORD);
    let said = node.sh("journalctl --no-pager --all --output=export");
    for wanted in ["PRIORITY=7\n", "MESSAGE=run succeeded"] {
        assert!(said.contains(wanted), "much is logged: {wanted}");
    }
    keeps(&said, PASSWORD);
}
