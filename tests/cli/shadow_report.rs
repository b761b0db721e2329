//! `freezerd shadow-report`: what freezerd would have done, and what the scheduler beside it did.

use freezerd::plan::JobId;
use freezerd::planner::{Reason, Record, Sighting, Verdict, VerdictRecord};
use serde_json::{Value, json};

use crate::node::{Node, due, instant, later, plan, verdict};

/// A run that started so many seconds after `when`; the last listing that could not show it came at `unseen`.
fn ran(id: &str, when: &str, late: f64, result: &str, unseen: &str) -> Record {
    Record::Sighting(Sighting {
        job: JobId::new(id),
        started: due(&later(when, late).to_rfc3339()),
        ended: (!result.is_empty()).then(|| later(when, late + 90.0)),
        result: result.to_owned(),
        seen: later(when, late + 30.0),
        unseen: Some(instant(unseen)),
    })
}

fn skipped(id: &str, when: &str, reason: Reason) -> Record {
    Record::Verdict(verdict(id, when, Verdict::Skipped(reason)))
}

/// Two days beside freezer-scheduler: what it did well, late, twice, not at all, and what nobody can know.
fn records() -> Vec<Record> {
    let shadow = |id: &str, when: &str| skipped(id, when, Reason::Shadow);
    let hour = |hour: u32| format!("2026-03-28T{hour:02}:00:00Z");
    let mut records = vec![
        plan(
            "h1",
            "hourly",
            &json!({"schedule_minute": 0}),
            "2026-03-28T06:00:00Z",
        ),
        plan(
            "n1",
            "nightly",
            &json!({"schedule_hour": 2}),
            "2026-03-29T01:00:00Z",
        ),
        plan(
            "t1",
            "tokyo",
            &json!({"schedule_hour": 9}),
            "2026-03-29T00:00:00Z",
        ),
        plan(
            "c1",
            "always",
            &json!({"schedule_interval": "continuous"}),
            "2026-03-29T01:00:00Z",
        ),
        Record::Polled {
            at: instant("2026-03-29T09:59:00Z"),
        },
    ];
    records.extend((1..=6).map(|due| shadow("h1", &hour(due))));
    records.extend([
        ran("h1", &hour(1), 0.0, "success", "2026-03-28T00:59:30Z"),
        ran("h1", &hour(2), 754.0, "success", "2026-03-28T02:12:00Z"),
        ran("h1", &hour(2), 1800.0, "fail", "2026-03-28T02:29:30Z"),
        // Nothing for 03:00 and 04:00; whoever looked at 03:30 could still see that.
        ran("h1", &hour(5), 1.0, "", "2026-03-28T03:30:00Z"),
        skipped("n1", "2026-03-27T01:00:00Z", Reason::Stopped),
        skipped("n1", "2026-03-28T01:00:00Z", Reason::Stopped),
        ran(
            "n1",
            "2026-03-28T01:00:00Z",
            0.0,
            "success",
            "2026-03-28T00:59:30Z",
        ),
        shadow("n1", "2026-03-29T01:00:00Z"),
        Record::Verdict(VerdictRecord {
            last: due("2026-03-29T00:00:00Z"),
            count: 3,
            ..verdict("t1", "2026-03-27T00:00:00Z", Verdict::Skipped(Reason::Shadow))
        }),
        ran(
            "t1",
            "2026-03-27T00:00:00Z",
            2.0,
            "success",
            "2026-03-26T23:59:30Z",
        ),
        ran("t1", "2026-03-29T00:00:00Z", 2.0, "=1+1", "2026-03-28T23:59:30Z"),
    ]);
    records
}

#[test]
fn all_of_it() {
    let answer = Node::new(&records()).run(&["shadow-report"]);
    let shown = format!("{}---\n{}", answer.stdout, answer.stderr);
    insta::assert_snapshot!("shadow_report_table", shown);
}

#[test]
fn one_plan_in_its_zone_and_in_colours() {
    let answer = Node::new(&records()).run_with(&["shadow-report", "tokyo"], true);
    let shown = answer.stdout.replace('\u{1b}', "<ESC>");
    insta::assert_snapshot!("shadow_report_of_one", shown);
}

#[test]
fn json_and_csv() {
    let node = Node::new(&records());
    let formatted = |format| node.run(&["shadow-report", "--format", format]).stdout;
    insta::assert_snapshot!("shadow_report_json", formatted("json"));
    insta::assert_snapshot!("shadow_report_csv", formatted("csv").replace("\r\n", "<CRLF>\n"));
}

#[test]
fn a_span_ends_with_its_last_due_time_and_begins_after_its_first() {
    let node = Node::new(&records());
    let dues = |arguments: &[&str]| -> Vec<Value> {
        let line = [&["shadow-report", "h1", "--format", "json"], arguments].concat();
        let answer: Value = serde_json::from_str(&node.run(&line).stdout).unwrap();
        let lines = answer["due_times"].as_array().unwrap();
        lines.iter().map(|line| line["due"].clone()).collect()
    };
    // The run of 02:30 belongs to no due time; it falls into the span by its start.
    let span = [
        "--since",
        "2026-03-28T02:00:00Z",
        "--until",
        "2026-03-28T05:00:00+01:00",
    ];
    assert_eq!(
        dues(&span),
        [
            json!(null),
            json!("2026-03-28T03:00:00Z"),
            json!("2026-03-28T04:00:00Z")
        ]
    );
    assert_eq!(dues(&["--from", "2026-03-28 08:00"]).len(), 0);
    assert_eq!(
        dues(&["--differences"]),
        [
            json!(null),
            json!("2026-03-28T03:00:00Z"),
            json!("2026-03-28T06:00:00Z")
        ]
    );
    let backwards = node.run(&["shadow-report", "--from", "2026-03-28", "--until", "2026-03-27"]);
    assert_eq!(backwards.code, Some(2), "{}", backwards.stderr);
}

#[test]
fn without_shadow_there_is_nothing_to_compare_and_it_says_so() {
    let own = [plan(
        "n1",
        "nightly",
        &json!({"schedule_hour": 2}),
        "2026-03-28T01:00:00Z",
    )];
    let answer = Node::new(&own).run(&["shadow-report"]);
    assert_eq!(
        answer.stderr,
        "no verdict of `freezerd run --shadow` is recorded for this time\n"
    );
    assert!(answer.fine().ends_with("There is nothing to compare.\n"));
    assert_eq!(Node::new(&own).run(&["shadow-report", "nightli"]).code, Some(1));
    assert_eq!(Node::without_ledger().run(&["shadow-report"]).code, Some(1));
}
