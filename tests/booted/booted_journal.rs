//! The journal hangs: its disk is slow, or it is. systemd looks after it only every three minutes.

use crate::node::Node;

/// Logs until the journal's socket takes no more: twice in a row a line is not taken in a second.
const FILL: &str = "late=0; for round in $(seq 5000); do
    echo MESSAGE=fill | timeout 1 logger --journald
    case $? in
        0) late=0 ;;
        124) late=$((late + 1)); [ $late -lt 2 ] || exit 0 ;;
        *) exit 1 ;;
    esac
done; exit 1";

#[test]
fn a_journal_that_hangs_holds_up_no_backup() {
    let node = Node::boot("");
    node.start();
    node.plan("before", "true");
    assert_eq!(node.done("before").0, "success");
    node.sh("echo MESSAGE=before | logger --journald");
    node.sh("systemctl kill --signal STOP systemd-journald");
    node.sh(FILL);
    let plans: Vec<String> = (0..20).map(|number| format!("meanwhile-{number}")).collect();
    for plan in &plans {
        node.plan(plan, "true");
    }
    for plan in &plans {
        assert_eq!(node.run(plan, "done").outcome.as_deref(), Some("success"));
    }
    // It hangs all the while.
    node.sh(FILL);
    // What waited is written as soon as it can be: each end is told, once.
    node.sh("systemctl kill --signal CONT systemd-journald");
    for plan in &plans {
        assert_eq!(node.done(plan).0, "success");
    }
}
