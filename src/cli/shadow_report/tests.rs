use chrono::{DateTime, Utc};

use super::compare::{Compared, Decided, Did, MISSING_AFTER, Would, compare};
use crate::plan::JobId;
use crate::planner::{Reason, Sighting};
use crate::schedule::DueTime;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("an instant")
}

fn due(first: i64, would: Would) -> Decided {
    several(first, first, 1, would)
}

fn several(first: i64, last: i64, count: u64, would: Would) -> Decided {
    Decided {
        first: DueTime::from_epoch(first),
        last: DueTime::from_epoch(last),
        count,
        would,
    }
}

/// A run, first seen ten seconds after it started; the listing before was asked for at `unseen`.
fn run(started: i64, unseen: Option<i64>) -> Sighting {
    Sighting {
        job: JobId::new("a"),
        started: DueTime::from_epoch(started),
        ended: Some(at(started + 5)),
        result: "success".to_owned(),
        seen: at(started + 10),
        unseen: unseen.map(at),
    }
}

/// Each line: its first due time (0: nothing was due), what was done about it, and whether the two did the same.
fn lines(compared: &[Compared<'_>]) -> Vec<(i64, String, Option<bool>)> {
    let line = |line: &Compared<'_>| {
        let did = match line.did {
            Did::Ran(run) => format!("ran at {}", run.started.epoch()),
            Did::RanTimes(times) => format!("ran {times} times"),
            other => format!("{other:?}").to_lowercase(),
        };
        (line.decided.map_or(0, |due| due.first.epoch()), did, line.same())
    };
    compared.iter().map(line).collect()
}

fn line(due: i64, did: &str, same: Option<bool>) -> (i64, String, Option<bool>) {
    (due, did.to_owned(), same)
}

#[test]
fn a_run_belongs_to_the_latest_due_time_before_it_and_a_second_one_to_none() {
    let dues = [due(1000, Would::Run), due(2000, Would::Run)];
    let runs = [
        run(400, None),
        run(1000, Some(990)),
        run(1500, Some(1490)),
        run(2900, Some(2890)),
    ];
    let compared = compare(&dues, &runs, Some(at(9000)), false);
    assert_eq!(
        lines(&compared),
        [
            line(0, "ran at 400", Some(false)),
            line(1000, "ran at 1000", Some(true)),
            line(0, "ran at 1500", Some(false)),
            line(2000, "ran at 2900", Some(true)),
        ]
    );
}

#[test]
fn missing_is_said_only_when_a_listing_has_shown_it() {
    let one = [due(1000, Would::Run)];
    let without = |polled: i64| lines(&compare(&one, &[], Some(at(polled)), false));
    assert_eq!(
        without(1000 + MISSING_AFTER),
        [line(1000, "missing", Some(false))]
    );
    assert_eq!(without(999 + MISSING_AFTER), [line(1000, "pending", None)]);
    assert_eq!(
        lines(&compare(&one, &[], None, false)),
        [line(1000, "pending", None)]
    );
}

#[test]
fn what_a_later_run_may_hide_is_not_known() {
    let dues = [due(1000, Would::Run), due(1030, Would::Run)];
    let first = |unseen: Option<i64>| {
        let runs = [run(1031, unseen)];
        lines(&compare(&dues, &runs, Some(at(9000)), false)).remove(0)
    };
    assert_eq!(first(Some(1020)), line(1000, "unknown", None));
    assert_eq!(
        first(None),
        line(1000, "unknown", None),
        "no listing came before it"
    );
    let dues = [due(1000, Would::Run), due(5000, Would::Run)];
    let runs = [run(5001, Some(1000 + MISSING_AFTER))];
    let compared = lines(&compare(&dues, &runs, Some(at(9000)), false));
    assert_eq!(compared[0], line(1000, "missing", Some(false)));
}

#[test]
fn what_freezerd_leaves_alone_must_not_run() {
    let stopped = Would::Skip(Reason::Stopped);
    let dues = [due(1000, stopped), due(2000, stopped)];
    let compared = compare(&dues, &[run(2001, Some(1900))], Some(at(9000)), false)
        .iter()
        .map(Compared::same)
        .collect::<Vec<_>>();
    assert_eq!(compared, [Some(true), Some(false)]);
}

#[test]
fn due_times_with_one_verdict_are_one_line() {
    let dues = [several(1000, 1899, 9, Would::Coalesce), due(1900, Would::Run)];
    let runs = [run(1000, None), run(1500, Some(1490)), run(1901, Some(1890))];
    assert_eq!(
        lines(&compare(&dues, &runs, Some(at(9000)), false)),
        [
            line(1000, "ran 2 times", None),
            line(1900, "ran at 1901", Some(true))
        ]
    );
    let stopped = [several(1000, 1900, 10, Would::Skip(Reason::Stopped))];
    assert_eq!(
        lines(&compare(&stopped, &[], Some(at(9000)), false)),
        [line(1000, "missing", Some(true))]
    );
}

#[test]
fn a_plan_that_runs_once_may_have_run_before_freezerd_saw_it() {
    let once = [due(1000, Would::Run)];
    let runs = [run(995, None)];
    assert_eq!(
        lines(&compare(&once, &runs, Some(at(9000)), true)),
        [line(1000, "ran at 995", Some(true))]
    );
    assert_eq!(
        lines(&compare(&[], &runs, None, true)),
        [line(0, "ran at 995", Some(false))]
    );
}
