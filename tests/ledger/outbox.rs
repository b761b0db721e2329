//! Reports wait until the API took them; only the newest of each plan waits.

use freezerd::ledger::PendingReport;
use freezerd::planner::{Outcome, Record, Report, RunId, RunState};

use crate::{Store, at, due, job, plan, report, report_about, run};

fn waiting(store: &mut Store) -> Vec<PendingReport> {
    store.ledger().reader().pending_reports(100).expect("reports")
}

fn only(store: &mut Store) -> PendingReport {
    let mut all = waiting(store);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn full() -> Report {
    Report {
        status: "running".to_owned(),
        result: Some("success".to_owned()),
        time_started: Some(100),
        time_ended: Some(-1),
        current_pid: Some(7),
        answers_event: Some("start".to_owned()),
        session: None,
    }
}

#[test]
fn a_report_comes_back_as_it_went_in() {
    let mut store = Store::new();
    let run = RunId::new(&job("a"), due(40));
    let committed = store
        .ledger()
        .commit(&[
            plan("a", 0, 0),
            Record::Report {
                job: job("a"),
                run: Some(run.clone()),
                report: full(),
            },
        ])
        .expect("committed");
    store.reopen();
    let found = only(&mut store);
    assert_eq!(committed.reports, [found.id]);
    assert_eq!(
        (found.job, found.run, found.report),
        (job("a"), Some(run), full())
    );
    assert_eq!(found.project.expect("a project").as_str(), "p");
    assert_eq!((found.attempts, found.error), (0, None));
    assert_eq!(store.ledger().reader().report_backlog().expect("a number"), 1);
    store.ledger().delivered(found.id).expect("written");
    store.reopen();
    assert_eq!(waiting(&mut store), []);
}

#[test]
fn a_newer_report_takes_the_place_of_an_older_and_keeps_what_it_leaves_out() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        plan("b", 0, 0),
        report_about("a", full()),
        report_about("b", full()),
    ]);
    let committed = store
        .ledger()
        .commit(&[
            report_about("a", report("interim")),
            report_about(
                "a",
                Report {
                    time_ended: Some(200),
                    ..report("completed")
                },
            ),
        ])
        .expect("committed");
    let all = waiting(&mut store);
    assert_eq!(all.len(), 2);
    assert_eq!(committed.reports, [all[1].id], "only what waits is told of");
    assert_eq!((all[0].job.as_str(), &all[0].report), ("b", &full()));
    let merged = Report {
        status: "completed".to_owned(),
        result: Some(String::new()),
        time_started: Some(100),
        time_ended: Some(200),
        // A process that has ended is not pointed at.
        current_pid: None,
        answers_event: Some("start".to_owned()),
        session: None,
    };
    assert_eq!((all[1].job.as_str(), &all[1].report), ("a", &merged));
}

#[test]
fn the_delivery_of_an_older_report_takes_nothing_from_a_newer_but_the_event() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), report_about("a", full())]);
    let old = only(&mut store);
    // The old one is on its way when this comes.
    store.commit(&[report_about("a", report("completed"))]);
    assert_eq!(only(&mut store).report.answers_event.as_deref(), Some("start"));
    store.ledger().delivered(old.id).expect("written");
    let new = only(&mut store);
    assert_eq!(
        (new.report.status.as_str(), new.report.answers_event),
        ("completed", None)
    );
    // Whatever is told of the old one now is about nobody.
    store.ledger().delivery_failed(old.id, "late").expect("written");
    store.ledger().delivered(old.id).expect("written");
    assert_eq!(only(&mut store).attempts, 0);
    store.ledger().delivered(new.id).expect("written");
    assert_eq!(waiting(&mut store), []);
}

#[test]
fn an_event_of_its_own_is_not_answered_by_an_older_delivery() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), report_about("a", full())]);
    let old = only(&mut store);
    let stop = Report {
        answers_event: Some("stop".to_owned()),
        session: None,
        ..report("stop")
    };
    store.commit(&[report_about("a", stop)]);
    store.ledger().delivered(old.id).expect("written");
    assert_eq!(only(&mut store).report.answers_event.as_deref(), Some("stop"));
}

#[test]
fn a_number_is_never_used_again() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), report_about("a", full())]);
    let old = only(&mut store);
    store.ledger().delivered(old.id).expect("written");
    store.reopen();
    store.commit(&[report_about("a", full())]);
    assert_ne!(only(&mut store).id, old.id);
    store.ledger().delivered(old.id).expect("written");
    assert_eq!(only(&mut store).report, full());
}

#[test]
fn one_that_is_refused_holds_up_no_other() {
    let mut store = Store::new();
    store.commit(&[
        plan("a", 0, 0),
        plan("b", 0, 0),
        report_about("a", full()),
        report_about("b", full()),
    ]);
    let first = waiting(&mut store).remove(0);
    assert_eq!(first.job.as_str(), "a");
    store
        .ledger()
        .delivery_failed(first.id, &"no ".repeat(1000))
        .expect("written");
    store.reopen();
    let all = waiting(&mut store);
    assert_eq!((all[0].job.as_str(), all[0].attempts), ("b", 0));
    assert_eq!((all[1].job.as_str(), all[1].attempts), ("a", 1));
    assert_eq!(all[1].error.as_deref().map(str::len), Some(500));
    assert_eq!(
        store.ledger().reader().pending_reports(1).expect("reports").len(),
        1
    );
}

#[test]
fn the_oldest_that_waits_is_told_by_what_its_run_did_last() {
    let mut store = Store::new();
    store.commit(&[plan("a", 0, 0), plan("b", 0, 0), plan("c", 0, 0)]);
    assert_eq!(store.ledger().reader().waits_since().expect("a time"), None);
    // Asked for by a user: no run, no time.
    store.commit(&[report_about("c", report("stop"))]);
    assert_eq!(store.ledger().reader().waits_since().expect("a time"), None);
    let mut ids = Vec::new();
    for (name, ended) in [("a", 90), ("b", 70)] {
        let mut run = run(name, 40, RunState::Done(Outcome::Success));
        run.ended = Some(at(ended));
        let about = Record::Report {
            job: job(name),
            run: Some(run.id.clone()),
            report: report("completed"),
        };
        ids.extend(
            store
                .ledger()
                .commit(&[Record::Run(run), about])
                .expect("committed")
                .reports,
        );
    }
    let since = |store: &mut Store| store.ledger().reader().waits_since().expect("a time");
    assert_eq!(since(&mut store), Some(at(70)));
    store.ledger().delivered(ids[1]).expect("written");
    assert_eq!(since(&mut store), Some(at(90)));
    store.ledger().delivered(ids[0]).expect("written");
    assert_eq!(since(&mut store), None);
}
