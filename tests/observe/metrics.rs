//! The text of /metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use freezerd::observe::metrics::{PlanCounts, PlanGauge, PollFailure, Totals, VerdictKind};
use freezerd::plan::{JobId, ProjectId};
use freezerd::planner::{Outcome, Reason, RunId, Verdict};
use freezerd::schedule::DueTime;

use super::{at, metrics, tool};

fn due(text: &str) -> DueTime {
    DueTime::floor(at(text))
}

fn plan(id: &str, name: &str) -> PlanGauge {
    PlanGauge {
        job: JobId::new(id),
        name: name.to_owned(),
        project: Some(ProjectId::new("p-1")),
        next_due: Some(due("2026-03-30T01:00:00Z")),
        last_success: Some(at("2026-03-28T02:00:07Z")),
        rpo_deadline: Some(due("2026-03-29T02:00:00Z")),
    }
}

/// A daemon's day, every method called.
pub fn sample() -> String {
    let metrics = metrics(3);
    metrics.restore_totals(&Totals {
        due: 107,
        verdicts: vec![
            (VerdictKind::Run, 100),
            (VerdictKind::Skipped(Reason::Expired), 7),
        ],
        runs: vec![(Outcome::Success, 98), (Outcome::Lost, 1)],
        last_poll: Some(at("2026-03-29T00:30:00Z")),
    });
    metrics.set_plans(PlanCounts {
        active: 5,
        stopped: 1,
        disabled: 2,
        unsupported: 1,
        manual: 3,
        finished: 4,
        problems: 6,
    });
    metrics.due(4);
    let run = RunId::new(&JobId::new("a"), due("2026-03-29T01:00:00Z"));
    metrics.verdict(&Verdict::Run(run.clone()), 1);
    metrics.verdict(&Verdict::Coalesced(run), 2);
    metrics.verdict(&Verdict::Skipped(Reason::OutsideWindow), 1);
    metrics.run_started(TimeDelta::milliseconds(40), TimeDelta::milliseconds(30));
    metrics.run_started(TimeDelta::hours(9), TimeDelta::minutes(20));
    metrics.run_started(TimeDelta::seconds(-5), TimeDelta::zero());
    metrics.run_ended(Outcome::Success, Some(TimeDelta::minutes(42)));
    metrics.run_ended(Outcome::Fail, Some(TimeDelta::days(10)));
    metrics.run_ended(Outcome::Lost, None);
    metrics.set_queue(11);
    metrics.set_running(4);
    metrics.poll_failed(PollFailure::Timeout);
    metrics.poll_ok(Duration::from_millis(1500), at("2026-03-29T00:59:30Z"));
    metrics.set_backlog(2, Some(at("2026-03-29T00:10:00Z")));
    metrics.ledger_error();
    metrics.reloaded(true, at("2026-03-29T00:20:00Z"));
    metrics.reloaded(false, at("2026-03-29T00:40:00Z"));
    let mut manual = plan("c", "by hand");
    (
        manual.next_due,
        manual.last_success,
        manual.rpo_deadline,
        manual.project,
    ) = (None, None, None, None);
    let evil = plan("b", "say \"hi\"\\\nfreezerd_shadow 1");
    metrics.set_plan_gauges(vec![plan("d", "too many"), manual, evil, plan("a", "daily")], 9);
    metrics.encode().unwrap()
}

/// The samples of a family come in an order of their own each time; sorted, the text is one. (The `le`
/// of a histogram have an order that counts.)
fn ordered(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut samples: Vec<&str> = Vec::new();
    for line in text.lines().chain(["#"]) {
        if line.starts_with('#') {
            if !samples.iter().any(|sample| sample.contains("le=")) {
                samples.sort_unstable();
            }
            out.extend(samples.drain(..).map(str::to_owned));
            out.push(line.to_owned());
        } else {
            samples.push(line);
        }
    }
    out.pop();
    out.join("\n")
}

#[test]
fn the_whole_text() {
    let version = env!("CARGO_PKG_VERSION");
    let text = ordered(&sample()).replace(&format!("version=\"{version}\""), "version=\"VERSION\"");
    insta::assert_snapshot!("metrics", text);
}

#[test]
fn the_text_of_a_daemon_that_has_seen_nothing() {
    let text = metrics(10).encode().unwrap();
    let samples: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').expect(line))
        .collect();
    // Each label value that can occur is there, at 0: a rate is right from the first event.
    let zeros = |prefix: &str| {
        let all: Vec<_> = samples
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .collect();
        assert!(all.iter().all(|(_, value)| **value == "0"), "{all:?}");
        all.len()
    };
    // Run, coalesced, and a reason each.
    assert_eq!(zeros("freezerd_verdicts_total{"), Reason::ALL.len() + 2);
    assert_eq!(zeros("freezerd_runs_total{"), 4);
    assert_eq!(zeros("freezerd_poll_errors_total{"), 7);
    assert_eq!(zeros("freezerd_plans{"), 6);
    assert_eq!(samples["freezerd_poll_last_success_timestamp_seconds"], "0");
    // What has no value is not there, rather than wrong.
    for absent in [
        "freezerd_plan_next",
        "freezerd_plan_last",
        "freezerd_plan_rpo",
        "freezerd_poll_age",
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
    assert!(!text.contains("freezerd_report_backlog_oldest"));
}

#[test]
fn a_plan_that_is_gone_leaves_no_series() {
    let metrics = metrics(10);
    metrics.set_plan_gauges(vec![plan("a", "daily"), plan("b", "weekly")], 2);
    assert!(metrics.encode().unwrap().contains("job_id=\"b\""));
    metrics.set_plan_gauges(vec![plan("a", "daily")], 1);
    let text = metrics.encode().unwrap();
    assert!(
        text.contains("job_id=\"a\"") && !text.contains("job_id=\"b\""),
        "{text}"
    );
}

#[test]
fn the_same_plans_are_shown_whatever_order_they_come_in() {
    let shown = |ids: &[&str], known| {
        let metrics = metrics(2);
        metrics.set_plan_gauges(ids.iter().map(|id| plan(id, "x")).collect(), known);
        let text = metrics.encode().unwrap();
        let omitted = text
            .lines()
            .find(|line| line.starts_with("freezerd_plan_series_omitted "))
            .unwrap();
        let ids: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("freezerd_plan_next_due"))
            .map(|line| line.split('"').nth(1).unwrap().to_owned())
            .collect();
        (ids, omitted.rsplit_once(' ').unwrap().1.to_owned())
    };
    let expected = (vec!["a".to_owned(), "b".to_owned()], "2".to_owned());
    assert_eq!(shown(&["a", "b", "c", "d"], 4), expected);
    assert_eq!(shown(&["d", "b", "c", "a"], 4), expected);
    // Handed over twice: shown once, or Prometheus would refuse it all. Only two handed over: two left out.
    assert_eq!(shown(&["b", "a", "b"], 4), expected);
    assert_eq!(shown(&["a", "b"], 4), expected);
}

/// OpenMetrics as the older Prometheus text, which is all that `promtool check metrics` reads: there the
/// name of a counter or info family has its suffix, and units and the end are not marked.
fn as_prometheus_text(text: &str) -> String {
    let mut suffixes: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        match line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            Some((name, "counter")) => drop(suffixes.insert(name, "_total")),
            Some((name, "info")) => drop(suffixes.insert(name, "_info")),
            _ => {}
        }
    }
    let mut out = String::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("UNIT" | "EOF"), ..) => {}
            (Some("#"), Some(what), Some(name), Some(rest)) => {
                let suffix = suffixes.get(name).copied().unwrap_or_default();
                let rest = if (what, rest) == ("TYPE", "info") {
                    "gauge"
                } else {
                    rest
                };
                out.push_str(&format!("# {what} {name}{suffix} {rest}\n"));
            }
            _ => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

#[test]
fn promtool_finds_nothing_to_criticise() {
    let said = tool("promtool", &["check", "metrics"], &as_prometheus_text(&sample()));
    assert_eq!(said, "");
}

#[test]
fn the_strict_openmetrics_parser_reads_what_was_written() {
    // Of the reference client: it checks names, units, order, bucket bounds, escapes, duplicates, the end.
    let script = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
seen = set()
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.name.startswith('freezerd_'), family.name
    assert family.documentation.endswith('.'), family.name
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        assert key not in seen, key
        seen.add(key)
        if sample.name == 'freezerd_plan_next_due_timestamp_seconds':
            print(sorted(sample.labels.items()), sample.value)
";
    let said = tool("/usr/bin/python3", &["-X", "utf8", "-c", script], &sample());
    insta::assert_snapshot!(said);
}
