//! From due to done, with the INI that agents read: places, retries, mandatory actions.

use std::fs;

use freezerd::planner::{Outcome, RunState};
use serde_json::json;

use crate::bed::{Bed, SUCCESS, at_once, date, plan};
use crate::process::Daemon;
use crate::until::{until, until_is};

#[test]
fn no_more_at_once_than_allowed() {
    let bed = Bed::new("dispatch = { max_concurrent = 2 }");
    let jobs: Vec<String> = (0..6).map(|number| format!("job-{number}")).collect();
    for job in &jobs {
        bed.put(&at_once(job, "gate"));
    }
    let daemon = Daemon::start(&bed);
    for through in 0..6 {
        let running = (6 - through).min(2);
        until("the places are taken", || {
            (bed.diary().len() == through * 2 + running).then_some(())
        });
        let load =
            [running, 6 - through - running].map(|count| Some(f64::from(u8::try_from(count).unwrap())));
        until_is("the others wait", &load, || {
            ["freezerd_runs_running", "freezerd_queue_depth"].map(|series| daemon.metric(series))
        });
        bed.open_gate();
        until("one is through", || {
            (bed.diary().len() > through * 2 + running).then_some(())
        });
    }
    until("all are done", || {
        jobs.iter()
            .all(|job| bed.outcomes(job) == [SUCCESS])
            .then_some(())
    });
    let mut running = 0_usize;
    for entry in bed.diary() {
        running = if entry.starts_with("start") {
            running + 1
        } else {
            running - 1
        };
        assert!(running <= 2, "{:?}", bed.diary());
    }
}

#[test]
fn a_failed_action_is_tried_again() {
    let bed = Bed::new("");
    let mut again = plan("again", &json!({}), &["fail 2", "done"]);
    again["job_actions"][0]["max_retries"] = json!(2);
    bed.put(&again);
    let mut in_vain = plan("in-vain", &json!({}), &["fail 9"]);
    in_vain["job_actions"][0]["max_retries"] = json!(1);
    in_vain["job_actions"][0]["max_retries_interval"] = json!(1);
    bed.put(&in_vain);
    let daemon = Daemon::start(&bed);
    until_is("it succeeds", &vec![SUCCESS], || bed.outcomes("again"));
    until_is("it fails", &vec![Some(Outcome::Fail)], || bed.outcomes("in-vain"));
    let tries = [
        "start fail 2",
        "start fail 2",
        "start fail 2",
        "end fail 2",
        "start done",
        "end done",
    ];
    assert_eq!(bed.diary_of("again"), tries);
    assert_eq!(bed.diary_of("in-vain"), ["start fail 9"; 2]);

    let run = &bed.runs("in-vain")[0];
    let length = run.ended.expect("an end") - run.started.expect("a start");
    assert!(
        length.num_milliseconds() >= 1000,
        "it waited between its tries: {length}"
    );
    let detail = run.detail.replace(run.id.as_str(), "RUN");
    insta::assert_snapshot!(detail, @"backup fs fail 9: exit 3 (2 tries): try 2 of RUN fails, as it should");
    assert_eq!(daemon.metric(r#"freezerd_runs_total{outcome="fail"}"#), Some(1.0));
    let told = daemon.says("run failed");
    assert!(told.contains("try 2 of"), "the agent's last words: {told}");
}

#[test]
fn after_a_failed_action_only_mandatory_ones_run() {
    let bed = Bed::new("");
    let mut chain = plan("chain", &json!({}), &["done", "fail 9", "fail 0", "done"]);
    chain["job_actions"][3]["mandatory"] = json!("true");
    bed.put(&chain);
    let _daemon = Daemon::start(&bed);
    until_is("it fails", &vec![Some(Outcome::Fail)], || bed.outcomes("chain"));
    let wanted = ["start done", "end done", "start fail 9", "start done", "end done"];
    assert_eq!(bed.diary_of("chain"), wanted);
}

#[test]
fn nothing_of_a_run_is_left_in_the_runtime_directory() {
    let bed = Bed::new("");
    let mut secret = at_once("a", "gate");
    secret["job_actions"][0]["freezer_action"]["mysql_conf"] = json!("pa55-word");
    bed.put(&secret);
    let _daemon = Daemon::start(&bed);
    until_is("it runs", &vec![RunState::Running], || bed.states("a"));
    let runs = |folder: &str| fs::read_dir(bed.path(folder)).map_or(0, Iterator::count);
    assert_eq!([runs("runtime/runs"), runs("state/runs")], [1, 1]);
    bed.open_gate();
    until_is("it ends", &vec![SUCCESS], || bed.outcomes("a"));
    until_is("it is cleared away", &[0, 0], || {
        [runs("runtime/runs"), runs("state/runs")]
    });
}

#[test]
fn what_cannot_be_started_fails_and_says_why() {
    let bed = Bed::new("dispatch = { agent = '/nowhere/freezer-agent' }");
    bed.put(&at_once("a", "done"));
    let mut breaks_out = at_once("b", "done");
    breaks_out["job_actions"][0]["freezer_action"]["container"] = json!("x\rexec = rm");
    bed.put(&breaks_out);
    let daemon = Daemon::start(&bed);
    for (job, reason) in [("a", "/nowhere/freezer-agent"), ("b", "freezer_action container")] {
        until_is("it fails", &vec![Some(Outcome::Fail)], || bed.outcomes(job));
        let run = &bed.runs(job)[0];
        assert!(run.detail.contains(reason), "{run:?}");
        assert_eq!(run.started, None);
    }
    assert_eq!(daemon.metric(r#"freezerd_runs_total{outcome="fail"}"#), Some(2.0));
    assert_eq!(daemon.metric("freezerd_run_lateness_seconds_count"), Some(0.0));
    assert!(bed.diary().is_empty());
}

#[test]
fn a_due_time_during_a_run_of_its_plan_is_an_overlap() {
    let bed = Bed::new("");
    let daemon = Daemon::start(&bed);
    bed.put(&plan("each", &json!({"schedule_second": "*"}), &["gate"]));
    until("it runs", || (!bed.diary().is_empty()).then_some(()));
    until("a due time passes", || {
        bed.verdicts("each").contains(&"overlap").then_some(())
    });
    assert_eq!(bed.runs("each").len(), 1);
    let overlaps = r#"freezerd_verdicts_total{verdict="skipped",reason="overlap"}"#;
    assert!(daemon.metric(overlaps) >= Some(1.0));
    bed.open_gate();
    until("the next one runs", || {
        (bed.runs("each").len() == 2).then_some(())
    });
    bed.open_gate();
    assert!(daemon.stop().success());
}

/// Some fifty milliseconds before a run is due its supervisor is started. (On a machine that is so busy that the daemon sees
/// the plan too late for that, another one is made.)
#[test]
fn a_supervisor_comes_up_before_the_run_is_due() {
    let bed = Bed::new("");
    let daemon = Daemon::start(&bed);
    let mut number = 0;
    until("a supervisor was started ahead", || {
        number += 1;
        let job = format!("soon-{number}");
        bed.put_soon(|due| plan(&job, &json!({"schedule_date": date(due)}), &["gate"]));
        until_is("it runs", &vec![RunState::Running], || bed.states(&job));
        let supervisor = bed.runs(&job)[0].pid.expect("its supervisor");
        let line = fs::read_to_string(format!("/proc/{supervisor}/cmdline")).expect("it lives");
        bed.open_gate();
        until_is("it is done", &vec![SUCCESS], || bed.outcomes(&job));
        // Or this one's takes the next.
        until_is("it is gone", &false, || {
            fs::exists(format!("/proc/{supervisor}")).expect("/proc")
        });
        line.split('\0').any(|word| word == "--when-told").then_some(())
    });
    assert!(daemon.stop().success());
}
