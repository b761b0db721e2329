//! Restarted, and another version put in the place of the one that runs, while a backup runs.

use std::fs;

use rusqlite::Connection;

use crate::node::Node;

/// Of the program that is tested, and as long: of the one that comes after it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// From the tables of this version back to those of the first. (Each step of `src/ledger/schema.rs`, undone.)
const BACK_TO_THE_FIRST: &str = "
ALTER TABLE progress DROP COLUMN waits;
ALTER TABLE session_end DROP COLUMN unsure;
ALTER TABLE plan DROP COLUMN since;
ALTER TABLE run DROP COLUMN first;
ALTER TABLE run DROP COLUMN count;
DROP TABLE common;
ALTER TABLE plan DROP COLUMN common;
ALTER TABLE plan DROP COLUMN digest;
ALTER TABLE plan DROP COLUMN created;
ALTER TABLE plan DROP COLUMN started;
ALTER TABLE plan DROP COLUMN ended;
ALTER TABLE plan DROP COLUMN in_session;
ALTER TABLE plan DROP COLUMN in_round;
DELETE FROM fact WHERE name IN ('digest_seed', 'brief_form');
DROP TABLE draft;
DROP TABLE session_end;
ALTER TABLE report DROP COLUMN session;
ALTER TABLE report DROP COLUMN session_tag;
ALTER TABLE run DROP COLUMN session;
DROP TABLE sighting;
DROP TABLE backup;
PRAGMA user_version = 1;
VACUUM;
";

/// Tells that it runs, and ends when it is let go.
fn held(number: u32) -> String {
    format!("echo up >$BED/says-{number}; read x <$BED/gate-{number}")
}

/// The program that a process runs, as the kernel names it: one that has another in its place is `(deleted)`.
fn program(node: &Node, process: &str) -> String {
    node.sh(&format!("readlink /proc/{process}/exe"))
}

fn supervisor(node: &Node, unit: &str) -> String {
    node.sh(&format!("systemctl show -p MainPID --value {unit}"))
}

#[test]
fn a_restart_and_an_upgrade_leave_a_running_backup_alone() {
    let node = Node::boot("");
    node.start();
    node.pipe("gate-1");
    node.plan("held", &held(1));
    node.line("says-1");
    let unit = node.unit("held");
    let runs = supervisor(&node, &unit);
    let before = node.daemon();
    node.sh("systemctl restart freezerd");
    assert_ne!(node.daemon(), before);
    // As a package does it: another file in the place of the one that runs.
    let next: String = VERSION
        .chars()
        .map(|digit| if digit.is_ascii_digit() { '9' } else { digit })
        .collect();
    node.sh(&format!(
        "sed 's/{}/{next}/g' /usr/bin/freezerd >/usr/bin/.new && chmod 755 /usr/bin/.new && \
         mv /usr/bin/.new /usr/bin/freezerd && systemctl daemon-reload",
        VERSION.replace('.', "\\."),
    ));
    assert_eq!(program(&node, &node.daemon()), "/usr/bin/freezerd (deleted)");
    node.sh("systemctl restart freezerd");
    assert_eq!(program(&node, &node.daemon()), "/usr/bin/freezerd");
    assert_eq!(node.sh("freezerd --version"), format!("freezerd {next}"));
    node.until_journal(&format!("freezerd {next} runs"));
    assert_eq!(node.run("held", "running").outcome, None);
    assert_eq!(supervisor(&node, &unit), runs);
    assert_eq!(
        program(&node, &runs),
        "/usr/bin/freezerd (deleted)",
        "the former one's"
    );
    // While nobody is there it ends; whoever comes hears of it.
    node.sh("systemctl stop freezerd");
    node.release("gate-1");
    node.gone(&unit);
    node.sh("systemctl start freezerd");
    assert_eq!(node.done("held"), ("success".to_owned(), String::new()));

    // From the ledger of the first version that had one, too.
    node.pipe("gate-2");
    node.plan("old", &held(2));
    node.line("says-2");
    node.run("old", "running");
    node.sh("systemctl stop freezerd");
    make_the_ledger_old(&node);
    node.sh("systemctl start freezerd");
    node.release("gate-2");
    assert_eq!(node.done("old"), ("success".to_owned(), String::new()));
    assert_eq!(
        node.done("held").0,
        "success",
        "what it knows is told once, and kept"
    );
}

/// While no daemon is there.
fn make_the_ledger_old(node: &Node) {
    const LEDGER: &str = "ledger.db";
    const LOG: &str = "ledger.db-wal";
    let there = node.path("/var/lib/freezerd");
    // SQLite would take the path for one of this machine.
    let here = tempfile::tempdir().expect("a folder");
    for file in [LEDGER, LOG] {
        if there.join(file).exists() {
            fs::copy(there.join(file), here.path().join(file)).expect("copied");
        }
    }
    let copy = here.path().join(LEDGER);
    let ledger = Connection::open(&copy).expect("a ledger");
    ledger
        .execute_batch(BACK_TO_THE_FIRST)
        .expect("the tables of the first version");
    // That takes in all of the log.
    ledger.close().expect("closed");
    node.sh(&format!("rm -f /var/lib/freezerd/{LOG}"));
    fs::copy(&copy, there.join(LEDGER)).expect("copied back");
}
