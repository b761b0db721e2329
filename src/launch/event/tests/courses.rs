//! What documents say of runs, read with the clocks of two machines that do not agree.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::super::course::{Before, Course, Sight, UnderWay, course};
use crate::plan::{Reported, Standing};
use crate::planner::{Outcome, Reason};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a time")
}

fn said(status: &str, started: Option<i64>, ended: Option<i64>) -> Reported {
    Reported {
        status: status.to_owned(),
        started: started.map(at),
        ended: ended.map(at),
        ..Reported::default()
    }
}

fn with_result(result: &str, reported: Reported) -> Reported {
    Reported {
        result: result.to_owned(),
        ..reported
    }
}

/// Before, it had run from 100 to 200.
fn ran() -> Before {
    Before::from(&said("scheduled", Some(100), Some(200)))
}

fn under_way(started: Option<i64>, said_running: bool) -> UnderWay {
    UnderWay {
        started: started.map(at),
        said_running,
    }
}

/// How it ended, and what is said of that.
fn over(seen: &Reported, known: Option<UnderWay>) -> (Outcome, String) {
    match course(ran(), known, seen) {
        Course::Over { outcome, detail, .. } => (outcome, detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_said_before_is_no_sign() {
    for seen in [
        said("scheduled", Some(100), Some(200)),
        with_result("success", said("completed", Some(100), Some(200))),
        said("", None, None),
        // A document that was written anew, or a clock that was set back.
        said("scheduled", Some(90), Some(95)),
    ] {
        assert_eq!(course(ran(), None, &seen), Course::NoSign, "{seen:?}");
    }
    let taken = Reported {
        event: "start".to_owned(),
        ..said("", Some(100), Some(200))
    };
    assert_eq!(course(ran(), None, &taken), Course::Taken);
}

#[test]
fn a_start_is_seen_by_its_time_or_by_its_status() {
    let running = |seen: &Reported| match course(ran(), None, seen) {
        Course::Running(under_way) => (under_way.started.map(|at| at.timestamp()), under_way.said_running),
        other => panic!("{other:?}"),
    };
    // With the end of the run before, and without.
    assert_eq!(
        running(&said("scheduled", Some(300), Some(200))),
        (Some(300), false)
    );
    assert_eq!(running(&said("scheduled", Some(300), None)), (Some(300), false));
    assert_eq!(running(&said("running", Some(300), None)), (Some(300), true));
    assert_eq!(running(&said("running", Some(100), Some(200))), (None, true));
}

/// That run will never end, so a new one is asked for; and what is still said of it is none of ours.
#[test]
fn what_is_said_of_a_dead_run_is_no_sign_of_ours() {
    let dead = said("running", Some(100), None);
    let before = Before::from(&dead);
    assert_eq!(course(before, None, &dead), Course::NoSign);
    let taken = Reported {
        event: "start".to_owned(),
        ..dead
    };
    assert_eq!(course(before, None, &taken), Course::Taken);
    // Somebody tidies up, or it has ended after all.
    for seen in [
        said("scheduled", Some(100), None),
        said("error", Some(100), Some(900)),
    ] {
        assert_eq!(course(before, None, &seen), Course::NoSign, "{seen:?}");
        // From then on the word is another run's.
        let again = course(
            before.by_now(&seen),
            None,
            &said("running", Some(100), seen.ended.map(|at| at.timestamp())),
        );
        assert_eq!(again, Course::Running(under_way(None, true)), "{seen:?}");
    }
    let ours = course(before, None, &said("running", Some(300), None));
    assert_eq!(ours, Course::Running(under_way(Some(300), true)));
    let ended = course(before, None, &said("scheduled", Some(300), Some(400)));
    assert!(matches!(ended, Course::Over { .. }), "{ended:?}");
    // As an earlier version noted it.
    let noted = r#"{"started": "1970-01-01T00:01:40Z", "ended": "1970-01-01T00:03:20Z"}"#;
    let noted: Before = serde_json::from_str(noted).expect("it is read");
    assert_eq!(noted, ran());
}

#[test]
fn an_end_is_told_by_its_time_and_its_sort_by_the_words() {
    let known = Some(under_way(Some(300), true));
    for (result, status, outcome) in [
        ("success", "completed", Outcome::Success),
        ("fail", "scheduled", Outcome::Fail),
        ("aborted", "stop", Outcome::Aborted),
        ("", "scheduled", Outcome::Success),
        ("", "completed", Outcome::Success),
        ("", "error", Outcome::Fail),
        ("", "aborted", Outcome::Aborted),
        ("", "stop", Outcome::Fail),
        ("", "", Outcome::Fail),
    ] {
        let seen = with_result(result, said(status, Some(300), Some(400)));
        // Also when the run was so short that it was never seen to run.
        assert_eq!(over(&seen, known).0, outcome, "{seen:?}");
        assert_eq!(over(&seen, None).0, outcome, "{seen:?}");
    }
    let (_, detail) = over(&said("paused", Some(300), Some(400)), known);
    assert_eq!(
        detail,
        "the API says: status paused, which is no word for a success"
    );
}

#[test]
fn an_api_that_tells_no_times_is_understood_by_its_status() {
    let before = Before::from(&said("scheduled", None, None));
    let running = course(before, None, &said("running", None, None));
    let Course::Running(known) = running else {
        panic!("{running:?}")
    };
    let seen = course(before, Some(known), &said("scheduled", None, None));
    assert!(
        matches!(
            seen,
            Course::Over {
                outcome: Outcome::Success,
                ended: None,
                ..
            }
        ),
        "{seen:?}"
    );
}

#[test]
fn a_run_that_is_gone_without_an_end_is_no_success() {
    let known = Some(under_way(Some(300), true));
    assert_eq!(
        course(ran(), known, &said("scheduled", Some(300), Some(200))),
        Course::Vanished
    );
    // Where the status never said that it ran, that it does not say so means nothing.
    let quiet = Some(under_way(Some(300), false));
    let seen = course(ran(), quiet, &said("scheduled", Some(300), Some(200)));
    assert!(matches!(seen, Course::Running(_)), "{seen:?}");
    assert_eq!(
        course(ran(), known, &said("running", Some(500), None)),
        Course::Replaced(at(500))
    );
}

#[test]
fn what_runs_already_is_not_asked_for_but_for_what_never_ends() {
    let day = TimeDelta::days(1);
    let now = at(1_000_000);
    let why = |standing, reported: Reported| {
        Sight {
            project: None,
            standing,
            reported,
        }
        .hindrance(now, day)
    };
    let active = |reported| why(Standing::Active, reported);
    assert_eq!(active(said("scheduled", None, None)), None);
    assert_eq!(active(said("completed", Some(100), Some(200))), None);
    assert_eq!(active(said("running", None, None)), Some(Reason::Overlap));
    assert_eq!(
        active(said("scheduled", Some(999_000), Some(200))),
        Some(Reason::Overlap)
    );
    assert_eq!(
        active(said("running", Some(999_000), None)),
        Some(Reason::Overlap)
    );
    assert_eq!(
        active(said("running", Some(900_000), None)),
        None,
        "a day is over"
    );
    let asked = Reported {
        event: "start".to_owned(),
        ..Reported::default()
    };
    assert_eq!(active(asked), Some(Reason::Overlap));
    let quiet = said("scheduled", None, None);
    assert_eq!(why(Standing::Disabled, quiet.clone()), Some(Reason::Disabled));
    assert_eq!(why(Standing::Stopped, quiet), Some(Reason::Stopped));
}

fn documents() -> impl Strategy<Value = Reported> {
    let word = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let time = || prop::option::of((0_i64..8).prop_map(at));
    (
        word(&["", "scheduled", "running", "completed", "stop", "error", "odd"]),
        word(&["", "success", "fail", "aborted"]),
        word(&["", "start", "stop", "abort"]),
        time(),
        time(),
    )
        .prop_map(|(status, result, event, started, ended)| Reported {
            status,
            result,
            event,
            started,
            ended,
        })
}

proptest! {
    /// Whatever an API says: nothing new is no start; a success has a new end or the end of a `running`; and no run
    /// that began before ours is taken for ours.
    #[test]
    fn nothing_is_made_up(before in documents(), seen in documents(), told in prop::option::of(0_i64..8), said_running: bool, known: bool) {
        let known = known.then(|| under_way(told, said_running));
        let memory = Before::from(&before);
        let new = |now: Option<DateTime<Utc>>, old: Option<DateTime<Utc>>| now.filter(|now| old.is_none_or(|old| *now > old));
        let (new_start, new_end) = (new(seen.started, before.started), new(seen.ended, before.ended));
        match course(memory, known, &seen) {
            Course::Over { outcome, started, ended, .. } => {
                prop_assert!(seen.status != "running");
                prop_assert!(new_end.is_some() || known.is_some_and(|run| run.said_running));
                let after_ours = new_start.is_some() || known.is_some();
                prop_assert!(after_ours || before.started.is_none_or(|started| before.ended.is_some_and(|ended| ended >= started)));
                prop_assert_eq!(started, known.and_then(|run| run.started).or(new_start));
                prop_assert!(ended.is_none() || ended == new_end);
                if outcome == Outcome::Success {
                    prop_assert!(seen.result == "success" || (seen.result.is_empty() && matches!(seen.status.as_str(), "scheduled" | "completed")));
                }
            }
            Course::Running(_) => {
                let newly = seen.status == "running" && before.status != "running";
                prop_assert!(newly || new_start.is_some() || known.is_some());
            }
            Course::NoSign | Course::Taken => {
                prop_assert!(known.is_none() && new_start.is_none());
                let unended = before.started.is_some_and(|started| before.ended.is_none_or(|ended| ended < started));
                prop_assert!(new_end.is_none() || unended || seen.status == "running");
                prop_assert!(seen.status != "running" || before.status == "running");
            }
            Course::Replaced(later) => prop_assert!(Some(later) == new_start && known.and_then(|run| run.started) < new_start),
            Course::Vanished => prop_assert!(known.is_some_and(|run| run.said_running)),
        }
    }
}
