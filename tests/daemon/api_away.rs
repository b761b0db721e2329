//! The API goes away and comes back; nothing is lost by that, and nothing is written over.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::bed::{Bed, SUCCESS, date, now, plan};
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::until::{until, until_is};

/// Puts a plan there that is due soon, and breaks the API as soon as it was polled; comes back when its run is over. The
/// plan's own keys.
fn run_without_the_api(cloud: &Cloud, bed: &Bed) -> Value {
    let mut own = json!({
        "schedule_end_date": null, "schedule_hour": 7,
        "odd": {"kept": [1.5, "as it is"]}, "time_created": 1
    });
    cloud.put_soon_and_break(|due| {
        own["schedule_date"] = date(due);
        plan("a", &own, &["done"])
    });
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("a"));
    own
}

fn assert_reported_once(cloud: &Cloud, bed: &Bed, own: &Value) {
    let result = |patch: &Value| {
        patch["job_schedule"]["result"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let results = || -> Vec<String> { cloud.patches("a").iter().map(result).collect() };
    until("it is reported", || {
        results().contains(&"success".to_owned()).then_some(())
    });
    let run = &bed.runs("a")[0];
    let mut wanted = own.clone();
    wanted["status"] = json!("completed");
    wanted["result"] = json!("success");
    wanted["time_started"] = json!(run.started.expect("a start").timestamp());
    wanted["time_ended"] = json!(run.ended.expect("an end").timestamp());
    assert_eq!(cloud.job_schedule("a"), wanted);
    // That it was taken up, or runs, may have been on its way before its end was known; then that is told first.
    let mut told = results();
    assert_eq!(told.pop().as_deref(), Some("success"), "{:?}", cloud.patches("a"));
    assert!(told.iter().all(String::is_empty), "{:?}", cloud.patches("a"));
}

#[test]
fn an_outcome_waits_for_the_api() {
    let (mut cloud, bed) = Cloud::new("");
    let daemon = Daemon::start(&bed);
    let own = run_without_the_api(&cloud, &bed);
    cloud.go_away();
    until_is("it waits", &Some(1.0), || {
        daemon.metric("freezerd_report_backlog")
    });
    let ended = bed.runs("a")[0].ended.expect("an end").timestamp();
    until_is("it waits since its end", &Some(ended), || {
        let since = daemon.metric("freezerd_report_backlog_oldest_timestamp_seconds")?;
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
        Some(since as i64)
    });
    assert!(cloud.patches("a").is_empty());

    // Whoever comes back knows nothing of the tokens it gave.
    let tokens = cloud.tokens_given();
    cloud.expire_tokens();
    cloud.come_back();
    assert_reported_once(&cloud, &bed, &own);
    until_is("nothing waits", &Some(0.0), || {
        daemon.metric("freezerd_report_backlog")
    });
    assert_eq!(
        daemon.metric("freezerd_report_backlog_oldest_timestamp_seconds"),
        None
    );
    assert!(cloud.tokens_given() > tokens);
    // The plan as it is listed now, with our own words in it, changes nothing.
    let polls = "freezerd_poll_duration_seconds_count";
    let seen = daemon.metric(polls).expect("polls");
    until("two more polls", || {
        (daemon.metric(polls)? >= seen + 2.0).then_some(())
    });
    assert!(daemon.stop().success());
    assert_reported_once(&cloud, &bed, &own);
    assert_eq!(bed.outcomes("a"), [SUCCESS]);
    assert_eq!(bed.diary_of("a"), ["start done", "end done"]);
}

#[test]
fn a_report_survives_its_daemon() {
    let (mut cloud, bed) = Cloud::new("dispatch = { stop_grace = '1s', start_grace = '1s' }");
    let daemon = Daemon::start(&bed);
    let own = run_without_the_api(&cloud, &bed);
    cloud.go_away();
    assert_eq!(
        daemon.stop().code(),
        Some(0),
        "it does not wait for the API for ever"
    );
    let daemon = Daemon::begin(&bed, &[]);
    until_is("it still waits", &Some(1.0), || {
        daemon.metric("freezerd_report_backlog")
    });
    cloud.come_back();
    assert_reported_once(&cloud, &bed, &own);
}

#[test]
fn what_can_be_delivered_is_delivered_before_the_end() {
    let (mut cloud, bed) = Cloud::new("dispatch = { stop_grace = '1h' }");
    let daemon = Daemon::start(&bed);
    let own = run_without_the_api(&cloud, &bed);
    daemon.says("a report waits in the ledger");
    cloud.come_back();
    assert_eq!(daemon.stop().code(), Some(0), "and that is the end");
    assert_reported_once(&cloud, &bed, &own);
    let reader = bed.ledger().expect("a ledger");
    assert_eq!(reader.report_backlog().expect("a number"), 0);
}

#[test]
fn what_is_due_fires_from_the_ledger_when_the_api_is_down_at_the_start() {
    let (mut cloud, bed) = Cloud::new("dispatch = { start_grace = '1s' }");
    cloud.put(&plan("a", &json!({"schedule_second": "*"}), &["done"]));
    // The first daemon learns of the plan, and starts nothing.
    let daemon = Daemon::begin(&bed, &["--shadow"]);
    until("the plan is known", || {
        bed.verdicts("a").contains(&"shadow").then_some(())
    });
    assert!(daemon.stop().success());
    cloud.go_away();

    let began = now();
    let daemon = Daemon::begin(&bed, &[]);
    assert_eq!(daemon.get("/readyz").0, 503, "it has not seen the API");
    daemon.says("no listing yet: going on with the plans of the ledger");
    until("it runs", || bed.outcomes("a").contains(&SUCCESS).then_some(()));
    let first = bed.runs("a").pop().expect("a run");
    assert!(
        first.queued - began >= TimeDelta::seconds(1),
        "not before the grace is over: {first:?}"
    );
    let failed = r#"freezerd_poll_errors_total{kind="connect"}"#;
    until("the polls are counted", || {
        (daemon.metric(failed)? >= 1.0).then_some(())
    });
    cloud.come_back();
    daemon.await_ready();
    until("the report arrives", || {
        (!cloud.patches("a").is_empty()).then_some(())
    });
}

#[test]
fn a_report_about_a_plan_that_is_gone_is_not_kept() {
    let (mut cloud, bed) = Cloud::new("");
    let daemon = Daemon::start(&bed);
    run_without_the_api(&cloud, &bed);
    cloud.remove("a");
    cloud.come_back();
    until_is("nothing waits", &Some(0.0), || {
        daemon.metric("freezerd_report_backlog")
    });
    daemon.says("not reported: the plan is gone from the API");
    daemon.says(r#""message":"plan is gone""#);
    assert!(cloud.patches("a").is_empty());
}

#[test]
fn a_plan_that_a_listing_misses_is_asked_for_before_it_is_forgotten() {
    let (cloud, bed) = Cloud::new("");
    cloud.put(&plan("a", &json!({"schedule_hour": "1"}), &["done"]));
    let daemon = Daemon::start(&bed);
    let active = r#"freezerd_plans{state="active"}"#;
    until_is("it is known", &Some(1.0), || daemon.metric(active));
    cloud.hide("a");
    let polls = "freezerd_poll_duration_seconds_count";
    let seen = daemon.metric(polls).expect("polls");
    until("three more polls", || {
        (daemon.metric(polls)? >= seen + 3.0).then_some(())
    });
    assert_eq!(daemon.metric(active), Some(1.0));
    cloud.remove("a");
    until_is("it is gone", &Some(0.0), || daemon.metric(active));
}
