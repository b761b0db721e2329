//! What others see of a daemon over HTTP.

use chrono::{DateTime, TimeDelta};
use serde_json::json;

use crate::bed::{Bed, SUCCESS, plan};
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::until::until_is;

#[test]
fn it_is_ready_after_its_first_listing() {
    let (mut cloud, bed) = Cloud::new("");
    cloud.go_away();
    let daemon = Daemon::begin(&bed, &[]);
    let (status, why) = daemon.get("/readyz");
    assert_eq!(status, 503);
    assert!(why.starts_with("not ready: "), "{why}");
    until_is("it lives, though", &(200, "ok\n".to_owned()), || {
        daemon.get("/healthz")
    });
    cloud.come_back();
    daemon.await_ready();
    assert_eq!(daemon.get("/readyz"), (200, "ready\n".to_owned()));
}

#[test]
fn the_metrics_after_one_run() {
    let bed = Bed::new("late_after = '10m'");
    let daemon = Daemon::start(&bed);
    // Every hour, at this second of it.
    let due = bed.put_soon(|due| {
        let (minute, second) = (due.format("%M").to_string(), due.format("%S").to_string());
        let hourly = json!({"schedule_minute": minute, "schedule_second": second});
        plan("a", &hourly, &["done"])
    });
    // And one that is not to run.
    let mut off = plan("off", &json!({"schedule_second": "*"}), &["done"]);
    off["disabled"] = json!(true);
    bed.put(&off);
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("a"));
    let run = &bed.runs("a")[0];
    assert_eq!(run.due.instant(), due);

    let epoch = |at: DateTime<chrono::Utc>| f64::from(u32::try_from(at.timestamp()).expect("until 2106"));
    let next = due + TimeDelta::hours(1);
    let of_a = r#"{job_id="a",name="plan a",project_id=""}"#;
    for (series, wanted) in [
        (r#"freezerd_plans{state="active"}"#.to_owned(), 1.0),
        (r#"freezerd_plans{state="disabled"}"#.to_owned(), 1.0),
        ("freezerd_problems".to_owned(), 0.0),
        (
            r#"freezerd_verdicts_total{verdict="run",reason="none"}"#.to_owned(),
            1.0,
        ),
        (r#"freezerd_runs_total{outcome="success"}"#.to_owned(), 1.0),
        (r#"freezerd_runs_total{outcome="fail"}"#.to_owned(), 0.0),
        (r#"freezerd_runs_total{outcome="lost"}"#.to_owned(), 0.0),
        ("freezerd_runs_running".to_owned(), 0.0),
        ("freezerd_queue_depth".to_owned(), 0.0),
        ("freezerd_run_lateness_seconds_count".to_owned(), 1.0),
        (
            r#"freezerd_run_lateness_seconds_bucket{le="+Inf"}"#.to_owned(),
            1.0,
        ),
        ("freezerd_queue_wait_seconds_count".to_owned(), 1.0),
        ("freezerd_run_duration_seconds_count".to_owned(), 1.0),
        ("freezerd_poll_interval_seconds".to_owned(), 3600.0),
        ("freezerd_report_backlog".to_owned(), 0.0),
        ("freezerd_shadow".to_owned(), 0.0),
        ("freezerd_ledger_errors_total".to_owned(), 0.0),
        ("freezerd_log_lines_lost_total".to_owned(), 0.0),
        ("freezerd_config_last_reload_successful".to_owned(), 1.0),
        (
            format!("freezerd_plan_next_due_timestamp_seconds{of_a}"),
            epoch(next),
        ),
        (
            format!("freezerd_plan_last_success_timestamp_seconds{of_a}"),
            epoch(run.ended.expect("an end")),
        ),
        (
            format!("freezerd_plan_rpo_deadline_timestamp_seconds{of_a}"),
            epoch(next + TimeDelta::minutes(10)),
        ),
    ] {
        assert_eq!(daemon.metric(&series), Some(wanted), "{series}");
    }
    // Each due time has its verdict, whatever it is.
    let verdicts = [
        r#"verdict="run",reason="none""#,
        r#"verdict="skipped",reason="disabled""#,
    ]
    .map(|labels| format!("freezerd_verdicts_total{{{labels}}}"));
    until_is("they add up", &true, || {
        let text = daemon.get("/metrics").1;
        let value = |series: &str| -> f64 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
            line.expect("the series").parse().expect("a number")
        };
        let sum: f64 = verdicts.iter().map(|series| value(series)).sum();
        value(&verdicts[1]) >= 1.0 && sum == value("freezerd_due_times_total")
    });
    let lateness = daemon.metric("freezerd_run_lateness_seconds_sum").expect("a sum");
    let late = run.started.expect("a start") - due;
    let late = late.as_seconds_f64();
    assert!((lateness - late).abs() < 0.001, "{lateness}, {late}");

    // A restart takes nothing from what was counted, and knows the deadline.
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&bed);
    assert_eq!(
        daemon.metric(r#"freezerd_runs_total{outcome="success"}"#),
        Some(1.0)
    );
    let deadline = format!("freezerd_plan_rpo_deadline_timestamp_seconds{of_a}");
    assert_eq!(
        daemon.metric(&deadline),
        Some(epoch(next + TimeDelta::minutes(10)))
    );
}
