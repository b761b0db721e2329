//! Listings: by pages, while plans change, and what a user reads of them.

use std::process::Command;

use serde_json::json;

use crate::bed::Bed;
use crate::process::{Daemon, PROGRAM};
use crate::service::{Service, plan};
use crate::until::until_is;

const ACTIVE: &str = r#"freezerd_plans{state="active"}"#;

fn daily(number: usize) -> serde_json::Value {
    plan(
        &format!("plan-{number:02}"),
        &json!({"schedule_hour": "13", "schedule_minute": "00"}),
    )
}

/// What a command says, on both outputs.
fn said(bed: &Bed, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .arg("--config")
        .arg(bed.config())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TZ", "UTC")
        .envs(&bed.environment)
        .output()
        .expect("freezerd");
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("a text"));
    (output.status.code(), text.concat())
}

#[test]
fn every_plan_is_listed_page_by_page() {
    let (service, bed) = Service::new("");
    for number in 0..35 {
        service.put(&daily(number));
    }
    let daemon = Daemon::start(&bed);
    until_is("all are known", &Some(35.0), || daemon.metric(ACTIVE));
    daemon.says("not registered as a client: the plans are Virtuozzo's");
    // To the last place of the last page, too.
    for number in 35..40 {
        service.put(&daily(number));
    }
    until_is("all are known", &Some(40.0), || daemon.metric(ACTIVE));
    assert!(daemon.stop().success());
}

/// The plan behind which the next page begins is deleted before that is asked for.
#[test]
fn a_plan_that_vanishes_between_two_pages_takes_no_other_with_it() {
    let (service, bed) = Service::new("");
    for number in 0..35 {
        service.put(&daily(number));
    }
    let daemon = Daemon::start(&bed);
    until_is("all are known", &Some(35.0), || daemon.metric(ACTIVE));
    for last in ["plan-09", "plan-20"] {
        let known = daemon.metric(ACTIVE).expect("plans");
        service.remove_while_listed(last);
        daemon.says("no listing");
        until_is("it is gone", &Some(known - 1.0), || daemon.metric(ACTIVE));
    }
    assert!(daemon.stop().success());
}

#[test]
fn what_the_document_cannot_say_is_refused() {
    let (service, bed) = Service::without_agent("");
    service.put(&plan("a", &json!({"schedule_hour": "25"})));
    service.put(&plan("b", &json!({"schedule_interval": "12h"})));
    let (code, text) = said(&bed, &["check"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("no agent is needed: the API starts the plans"),
        "{text}"
    );
    assert!(text.contains("schedule_hour") && text.contains("25"), "{text}");
    assert!(text.contains("plans that can be used: 1"), "{text}");
    let window = [
        "--from",
        "2026-03-28T00:00:00Z",
        "--until",
        "2026-03-29T00:00:00Z",
        "--format",
        "csv",
    ];
    let (code, text) = said(&bed, &[&["dry-run"][..], &window].concat());
    assert_eq!(code, Some(0), "{text}");
    // From its creation on, which is UTC though it names no offset.
    assert!(
        text.contains("2026-03-28T09:51:10Z") && text.contains("2026-03-28T21:51:10Z"),
        "{text}"
    );
}

#[test]
fn the_agentless_launcher_needs_an_api() {
    let bed = Bed::new("[dispatch]\nlauncher = 'event'\n");
    let daemon = Daemon::launch(&bed, std::path::Path::new(PROGRAM), &[]);
    let (status, text) = daemon.ended();
    assert_eq!(status.code(), Some(78), "{text}");
    assert!(
        text.contains("dispatch.launcher") && text.contains("source.kind"),
        "{text}"
    );
    let (code, text) = said(&bed, &["check"]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("source.kind"), "{text}");
}
