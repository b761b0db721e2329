//! A folder of plans, watched: what is put there, edited there and taken away from there.

use std::fs;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::bed::{Bed, SUCCESS, at_once, date, now, plan};
use crate::process::Daemon;
use crate::until::{until, until_is};

#[test]
fn a_plan_runs_by_its_document_as_it_stands() {
    let bed = Bed::new("");
    let daemon = Daemon::start(&bed);
    let at = |due, task| plan("a", &json!({"schedule_date": date(due)}), &[task]);
    let first = bed.put_soon(|due| at(due, "done"));
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("a"));
    // Edited: another time, and another thing to do.
    let second = bed.put_soon(|due| at(due, "fail 0"));
    until_is("it runs by the new document", &vec![SUCCESS; 2], || {
        bed.outcomes("a")
    });

    let runs = bed.runs("a");
    assert_eq!(
        [runs[1].due.instant(), runs[0].due.instant()],
        [first, second],
        "each at its time"
    );
    for run in runs {
        let late = run.started.expect("started") - run.due.instant();
        // (Poll is an hour: that it ran by now shows that the folder is watched.)
        assert!(late >= TimeDelta::zero(), "early by {late}");
    }
    assert_eq!(
        bed.diary_of("a"),
        ["start done", "end done", "start fail 0", "end fail 0"]
    );
    assert!(daemon.stop().success());
}

#[test]
fn a_plan_ends_with_its_document() {
    let bed = Bed::new("");
    let daemon = Daemon::start(&bed);
    bed.put(&plan("each", &json!({"schedule_second": "*"}), &["done"]));
    until("it runs", || {
        bed.outcomes("each").contains(&SUCCESS).then_some(())
    });
    fs::remove_file(bed.plan_file("each")).expect("removed");
    daemon.says("plan is gone");
    let last = bed.runs("each")[0].due;
    // Others go on, and when one has run later than that, this one would have too.
    let due = bed.put_soon(|due| plan("other", &json!({"schedule_date": date(due)}), &["done"]));
    until_is("another plan runs", &vec![SUCCESS], || bed.outcomes("other"));
    assert!(due > last.instant());
    assert_eq!(bed.runs("each")[0].due, last, "not once more");
    until("all of them end", || {
        bed.outcomes("each")
            .iter()
            .all(|outcome| *outcome == SUCCESS)
            .then_some(())
    });

    let known = bed
        .ledger()
        .expect("a ledger")
        .plans(Some("each"), 2)
        .expect("plans");
    assert_eq!(known.len(), 1, "its history stays");
    assert_eq!(known[0].document, None);
}

#[test]
fn a_broken_document_is_told_once_and_the_others_live() {
    let bed = Bed::new("");
    let daemon = Daemon::start(&bed);
    bed.put(&plan("bad", &json!({"schedule_hour": "25"}), &["done"]));
    bed.write_plan("worse", "{");
    bed.put(&at_once("good", "done"));
    until_is("the good one runs", &vec![SUCCESS], || bed.outcomes("good"));
    let told = daemon.says(r#""job_id":"bad""#);
    let told: Value = serde_json::from_str(&told).expect("a line of JSON");
    assert_eq!(told["level"], "WARN");
    assert_eq!(told["field"], "schedule_hour");
    assert_eq!(told["text"], "25");
    let message = told["message"].as_str().expect("a message");
    assert!(
        message.contains("0 to 23") || message.contains("0-23"),
        "{message}"
    );
    daemon.says(r#""job_id":"worse""#);

    // Further listings have nothing new to say of them.
    bed.put(&at_once("next", "done"));
    until_is("another one runs", &vec![SUCCESS], || bed.outcomes("next"));
    assert_eq!(daemon.metric("freezerd_problems"), Some(2.0));
    assert_eq!(daemon.said(r#""job_id":"bad""#).len(), 1);
    assert_eq!(daemon.said(r#""job_id":"worse""#).len(), 1);
    assert!(bed.runs("bad").is_empty());

    // The same mistake with another text is news; mended, it is a plan like any other.
    bed.put(&plan("bad", &json!({"schedule_hour": "26"}), &["done"]));
    let told = daemon.says_at_least(2, r#""job_id":"bad""#);
    assert!(told.contains("26"), "{told}");
    bed.put(&at_once("bad", "done"));
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("bad"));
    until_is("one is left", &Some(1.0), || daemon.metric("freezerd_problems"));
}

#[test]
fn a_folder_that_is_gone_takes_no_plan_with_it() {
    let bed = Bed::new("");
    let daemon = Daemon::start(&bed);
    bed.put(&plan("each", &json!({"schedule_second": "*"}), &["done"]));
    until("it runs", || {
        bed.outcomes("each").contains(&SUCCESS).then_some(())
    });
    fs::rename(bed.path("plans"), bed.path("elsewhere")).expect("renamed");
    let failed = r#"freezerd_poll_errors_total{kind="file"}"#;
    until("it is counted", || (daemon.metric(failed)? >= 1.0).then_some(()));
    let told = daemon.says("no listing: ");
    assert!(told.contains("plans"), "it says which folder: {told}");
    let since = now();
    until("its plan goes on", || {
        let later = bed.runs("each").into_iter().find(|run| run.due.instant() > since);
        later.filter(|run| run.ended.is_some())
    });
    assert_eq!(daemon.metric(r#"freezerd_plans{state="active"}"#), Some(1.0));
    assert!(daemon.said("plan is gone").is_empty());
    assert_eq!(daemon.get("/readyz").0, 200, "it does its job");

    fs::rename(bed.path("elsewhere"), bed.path("plans")).expect("renamed");
    // Back again, and watched again.
    until("it is read again", || {
        bed.put(&at_once("new", "done"));
        bed.outcomes("new").contains(&SUCCESS).then_some(())
    });
    assert!(daemon.said("plan is gone").is_empty());
}

#[test]
fn a_saved_listing_is_watched_too() {
    let bed = Bed::new("source = { kind = 'file', path = '../listing.json' }");
    let list = |jobs: &[Value]| {
        let unfinished = bed.path("unfinished");
        fs::write(&unfinished, json!({ "jobs": jobs }).to_string()).expect("written");
        fs::rename(unfinished, bed.path("listing.json")).expect("renamed");
    };
    list(&[at_once("a", "done")]);
    let daemon = Daemon::start(&bed);
    until_is("it runs", &vec![SUCCESS], || bed.outcomes("a"));
    list(&[at_once("b", "done")]);
    until_is("so does the other", &vec![SUCCESS], || bed.outcomes("b"));
    daemon.says("plan is gone");
    assert!(daemon.stop().success());
    assert_eq!(bed.diary_of("a"), ["start done", "end done"]);
}
