//! A node without an agent: the service is asked to start the plans, and what it says of them is the outcome.

use freezerd::planner::{Outcome, RunState};
use serde_json::{Value, json};

use crate::bed::{Bed, SUCCESS};
use crate::process::Daemon;
use crate::service::{Mishap, Service, plan, stamp};
use crate::until::{until, until_is};

/// Has a plan that is due in a moment started, and waits until it is seen to run.
fn running(service: &Service, bed: &Bed) {
    service.put_soon("a");
    until_is("it is seen to run", &vec![RunState::Running], || bed.states("a"));
}

#[test]
fn a_plan_is_started_once_and_its_outcome_is_what_the_service_says() {
    let (service, bed) = Service::without_agent("");
    let daemon = Daemon::start(&bed);
    running(&service, &bed);
    let run = &bed.runs("a")[0];
    assert_eq!(run.pid, None, "it has no process here");
    let started = service.document("a")["started_at"].clone();
    assert_eq!(
        stamp(run.started.expect("a start")),
        json!(milliseconds(&started))
    );
    service.end("a", "scheduled");
    until_is("its end", &vec![SUCCESS], || bed.outcomes("a"));
    let run = &bed.runs("a")[0];
    assert_eq!(run.detail, "the API says: status scheduled");
    assert!(run.ended > run.started, "{run:?}");
    assert_eq!(bed.verdicts("a"), ["run"]);

    // While nothing is followed, no plan is looked at.
    let (looks, polls) = (service.looks(), "freezerd_poll_duration_seconds_count");
    let seen = daemon.metric(polls).expect("polls");
    until("three more polls", || {
        (daemon.metric(polls)? >= seen + 3.0).then_some(())
    });
    assert_eq!(service.looks(), looks);
    assert_eq!(
        daemon.metric(r#"freezerd_runs_total{outcome="success"}"#),
        Some(1.0)
    );
    assert!(daemon.stop().success());
    assert_eq!(service.asked(), ["start a"]);
    assert!(
        std::fs::read_dir(bed.path("state/asked"))
            .unwrap()
            .next()
            .is_none()
    );
}

/// The ledger keeps milliseconds.
fn milliseconds(stamp: &Value) -> String {
    let text = stamp.as_str().expect("a time");
    format!("{}000", &text[..text.len() - 3])
}

#[test]
fn what_the_service_says_went_wrong_is_no_success() {
    let ends = [
        ("a", "error", Outcome::Fail),
        ("b", "aborted", Outcome::Aborted),
        ("c", "odd", Outcome::Fail),
    ];
    let (service, bed) = Service::without_agent("");
    let daemon = Daemon::start(&bed);
    for (id, ..) in ends {
        service.put_soon(id);
    }
    for (id, status, outcome) in ends {
        until_is("it is seen to run", &vec![RunState::Running], || bed.states(id));
        service.end(id, status);
        until_is("its end", &vec![Some(outcome)], || bed.outcomes(id));
        assert!(bed.runs(id)[0].detail.contains(&format!("status {status}")));
    }
    assert!(daemon.stop().success());
}

#[test]
fn what_a_user_started_is_not_started_again() {
    let (service, bed) = Service::without_agent("");
    service.put_soon("a");
    service.begin("a");
    let daemon = Daemon::start(&bed);
    until_is("it overlaps", &vec!["overlap"], || bed.verdicts("a"));
    assert!(bed.runs("a").is_empty());
    assert!(daemon.stop().success());
    assert!(service.asked().is_empty());
}

#[test]
fn a_disabled_plan_and_one_whose_schedule_was_erased_are_never_asked_for() {
    let (service, bed) = Service::without_agent("");
    service.put(&plan("a", &json!({"schedule_second": "*"})));
    service.set("a", "disabled", json!(true));
    service.put(&plan("b", &json!({})));
    service.put(&plan("c", &Value::Null));
    let daemon = Daemon::start(&bed);
    until("verdicts", || (bed.verdicts("a").len() >= 3).then_some(()));
    assert!(bed.verdicts("a").iter().all(|verdict| *verdict == "disabled"));
    assert!(bed.verdicts("b").is_empty() && bed.verdicts("c").is_empty());
    // Enabled, it runs from then on.
    service.put(&plan("a", &json!({"schedule_second": "*"})));
    until("it is asked for", || (!service.asked().is_empty()).then_some(()));
    assert!(daemon.stop().success());
    assert!(service.asked().iter().all(|asked| asked == "start a"));
}

#[test]
fn a_plan_that_is_deleted_while_it_runs_is_lost() {
    let (service, bed) = Service::without_agent("");
    let daemon = Daemon::start(&bed);
    running(&service, &bed);
    service.remove("a");
    until_is("its end", &vec![Some(Outcome::Lost)], || bed.outcomes("a"));
    assert!(bed.runs("a")[0].detail.contains("was deleted"));
    assert!(daemon.stop().success());
}

#[test]
fn a_run_without_end_is_given_up_and_then_another_one_may_start() {
    let (service, bed) = Service::without_agent("run_limit = '5s'");
    let daemon = Daemon::start(&bed);
    // To the service's clock it started long ago. (It is seen to run for a moment only.)
    service.put_soon("a");
    until_is("its end", &vec![Some(Outcome::Lost)], || bed.outcomes("a"));
    let run = &bed.runs("a")[0];
    assert!(
        run.started.is_some() && run.detail.contains("run_limit"),
        "{run:?}"
    );
    service.put_soon("b");
    service.begin("b");
    until_is("taken for dead", &vec!["run"], || bed.verdicts("b"));
    assert!(daemon.stop().success());
}

#[test]
fn a_start_that_is_refused_or_forgotten_fails() {
    for (mishap, said) in [
        (Mishap::Refused, "the API refuses to start the plan"),
        (Mishap::Forgotten, "did not start the plan within 1s"),
    ] {
        let (service, bed) = Service::without_agent("start_within = '1s'");
        service.next(mishap);
        service.put_soon("a");
        let daemon = Daemon::start(&bed);
        until_is("its end", &vec![Some(Outcome::Fail)], || bed.outcomes("a"));
        let run = &bed.runs("a")[0];
        assert!(run.detail.contains(said), "{}", run.detail);
        assert_eq!(run.started, None);
        assert!(daemon.stop().success());
        assert_eq!(service.asked(), ["start a"]);
        assert!(service.starts().is_empty());
    }
}

#[test]
fn in_shadow_nobody_is_asked() {
    let (service, bed) = Service::without_agent("");
    service.put_soon("a");
    let daemon = Daemon::begin(&bed, &["--shadow"]);
    until_is("its verdict", &vec!["shadow"], || bed.verdicts("a"));
    assert!(daemon.stop().success());
    assert!(service.asked().is_empty());
}

#[test]
fn no_more_run_at_a_time_than_may() {
    let (service, bed) = Service::without_agent("max_concurrent = 1");
    for id in ["a", "b"] {
        service.put_soon(id);
    }
    let daemon = Daemon::start(&bed);
    until("one runs", || (service.starts().len() == 1).then_some(()));
    let first = service.starts().remove(0);
    let second = if first == "a" { "b" } else { "a" };
    until_is("the other waits", &vec![RunState::Queued], || bed.states(second));
    service.end(&first, "scheduled");
    until("the other runs", || (service.starts().len() == 2).then_some(()));
    service.end(second, "scheduled");
    until_is("its end", &vec![SUCCESS], || bed.outcomes(second));
    assert!(daemon.stop().success());
}
