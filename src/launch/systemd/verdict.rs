//! What became of a run whose unit is over: from the report it left, or else from what systemd knows. No I/O.

use chrono::{DateTime, Utc};

use crate::launch::report::RunReport;
use crate::launch::supervise::Exit;
use crate::planner::Outcome;

use super::bus::UnitEnd;

/// What else is known of the run.
#[derive(Debug, Clone)]
pub(super) struct Known<'a> {
    pub(super) unit: &'a str,
    /// When its first agent was started, if one was.
    pub(super) started: Option<DateTime<Utc>>,
    /// The daemon told it to stop.
    pub(super) abort_asked: bool,
    pub(super) now: DateTime<Utc>,
}

/// Of a run that left a report: that. It does not know who told it to stop.
pub(super) fn reported(mut report: RunReport, abort_asked: bool) -> RunReport {
    if report.outcome == Outcome::Aborted && !abort_asked {
        report
            .detail
            .push_str("; it was not freezerd that told it to stop: somebody did, or the machine went down");
    }
    report
}

/// Of a run that was claimed and left no report. `None`: systemd could not be asked.
pub(super) fn unreported(end: Option<&UnitEnd>, known: &Known<'_>) -> RunReport {
    let (outcome, why) = match end {
        None => (ended_by_us(known), "its unit is not known".to_owned()),
        Some(end) => judge(end, known),
    };
    let detail = format!("{why}; {} left no report", known.unit);
    RunReport::without_steps(outcome, known.started, when(end, known), detail)
}

/// Of a run of which no agent was ever started.
pub(super) fn never_started(end: Option<&UnitEnd>, known: &Known<'_>) -> RunReport {
    let outcome = if known.abort_asked {
        Outcome::Aborted
    } else {
        Outcome::Fail
    };
    let how = end.map_or_else(|| "is gone".to_owned(), told);
    let detail = format!(
        "its supervisor {how} before it started any agent: see journalctl -u {}",
        known.unit
    );
    RunReport::without_steps(outcome, None, when(end, known), detail)
}

fn judge(end: &UnitEnd, known: &Known<'_>) -> (Outcome, String) {
    if let Some(Exit::Unreported(outcome)) = end.code.and_then(Exit::from_code) {
        return (
            outcome,
            "its supervisor's exit code tells how it ended".to_owned(),
        );
    }
    match end.result.as_str() {
        "oom-kill" => (Outcome::Fail, "out of memory: it was killed for what it took (oom-kill)".to_owned()),
        // Both the unit's time and that for stopping are timed out so; the latter only after an abort.
        "timeout" if !known.abort_asked => (
            Outcome::Fail,
            "took longer than it may (RuntimeMaxSec, dispatch.limits.runtime_max), and its supervisor did not end it"
                .to_owned(),
        ),
        // Also of a unit that systemd does not know: after a reboot, say.
        "success" if end.code.is_none() && end.signal.is_none() => (
            ended_by_us(known),
            "it was started, and systemd knows nothing of it: the machine went down meanwhile".to_owned(),
        ),
        _ => (ended_by_us(known), format!("its supervisor {}", told(end))),
    }
}

/// How it would have ended is not known. That it was told to stop, and is no more, is.
fn ended_by_us(known: &Known<'_>) -> Outcome {
    if known.abort_asked {
        Outcome::Aborted
    } else {
        Outcome::Lost
    }
}

fn told(end: &UnitEnd) -> String {
    match (end.code, end.signal) {
        (Some(code), _) => format!("ended with exit code {code} ({})", end.result),
        (None, Some(signal)) => format!("was killed by signal {signal} ({})", end.result),
        (None, None) => format!("is gone ({})", end.result),
    }
}

fn when(end: Option<&UnitEnd>, known: &Known<'_>) -> DateTime<Utc> {
    let at = end.and_then(|end| end.at);
    at.filter(|at| *at <= known.now && known.started.is_none_or(|started| started <= *at))
        .unwrap_or(known.now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(result: &str, code: Option<i32>, signal: Option<i32>) -> UnitEnd {
        let at = DateTime::from_timestamp(100, 0);
        UnitEnd {
            result: result.to_owned(),
            code,
            signal,
            at,
        }
    }

    fn known(abort_asked: bool) -> Known<'static> {
        Known {
            unit: "freezerd-run-a.service",
            started: DateTime::from_timestamp(50, 0),
            abort_asked,
            now: DateTime::from_timestamp(200, 0).expect("a time"),
        }
    }

    #[test]
    fn what_systemd_knows_decides_where_no_report_was_left() {
        for (result, code, signal, asked, outcome, says) in [
            ("oom-kill", None, Some(9), false, Outcome::Fail, "out of memory"),
            ("timeout", None, Some(9), false, Outcome::Fail, "RuntimeMaxSec"),
            (
                "timeout",
                None,
                Some(9),
                true,
                Outcome::Aborted,
                "killed by signal 9 (timeout)",
            ),
            (
                "signal",
                None,
                Some(9),
                false,
                Outcome::Lost,
                "killed by signal 9 (signal)",
            ),
            (
                "signal",
                None,
                Some(15),
                true,
                Outcome::Aborted,
                "killed by signal 15",
            ),
            (
                "exit-code",
                Some(31),
                None,
                false,
                Outcome::Fail,
                "exit code tells",
            ),
            (
                "exit-code",
                Some(30),
                None,
                false,
                Outcome::Success,
                "exit code tells",
            ),
            (
                "exit-code",
                Some(101),
                None,
                false,
                Outcome::Lost,
                "exit code 101",
            ),
            (
                "success",
                None,
                None,
                false,
                Outcome::Lost,
                "the machine went down",
            ),
        ] {
            let report = unreported(Some(&end(result, code, signal)), &known(asked));
            assert_eq!(report.outcome, outcome, "{report:?}");
            assert!(report.detail.contains(says), "{report:?}");
            assert!(
                report.detail.ends_with("; freezerd-run-a.service left no report"),
                "{report:?}"
            );
            assert_eq!(
                Some(report.ended),
                DateTime::from_timestamp(100, 0),
                "systemd knows when"
            );
        }
        assert_eq!(unreported(None, &known(false)).outcome, Outcome::Lost);
        assert_eq!(unreported(None, &known(true)).outcome, Outcome::Aborted);
    }

    #[test]
    fn a_run_without_an_agent_is_never_lost() {
        let report = never_started(Some(&end("exit-code", Some(203), None)), &known(false));
        assert_eq!((report.outcome, report.started), (Outcome::Fail, None));
        insta::assert_snapshot!(report.detail, @"its supervisor ended with exit code 203 (exit-code) before it started any agent: see journalctl -u freezerd-run-a.service");
        assert_eq!(never_started(None, &known(true)).outcome, Outcome::Aborted);
    }

    #[test]
    fn a_time_that_cannot_be_is_not_believed() {
        for seconds in [40, 300] {
            let mut end = end("signal", None, Some(9));
            end.at = DateTime::from_timestamp(seconds, 0);
            let report = unreported(Some(&end), &known(false));
            assert_eq!(
                Some(report.ended),
                DateTime::from_timestamp(200, 0),
                "at {seconds}"
            );
        }
    }

    #[test]
    fn an_abort_that_nobody_asked_for_says_so() {
        let now = known(false).now;
        let report = |outcome| RunReport::without_steps(outcome, None, now, "aborted: backup".to_owned());
        assert_eq!(reported(report(Outcome::Aborted), true).detail, "aborted: backup");
        assert!(
            reported(report(Outcome::Aborted), false)
                .detail
                .contains("the machine went down")
        );
        assert_eq!(reported(report(Outcome::Fail), false).detail, "aborted: backup");
    }
}
