//! Answers that are lost, a service that is away, a daemon that dies: no plan is started twice, and none is forgotten.

use freezerd::planner::RunState;

use crate::bed::{Bed, SUCCESS};
use crate::process::Daemon;
use crate::service::{Mishap, Service};
use crate::until::{until, until_is};

fn ends_well(service: &Service, bed: &Bed) {
    until_is("it is seen to run", &vec![RunState::Running], || bed.states("a"));
    service.end("a", "scheduled");
    until_is("its end", &vec![SUCCESS], || bed.outcomes("a"));
    assert_eq!(bed.verdicts("a"), ["run"]);
    assert_eq!(service.starts(), ["a"]);
}

#[test]
fn a_start_whose_answer_was_lost_is_seen_in_the_document() {
    let (service, bed) = Service::without_agent("");
    service.next(Mishap::AnswerLost);
    service.put_soon("a");
    let daemon = Daemon::start(&bed);
    daemon.says("its answer was lost");
    ends_well(&service, &bed);
    assert!(daemon.stop().success());
    assert_eq!(service.asked(), ["start a"]);
}

#[test]
fn a_start_that_got_lost_itself_is_asked_for_again() {
    let (service, bed) = Service::without_agent("start_within = '2s'");
    service.next(Mishap::RequestLost);
    service.put_soon("a");
    let daemon = Daemon::start(&bed);
    until_is("it is asked for again", &2, || service.asked().len());
    ends_well(&service, &bed);
    assert!(daemon.stop().success());
}

#[test]
fn a_daemon_that_dies_before_it_hears_the_answer_asks_nobody_twice() {
    let (service, bed) = Service::without_agent("");
    service.next(Mishap::AnswerStalls);
    service.put_soon("a");
    let daemon = Daemon::start(&bed);
    until_is("it is started", &vec!["a".to_owned()], || service.starts());
    assert_eq!(bed.states("a"), [RunState::Starting]);
    daemon.kill();
    let daemon = Daemon::begin(&bed, &[]);
    ends_well(&service, &bed);
    assert!(daemon.stop().success());
    assert_eq!(service.asked(), ["start a"]);
}

#[test]
fn a_daemon_that_dies_while_it_runs_finds_it_again() {
    let (service, bed) = Service::without_agent("");
    service.put_soon("a");
    let daemon = Daemon::start(&bed);
    until_is("it is seen to run", &vec![RunState::Running], || bed.states("a"));
    daemon.kill();
    let daemon = Daemon::start(&bed);
    ends_well(&service, &bed);
    daemon.kill();

    // One that ends while nobody looks.
    service.put_soon("b");
    let daemon = Daemon::start(&bed);
    until_is("it is seen to run", &vec![RunState::Running], || bed.states("b"));
    daemon.kill();
    service.end("b", "error");
    let daemon = Daemon::start(&bed);
    until("its end", || bed.outcomes("b")[0]);
    assert!(daemon.stop().success());
    assert_eq!(service.asked(), ["start a", "start b"]);
}

#[test]
fn a_service_that_is_away_is_asked_when_it_is_back() {
    let (mut service, bed) = Service::without_agent("start_grace = '1s'");
    // At first only half: else the run may have been asked for before anybody can see that the plan is known.
    service.set_unreadable(true);
    service.put_soon("a");
    let daemon = Daemon::start(&bed);
    daemon.says("a launch waits: the API cannot be asked");
    let why = || bed.runs("a")[0].detail.clone();
    let half = why();
    service.go_away();
    until("it was tried again", || {
        (why().contains("the API cannot be asked") && why() != half).then_some(())
    });
    until_is("it waits", &vec![RunState::Queued], || bed.states("a"));
    service.set_unreadable(false);
    service.come_back();
    ends_well(&service, &bed);
    assert!(daemon.stop().success());
    assert_eq!(service.asked(), ["start a"]);
}

#[test]
fn a_run_that_cannot_be_looked_at_for_a_while_goes_on() {
    let (mut service, bed) = Service::without_agent("");
    service.put_soon("a");
    let daemon = Daemon::start(&bed);
    until_is("it is seen to run", &vec![RunState::Running], || bed.states("a"));
    service.go_away();
    daemon.says("what became of it cannot be seen");
    service.come_back();
    ends_well(&service, &bed);
    assert!(daemon.stop().success());
}

/// The setting was changed while a run was under way: each launcher finds its own.
#[test]
fn a_run_outlives_a_change_of_launcher() {
    let (service, bed) = Service::without_agent("");
    service.put_soon("a");
    let daemon = Daemon::start(&bed);
    until_is("it is seen to run", &vec![RunState::Running], || bed.states("a"));
    assert!(daemon.stop().success());
    let (other, process) = Service::new("");
    drop(other);
    let settings = std::fs::read_to_string(process.path("conf.d/test.toml")).expect("settings");
    bed.set(&settings);
    let daemon = Daemon::start(&bed);
    ends_well(&service, &bed);
    assert!(daemon.stop().success());
    assert_eq!(service.asked(), ["start a"]);
}
