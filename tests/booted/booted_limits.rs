//! Too much memory, too much time, deaf agents, children that hide, and a name that is taken.

use freezerd::clock::{Clock, SystemClock};

use crate::node::Node;
use crate::until::until;

#[test]
fn an_agent_out_of_memory_fails_for_that_reason() {
    let node = Node::boot("[dispatch.limits]\nmemory_max = '64M'");
    node.own_memory();
    node.start();
    // Another one of the run's processes, so that a step that may still run does.
    node.plan("greedy", "head -c 300m /dev/zero | tail >/dev/null; exit 5");
    let (outcome, detail) = node.done("greedy");
    assert_eq!(outcome, "fail", "{detail}");
    let reason = "out of memory: 1 process of its control group was killed by the kernel, 67108864 bytes, \
                  dispatch.limits.memory_max";
    assert!(detail.contains(reason), "{detail}");
    assert!(
        node.sh("freezerd why greedy").contains("out of memory"),
        "why says it, too"
    );
}

#[test]
fn a_run_that_takes_too_long_fails_for_that_reason() {
    let node = Node::boot("[dispatch]\nkill_grace = '1s'\n[dispatch.limits]\nruntime_max = '4s'");
    node.soon("TimeoutStopSec=3s");
    node.start();
    // Deaf, and so is the child that has left its session.
    node.plan("long", "trap '' TERM; setsid sleep 4711 & sleep 4711; sleep 4711");
    let unit = node.unit_name("long");
    let (outcome, detail) = node.done("long");
    assert_eq!(outcome, "fail", "{detail}");
    let said = "took longer than 4 s (dispatch.limits.runtime_max): backup fs long: killed by signal 9";
    assert_eq!(detail, said);
    node.gone(&unit);
    assert!(!node.lives("sleep 4711"), "nothing escapes");
}

#[test]
fn a_supervisor_that_hangs_is_ended_by_systemd_and_the_reason_is_known() {
    let node = Node::boot("[dispatch]\nkill_grace = '0s'\n[dispatch.limits]\nruntime_max = '5s'");
    // What an administrator says of all runs comes last.
    node.soon("RuntimeMaxSec=12s");
    // It hangs as soon as there is an agent: by the time of its own limit it has to.
    node.sh("mv /usr/local/bin/agent /usr/local/bin/the-agent");
    node.write(
        "/usr/local/bin/agent",
        "#!/bin/sh\nkill -STOP $PPID\nexec /usr/local/bin/the-agent \"$@\"\n",
    );
    node.sh("chmod 755 /usr/local/bin/agent");
    node.start();
    node.plan("hung", "echo up >$BED/says; sleep 4711");
    node.line("says");
    // systemd's SIGTERM comes with a SIGCONT, so it can still say what it knows.
    let (outcome, detail) = node.done("hung");
    assert_eq!(outcome, "fail", "{detail}");
    let said = "took longer than 5 s (dispatch.limits.runtime_max): backup fs hung: killed by signal ";
    assert!(detail.starts_with(said), "{detail}");
    // What systemd kept until it was recorded is forgotten now.
    until("the unit is forgotten", || {
        let units = node
            .ask("systemctl list-units --all --no-legend 'freezerd-run-*'")
            .1;
        units.is_empty().then_some(())
    });
}

#[test]
fn an_abort_reaches_what_is_deaf_and_what_hides() {
    let node = Node::boot("[dispatch]\nkill_grace = '1s'");
    node.soon("TimeoutStopSec=3s");
    node.start();
    // A child of a child in a session of its own, and deaf: neither a process group nor a parent leads to it.
    node.plan(
        "deaf",
        "trap '' TERM; (setsid sh -c 'trap \"\" TERM; sleep 4711' &) & echo up >$BED/says; sleep 4711; sleep 4711",
    );
    node.line("says");
    let unit = node.unit("deaf");
    node.run("deaf", "running");
    node.event("deaf", "abort");
    let (outcome, detail) = node.done("deaf");
    assert_eq!(
        (outcome.as_str(), detail.as_str()),
        ("aborted", "aborted: backup fs deaf: killed by signal 9")
    );
    node.gone(&unit);
    assert!(!node.lives("sleep 4711"), "nothing escapes");
}

#[test]
fn what_an_agent_leaves_behind_ends_with_its_run() {
    let node = Node::boot("");
    node.start();
    node.plan("leaves", "(setsid sleep 4711 >/dev/null 2>&1 &) ; exit 0");
    assert_eq!(node.done("leaves").0, "success");
    assert!(!node.lives("sleep 4711"), "nothing escapes");
}

#[test]
fn a_unit_of_the_same_name_is_refused_and_waited_for() {
    let node = Node::boot("");
    node.start();
    // A date that is still to come when the plan is made, so that it runs, and that the run's name is known.
    let made = SystemClock::new().now();
    let due = node.sh("date -u -d '+10 seconds' +%Y-%m-%dT%H:%M:%SZ");
    let unit = format!("freezerd-run-named-{}.service", due.replace(['-', ':'], ""));
    node.sh(&format!(
        "mkfifo /run/gate; systemd-run --quiet --unit={unit} sh -c 'read x </run/gate'"
    ));
    node.plan_at("named", made, &due, "true");
    node.run("named", "starting");
    let (good, said) = node.ask(&format!("systemd-run --unit={unit} true"));
    assert!(!good && said.contains("was already loaded"), "{said}");
    // It is nobody's run; when it is over, it is our turn.
    node.sh("echo go >/run/gate");
    assert_eq!(node.done("named").0, "success");
}

/// The most memory that a process had, in MiB.
fn peak(node: &Node, process: &str) -> u64 {
    let line = node.sh(&format!("grep VmHWM /proc/{process}/status"));
    let peak = line.split_whitespace().nth(1).expect("VmHWM: 1234 kB");
    peak.parse::<u64>().expect("a number of KiB") / 1024
}

#[test]
fn an_agent_that_prints_without_end_costs_the_others_nothing() {
    let clock = SystemClock::new();
    let node = Node::boot("");
    node.start();
    // What the program itself takes, with all that a run needs.
    node.plan("quiet", "true");
    assert_eq!(node.done("quiet").0, "success");
    let usual = peak(&node, &node.daemon());
    // Long lines, of which journald's own limit takes gigabytes, and such as it cannot make smaller.
    node.plan(
        "flood",
        "noise() { base64 -w 40000 </dev/urandom; }; noise | head -c 150000000 >&2; echo up >$BED/says; noise >&2 & yes",
    );
    node.line("says");
    let unit = node.unit("flood");
    node.run("flood", "running");
    let supervisor = node.sh(&format!("systemctl show -p MainPID --value {unit}"));
    // The flood does not end: who is held up by it runs never.
    node.plan("punctual", "true");
    assert_eq!(node.done("punctual").0, "success");
    assert!(node.lives("base64 -w 40000"), "it goes on");
    for process in [node.daemon(), supervisor] {
        // A tenth of what was printed.
        let peak = peak(&node, &process);
        assert!(
            peak < usual + 15,
            "{peak} MiB, {usual} without, for an agent that printed 150 MB and more"
        );
    }
    node.event("flood", "abort");
    assert_eq!(node.done("flood").0, "aborted");
    let said = format!("journalctl --no-pager -o cat -u {unit}");
    until("it is told that something is left out", || {
        let told = format!("{said} | grep -q 'bytes are left out here: too much at once'");
        node.ask(&told).0.then_some(())
    });
    // 4 MiB in half a minute (src/launch/supervise/echo.rs), and the words about the rest.
    let spans = clock.monotonic().as_secs() / 30 + 1;
    let bytes: u64 = node.sh(&format!("{said} | wc -c")).parse().expect("a number");
    assert!(
        bytes < (spans << 22) + (1 << 20),
        "{bytes} bytes in {spans} spans"
    );
}
