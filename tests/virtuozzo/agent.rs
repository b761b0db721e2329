//! A node with an agent: it runs the plans itself, and leaves the service's account of them alone.

use chrono::SubsecRound;
use serde_json::{Value, json};

use crate::bed::SUCCESS;
use crate::process::Daemon;
use crate::service::{Service, plan, stamp};
use crate::until::until_is;

/// Puts a plan for tests/daemon/agent there, due in a moment.
fn put_ours(service: &Service) -> Value {
    service.put_once(|schedule| {
        let mut plan = plan("a", schedule);
        plan["job_actions"][0]["freezer_action"]["backup_name"] = json!("done");
        plan
    })
}

#[test]
fn plans_run_here_and_nothing_is_written() {
    let (service, bed) = Service::new("");
    put_ours(&service);
    let before = service.document("a");
    let daemon = Daemon::start(&bed);
    until_is("its end", &vec![SUCCESS], || bed.outcomes("a"));
    daemon.says("not registered as a client");
    assert_eq!(bed.diary_of("a"), ["start done", "end done"]);
    assert!(daemon.stop().success());
    assert_eq!(service.document("a"), before);
    assert!(service.asked().is_empty() && service.writes().is_empty());
}

#[test]
fn what_is_told_if_it_is_wanted_is_what_the_document_shows() {
    let (service, bed) = Service::new("");
    let settings = std::fs::read_to_string(bed.path("conf.d/test.toml")).expect("settings");
    bed.set(&format!("{settings}reports = true\n"));
    service.take_writes();
    let own = put_ours(&service);
    let daemon = Daemon::start(&bed);
    until_is("its end", &vec![SUCCESS], || bed.outcomes("a"));
    until_is("it is told", &Some(json!("completed")), || {
        service.writes().last().map(|body| body["status"].clone())
    });
    assert!(daemon.stop().success());
    let run = &bed.runs("a")[0];
    let told = service.document("a");
    let seconds = |at: Option<chrono::DateTime<chrono::Utc>>| stamp(at.expect("a time").trunc_subsecs(0));
    assert_eq!(told["started_at"], seconds(run.started));
    assert_eq!(told["ended_at"], seconds(run.ended));
    assert_eq!(told["job_schedule"], own["job_schedule"]);
}
