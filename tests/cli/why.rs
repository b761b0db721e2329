//! `freezerd why`: what became of due times, told.

use freezerd::plan::JobId;
use freezerd::planner::{Outcome, Reason, Record, RunId, RunRecord, RunState, Verdict, VerdictRecord};
use serde_json::json;

use crate::node::{Node, done, due, instant, later, plan, queued, running, verdict, with_verdict};

fn skipped(when: &str, reason: Reason) -> Record {
    Record::Verdict(verdict("n1", when, Verdict::Skipped(reason)))
}

fn nightly(covered: &str) -> Record {
    plan(
        "n1",
        "nightly",
        &json!({"schedule_hour": 2, "schedule_minute": 30}),
        covered,
    )
}

fn hourly(covered: &str) -> Record {
    plan("n1", "hourly", &json!({"schedule_hour": "*"}), covered)
}

fn run_of(when: &str) -> RunId {
    RunId::new(&JobId::new("n1"), due(when))
}

/// A fortnight in which everything happens once.
fn fortnight() -> Vec<Record> {
    let failed = "backup: exit 1 (3 tries): no space left on device";
    let gone = "it was started and is gone without an exit status: killed, or the machine went down";
    let unstarted = RunRecord {
        started: None,
        pid: None,
        ..done(
            "n1",
            "2026-03-24T01:30:00Z",
            Outcome::Fail,
            0.0,
            0.1,
            "cannot start /usr/bin/freezer-agent",
        )
    };
    let away = RunRecord {
        queued: later("2026-03-28T01:30:00Z", 11_520.0),
        ..done(
            "n1",
            "2026-03-28T01:30:00Z",
            Outcome::Success,
            14_000.0,
            3723.0,
            "",
        )
    };
    let mut records = vec![nightly("2026-03-29T01:00:00Z")];
    let runs = [
        done("n1", "2026-03-13T01:30:00Z", Outcome::Success, 0.1, 90_000.0, ""),
        unstarted,
        done("n1", "2026-03-25T01:30:00Z", Outcome::Fail, 0.25, 734.0, failed),
        done(
            "n1",
            "2026-03-26T01:30:00Z",
            Outcome::Aborted,
            0.3,
            7.25,
            "aborted: backup: killed by signal 15",
        ),
        done("n1", "2026-03-27T01:30:00Z", Outcome::Lost, 0.2, 9000.0, gone),
        away,
        done("n1", "2026-03-29T01:00:00Z", Outcome::Success, 0.2, 12.3, ""),
    ];
    records.extend(runs.into_iter().flat_map(with_verdict));
    let expired = VerdictRecord {
        decided: later("2026-03-15T01:30:00Z", 7500.0),
        ..verdict("n1", "2026-03-15T01:30:00Z", Verdict::Skipped(Reason::Expired))
    };
    let superseded = VerdictRecord {
        decided: later("2026-03-22T01:30:00Z", 90_000.0),
        ..verdict("n1", "2026-03-22T01:30:00Z", Verdict::Skipped(Reason::Superseded))
    };
    records.extend([
        skipped("2026-03-14T01:30:00Z", Reason::Overlap),
        Record::Verdict(expired),
        skipped("2026-03-16T01:30:00Z", Reason::Disabled),
        skipped("2026-03-17T01:30:00Z", Reason::Stopped),
        skipped("2026-03-18T01:30:00Z", Reason::Stopped),
        skipped("2026-03-19T01:30:00Z", Reason::Unsupported),
        skipped("2026-03-20T01:30:00Z", Reason::ExecDenied),
        skipped("2026-03-21T01:30:00Z", Reason::OutsideWindow),
        Record::Verdict(superseded),
        skipped("2026-03-23T01:30:00Z", Reason::Shadow),
    ]);
    records
}

#[test]
fn everything_that_can_become_of_a_due_time() {
    let node = Node::new(&fortnight());
    node.configure("[dispatch]\ncatch_up = \"10m\"\n");
    let all = node.run(&["why", "nightly", "--limit", "99"]);
    insta::assert_snapshot!("why_everything", all.fine());
    let latest = node.run(&["why", "n1"]).fine();
    assert_eq!(
        latest.lines().filter(|line| line.contains(":00 +0")).count(),
        10 + 4,
        "{latest}"
    );
}

#[test]
fn in_colours() {
    let node = Node::new(&fortnight());
    let shown = node.run_with(&["why", "nightly"], true).fine();
    insta::assert_snapshot!("why_colours", shown.replace('\u{1b}', "<ESC>"));
}

#[test]
fn json() {
    let node = Node::new(&fortnight());
    let all = node
        .run(&["why", "nightly", "--limit", "2", "--format", "json"])
        .fine();
    insta::assert_snapshot!("why_json", all);
    let time = ["why", "nightly", "2026-03-29T12:00", "--format", "json"];
    insta::assert_snapshot!("why_json_time", node.run(&time).fine());
    for line in [&time[..], &["why", "nightly", "--format", "json"]] {
        let answer = node.run(line).json();
        assert_eq!(answer["plan"]["job_id"], "n1");
    }
}

/// After downtime, and while a run waits: several due times, one run.
fn coalesced(into: &str, first: &str, last: &str, count: u64, decided: &str) -> Record {
    Record::Verdict(VerdictRecord {
        last: due(last),
        count,
        decided: instant(decided),
        ..verdict("n1", first, Verdict::Coalesced(run_of(into)))
    })
}

#[test]
fn due_times_that_share_a_run() {
    let mut records = vec![hourly("2026-03-29T09:00:00Z")];
    let away = RunRecord {
        queued: instant("2026-03-29T05:03:10Z"),
        ..done("n1", "2026-03-29T05:00:00Z", Outcome::Success, 190.5, 12.0, "")
    };
    let waits = RunRecord {
        covers: due("2026-03-29T09:00:00Z"),
        ..queued("n1", "2026-03-29T07:00:00Z")
    };
    records.extend([away, waits].into_iter().flat_map(with_verdict));
    records.extend([
        coalesced(
            "2026-03-28T21:00:00Z",
            "2026-03-28T20:00:00Z",
            "2026-03-28T20:00:00Z",
            1,
            "2026-03-28T21:00:00Z",
        ),
        coalesced(
            "2026-03-28T22:00:00Z",
            "2026-03-28T22:30:00Z",
            "2026-03-28T22:30:00Z",
            1,
            "2026-03-28T22:30:00Z",
        ),
        skipped("2026-03-28T22:00:00Z", Reason::Stopped),
        coalesced(
            "2026-03-29T05:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T04:00:00Z",
            6,
            "2026-03-29T05:03:10Z",
        ),
        coalesced(
            "2026-03-29T07:00:00Z",
            "2026-03-29T08:00:00Z",
            "2026-03-29T09:00:00Z",
            2,
            "2026-03-29T09:00:00Z",
        ),
    ]);
    let node = Node::new(&records);
    insta::assert_snapshot!("why_coalesced", node.run(&["why", "hourly"]).fine());
    let at = |time: &str| node.run(&["why", "hourly", time]).fine();
    let all = [
        "2026-03-29 01:00",
        "2026-03-29T05:30:00+02:00",
        "2026-03-29T03:00:00Z",
    ]
    .map(at);
    insta::assert_snapshot!("why_coalesced_at", all.join("\n"));
}

/// Runs that are not over: each plan has one.
#[test]
fn runs_that_are_not_over() {
    let state = |run: RunRecord| {
        let mut records = vec![hourly("2026-03-29T09:00:00Z")];
        let queued = run.state == RunState::Queued;
        records.extend(with_verdict(run));
        records.extend((!queued).then(|| skipped("2026-03-29T09:00:00Z", Reason::Overlap)));
        Node::new(&records).run(&["why", "n1"]).fine()
    };
    let when = "2026-03-29T08:00:00Z";
    let held = RunRecord {
        not_before: Some(due("2026-03-29T18:00:00Z")),
        ..queued("n1", when)
    };
    let starting = RunRecord {
        state: RunState::Starting,
        ..queued("n1", when)
    };
    let all = [queued("n1", when), held, starting, running("n1", when, 0.2)].map(state);
    let sentences: Vec<String> = all
        .iter()
        .map(|text| {
            let (_, rest) = text.split_once("What became of its due times\n").unwrap();
            rest.split("\n\n").next().unwrap().to_owned()
        })
        .collect();
    insta::assert_snapshot!("why_not_over", sentences.join("\n---\n"));
}

#[test]
fn a_time_that_is_asked_about() {
    let node = Node::new(&fortnight());
    let ask = |time: &str| format!("> {time}\n{}", node.run(&["why", "nightly", time]).fine());
    let times = [
        "2026-03-29 03:00",
        "2026-03-29T02:30",
        "2026-03-14T01:30:00Z",
        "2026-03-20",
        "2026-03-01T09:30:00Z",
        "2026-02-27T01:30:00Z",
        "2024-02-27T01:30:00Z",
        "2026-03-30T02:30",
        "2026-10-25T02:30",
        "2026-04-01",
    ];
    insta::assert_snapshot!("why_times", times.map(ask).join("\n"));
    let mistake = node.run(&["why", "nightly", "yesterday"]).refused(2);
    assert_eq!(
        mistake,
        "freezerd: TIME \"yesterday\" is not a time: give RFC 3339 as 2026-03-28T00:00:00Z, or 2026-03-28 or \
         2026-03-28T14:30 in Europe/Berlin\n"
    );
}

/// The daemon has been away since yesterday, and the schedule was edited before.
#[test]
fn a_daemon_that_is_away() {
    let mut records = vec![nightly("2026-03-27T01:30:00Z")];
    records.extend(with_verdict(done(
        "n1",
        "2026-03-27T01:30:00Z",
        Outcome::Success,
        0.2,
        12.0,
        "",
    )));
    let node = Node::new(&records);
    let ask = |time: &str| node.run(&["why", "nightly", time]).fine();
    let all = [
        node.run(&["why", "nightly"]).fine(),
        ask("2026-03-28T02:30"),
        ask("2026-03-28T12:00"),
        ask("2026-03-26T02:30"),
    ];
    insta::assert_snapshot!("why_away", all.join("\n"));
}

#[test]
fn a_window_that_is_shut() {
    let node = Node::new(&[nightly("2026-03-29T01:00:00Z")]);
    let shut = |outside: &str| {
        node.configure(&format!(
            "[[window]]\nallow = \"* 20-23 * * *\"\noutside = \"{outside}\"\n"
        ));
        let all = node.run(&["why", "nightly"]).fine();
        let next = all
            .lines()
            .find(|line| line.contains("next due"))
            .unwrap()
            .to_owned();
        format!(
            "{next}\n{}",
            node.run(&["why", "nightly", "2026-03-30 02:30"]).fine()
        )
    };
    insta::assert_snapshot!("why_window", [shut("wait"), shut("skip")].join("\n"));
}

#[test]
fn a_continuous_plan() {
    let covered = "2026-03-29T09:59:00Z";
    let mut records = vec![plan(
        "n1",
        "again",
        &json!({"schedule_interval": "continuous"}),
        covered,
    )];
    records.extend(with_verdict(running("n1", covered, 0.2)));
    let node = Node::new(&records);
    let all = [
        node.run(&["why", "again"]).fine(),
        node.run(&["why", "again", "2026-03-29T14:00:00Z"]).fine(),
    ];
    insta::assert_snapshot!("why_continuous", all.join("\n"));
}

/// What was removed is not said never to have been.
#[test]
fn history_that_is_no_longer_kept() {
    let pruned = Record::Verdict(verdict(
        "n1",
        "2026-03-28T01:30:00Z",
        Verdict::Run(run_of("2026-03-28T01:30:00Z")),
    ));
    let node = Node::new(&[nightly("2026-03-29T01:00:00Z"), pruned]);
    node.configure("[history]\nkeep = \"7d\"\n");
    let all = [
        node.run(&["why", "nightly"]).fine(),
        node.run(&["why", "nightly", "2026-03-20T02:30"]).fine(),
    ];
    insta::assert_snapshot!("why_removed", all.join("\n"));
}
