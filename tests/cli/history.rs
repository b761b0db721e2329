//! `freezerd history`: runs and outcomes.

use freezerd::planner::{Outcome, Record, RunRecord, RunState};
use serde_json::{Value, json};

use crate::node::{Node, done, due, later, plan, queued, running, with_verdict};

/// Three plans, and runs in every state.
fn records() -> Vec<Record> {
    let daily = |hour: u32| json!({"schedule_hour": hour, "schedule_minute": 30});
    let mut records = vec![
        plan("n1", "nightly", &daily(2), "2026-03-29T01:00:00Z"),
        plan("t1", "tokyo", &daily(9), "2026-03-29T00:30:00Z"),
        plan("w1", "größer; \"よる\" 夜", &daily(11), "2026-03-29T09:30:00Z"),
    ];
    let failed = "backup: exit 1 (3 tries): no space left on device";
    let unstarted = RunRecord {
        started: None,
        pid: None,
        ..done(
            "n1",
            "2026-03-25T01:30:00Z",
            Outcome::Fail,
            0.0,
            0.1,
            "/usr/bin/freezer-agent: cannot start: No such file or directory",
        )
    };
    let gone = "it was started and is gone without an exit status: killed, or the machine went down";
    let late = RunRecord {
        queued: later("2026-03-29T01:00:00Z", 3.0 * 3600.0),
        ..running("n1", "2026-03-29T01:00:00Z", 3.0 * 3600.0 + 0.4)
    };
    let held = RunRecord {
        not_before: Some(due("2026-03-29T18:00:00Z")),
        ..queued("w1", "2026-03-29T09:30:00Z")
    };
    let runs = [
        unstarted,
        done("n1", "2026-03-26T01:30:00Z", Outcome::Fail, 0.25, 734.0, failed),
        done(
            "n1",
            "2026-03-27T01:30:00Z",
            Outcome::Aborted,
            0.3,
            7.25,
            "aborted: backup: killed by signal 15",
        ),
        done("n1", "2026-03-28T01:30:00Z", Outcome::Lost, 0.2, 9000.0, gone),
        done("t1", "2026-03-28T00:30:00Z", Outcome::Success, 0.125, 8132.0, ""),
        RunRecord {
            state: RunState::Starting,
            ..queued("t1", "2026-03-29T00:30:00Z")
        },
        late,
        held,
    ];
    records.extend(runs.into_iter().flat_map(with_verdict));
    records
}

#[test]
fn all_runs() {
    let answer = Node::new(&records()).run(&["history"]);
    insta::assert_snapshot!("history_table", answer.fine());
}

#[test]
fn in_colours() {
    let answer = Node::new(&records()).run_with(&["history", "--limit", "5"], true);
    let shown = answer.stdout.replace('\u{1b}', "<ESC>");
    insta::assert_snapshot!("history_colours", format!("{shown}---\n{}", answer.stderr));
}

#[test]
fn one_plans_runs_are_in_its_zone() {
    let node = Node::new(&records());
    insta::assert_snapshot!("history_of_one", node.run(&["history", "tokyo"]).fine());
    assert_eq!(
        node.run(&["history", "t1"]).fine(),
        node.run(&["history", "tokyo"]).fine()
    );
}

#[test]
fn json() {
    insta::assert_snapshot!(
        "history_json",
        Node::new(&records()).run(&["history", "--format", "json"]).fine()
    );
}

#[test]
fn csv() {
    let text = Node::new(&records()).run(&["history", "--format", "csv"]).fine();
    insta::assert_snapshot!("history_csv", text.replace("\r\n", "<CRLF>\n"));
}

/// What other tools read, field by field.
#[test]
fn the_fields_of_a_run() {
    let answer = Node::new(&records())
        .run(&["history", "n1", "--format", "json"])
        .json();
    assert_eq!(answer["timezone"], "Europe/Berlin");
    let runs = answer["runs"].as_array().unwrap();
    let column = |name: &str| runs.iter().map(|run| run[name].clone()).collect::<Vec<Value>>();
    assert_eq!(
        column("outcome"),
        [
            json!(null),
            json!("lost"),
            json!("aborted"),
            json!("fail"),
            json!("fail")
        ]
    );
    assert_eq!(column("state"), ["running", "done", "done", "done", "done"]);
    assert_eq!(runs[0]["due"], "2026-03-29T01:00:00Z");
    assert_eq!(runs[0]["local"], "2026-03-29T03:00:00+02:00");
    assert_eq!(
        column("lateness_seconds"),
        [json!(10800.4), json!(0.2), json!(0.3), json!(0.25), json!(null)]
    );
    // The end of a lost run is when it was missed: nobody knows how long it took.
    assert_eq!(
        column("duration_seconds"),
        [json!(null), json!(null), json!(7.25), json!(734.0), json!(null)]
    );
}

#[test]
fn beside_a_daemon_that_writes() {
    let node = Node::without_ledger();
    let mut daemon = node.daemon(&records());
    let runs = || {
        node.run(&["history", "--format", "json"]).json()["runs"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(runs(), 8);
    daemon
        .commit(&with_verdict(queued("n1", "2026-03-29T09:00:00Z")))
        .unwrap();
    assert_eq!(runs(), 9);
}

#[test]
fn no_more_than_the_limit_and_it_says_so() {
    let node = Node::new(&records());
    let answer = node.run(&["history", "--limit", "3", "--format", "json"]);
    assert_eq!(answer.stderr, "the latest 3; --limit N shows more\n");
    assert_eq!(answer.json()["runs"].as_array().unwrap().len(), 3);
    let all = node.run(&["history", "--limit", "8", "--format", "json"]);
    assert_eq!(all.stderr, "", "there are no more");
    let empty = Node::new(&[]);
    assert_eq!(
        empty.run(&["history"]).fine(),
        "Runs, newest first, Europe/Berlin\n\nThere are none.\n"
    );
}

/// A launcher's words come from other programs: they must not move anybody's cursor, or fill a spreadsheet.
#[test]
fn hostile_details() {
    let nasty = "=1+1 \u{1b}[2J\r\nnext line \u{202e}";
    let mut records = vec![plan(
        "n1",
        "nightly",
        &json!({"schedule_hour": "*"}),
        "2026-03-29T01:00:00Z",
    )];
    records.extend(with_verdict(done(
        "n1",
        "2026-03-29T01:00:00Z",
        Outcome::Fail,
        0.1,
        1.0,
        nasty,
    )));
    let node = Node::new(&records);
    for format in ["table", "json", "csv"] {
        let text = node.run(&["history", "--format", format]).fine();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        assert!(!text.contains("\nnext line"), "{text}");
        assert_eq!(text.contains("'=1+1"), format == "csv", "{text}");
    }
}
