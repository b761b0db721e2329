//! SIGHUP: a good configuration comes into force, a bad one changes nothing and is told.

use rustix::process::Signal;
use serde_json::json;

use crate::bed::{Bed, SUCCESS, at_once, plan};
use crate::cloud::Cloud;
use crate::process::Daemon;
use crate::until::{until, until_is};

const DAY: f64 = 86_400.0;

fn reload(daemon: &Daemon, count: usize) {
    daemon.signal(Signal::HUP);
    daemon.says_at_least(count, "the configuration was read again");
}

#[test]
fn a_good_configuration_comes_into_force() {
    let bed = Bed::new("dispatch = { max_concurrent = 1 }");
    bed.put(&at_once("a", "gate"));
    bed.put(&at_once("b", "gate"));
    // In a year that no test sees, so that this is never due.
    let noon = json!({"schedule_hour": 12, "schedule_year": 2099});
    bed.put(&plan("noon", &noon, &["done"]));
    let daemon = Daemon::start(&bed);
    until_is("one runs, one waits", &[Some(1.0), Some(1.0)], || {
        ["freezerd_runs_running", "freezerd_queue_depth"].map(|series| daemon.metric(series))
    });
    let due = r#"freezerd_plan_next_due_timestamp_seconds{job_id="noon",name="plan noon",project_id=""}"#;
    let time_of_day = || daemon.metric(due).map(|due| due.rem_euclid(DAY));
    until_is("noon in Greenwich", &Some(DAY / 2.0), time_of_day);

    bed.set("timezone = 'Asia/Tokyo'\n[dispatch]\nmax_concurrent = 2");
    reload(&daemon, 1);
    until("both run", || (bed.diary().len() == 2).then_some(()));
    until_is("noon in Tokyo", &Some(3.0 * 3600.0), time_of_day);

    bed.set("timezone = 'Asia/Tokyo'\nwindow = [{ deny = '* * * * *' }]\n[dispatch]\nmax_concurrent = 2");
    reload(&daemon, 2);
    bed.put(&plan("each", &json!({"schedule_second": "*"}), &["done"]));
    until("it is shut out", || {
        bed.verdicts("each").contains(&"outside-window").then_some(())
    });
    assert!(bed.runs("each").is_empty());
    bed.set("");
    reload(&daemon, 3);
    until("it is let in", || {
        bed.outcomes("each").contains(&SUCCESS).then_some(())
    });
    until_is("noon in Greenwich", &Some(DAY / 2.0), time_of_day);
    // What ran all the while never noticed.
    bed.open_gate();
    bed.open_gate();
    for job in ["a", "b"] {
        until_is("it ends", &vec![SUCCESS], || bed.outcomes(job));
    }
}

#[test]
fn a_bad_configuration_changes_nothing() {
    let bed = Bed::new("dispatch = { max_concurrent = 1 }");
    bed.put(&at_once("a", "gate"));
    bed.put(&at_once("b", "gate"));
    let daemon = Daemon::start(&bed);
    until("one runs", || (!bed.diary().is_empty()).then_some(()));
    let bad = [
        (
            "\n[dispatch]\nmax_concurent = 2",
            "test.toml:3:1: unknown key `dispatch.max_concurent`",
        ),
        ("timezone = 'Mars/Olympus'", "test.toml:1:12: `timezone`: "),
        (
            "[dispatch]\nmax_concurrent = 2\nlauncher = 'sytemd'",
            "`dispatch.launcher`",
        ),
        ("dispatch = {", "test.toml:1:"),
    ];
    for (number, (settings, wanted)) in bad.into_iter().enumerate() {
        bed.set(settings);
        daemon.signal(Signal::HUP);
        let told = daemon.says_at_least(number + 1, "the old settings stay in force");
        assert!(told.contains(wanted), "{told}");
        assert_eq!(daemon.metric("freezerd_config_last_reload_successful"), Some(0.0));
    }
    assert_eq!(
        daemon.metric("freezerd_runs_running"),
        Some(1.0),
        "one at a time, as before"
    );
    assert_eq!(bed.diary().len(), 1);
    assert!(daemon.said("the configuration was read again").is_empty());
    until_is("it lives", &200, || daemon.get("/healthz").0);

    bed.set("dispatch = { max_concurrent = 2 }");
    reload(&daemon, 1);
    assert_eq!(daemon.metric("freezerd_config_last_reload_successful"), Some(1.0));
    until("both run", || (bed.diary().len() == 2).then_some(()));
    bed.open_gate();
    bed.open_gate();
    for job in ["a", "b"] {
        until_is("it ends", &vec![SUCCESS], || bed.outcomes(job));
    }
}

/// What the sample configuration does not mark `(restart)` changes without one.
#[test]
fn settings_of_the_log_and_the_metrics_come_into_force_too() {
    let bed = Bed::new("");
    for job in ["a", "b"] {
        bed.put(&plan(job, &json!({"schedule_hour": 12}), &["done"]));
    }
    let daemon = Daemon::start(&bed);
    assert!(daemon.said(r#""level":"DEBUG""#).is_empty());
    assert_eq!(daemon.metric("freezerd_plan_series_omitted"), Some(0.0));
    bed.set("log = { level = 'debug' }\nmetrics = { per_plan = 1 }");
    reload(&daemon, 1);
    bed.put(&at_once("c", "done"));
    daemon.says(r#""level":"DEBUG""#);
    until_is("one plan is shown", &Some(2.0), || {
        daemon.metric("freezerd_plan_series_omitted")
    });
    // What only a restart can change is said.
    bed.set("http = { listen = '127.0.0.1:1' }");
    reload(&daemon, 2);
    let told = daemon.says("comes into force at a restart");
    assert!(told.contains(r#""setting":"http""#), "{told}");
    until_is("what was put there runs", &vec![SUCCESS], || bed.outcomes("c"));
}

/// What waits for a restart waits with all that belongs to it.
#[test]
fn a_launcher_that_comes_into_force_at_a_restart_changes_no_run_before() {
    let (cloud, bed) = Cloud::new("");
    cloud.put(&plan("each", &json!({"schedule_second": "*"}), &["done"]));
    let daemon = Daemon::start(&bed);
    until("it runs", || {
        bed.outcomes("each").contains(&SUCCESS).then_some(())
    });
    bed.set(
        "source = { kind = 'api', poll = '1s' }\napi = { client_id = '*' }\ndispatch = { launcher = 'event' }",
    );
    reload(&daemon, 1);
    daemon.says("comes into force at a restart");
    let ran = bed.outcomes("each").len();
    until("it runs on", || {
        (bed.outcomes("each").len() > ran + 1).then_some(())
    });
    let over = bed.outcomes("each").into_iter().flatten();
    let others: Vec<_> = over.filter(|outcome| Some(*outcome) != SUCCESS).collect();
    assert!(others.is_empty(), "{others:?}");
}
