//! The formats' own rules, for any plan's name.

use std::sync::Arc;

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::forecast::Forecast;
use super::span::Span;
use super::survey::{Only, Survey, Surveyed};
use super::{csv, ics, json, table};
use crate::cli::plans::Rest;
use crate::plan::{self, Plan};
use crate::planner::{Capabilities, CatchUp, Policy, Reports, Scope, WindowRule, ZoneRule};
use crate::schedule::{Crontab, DueTime, Zone};
use crate::zones::Zones;

fn plan(id: &str, name: &str, hour: u32) -> Plan {
    let document = serde_json::json!({"job_id": id, "name": name, "job_schedule": {"schedule_hour": hour},
        "job_actions": [{"freezer_action": {"action": "backup", "mode": name}}]});
    plan::parse(&document.to_string(), "here").unwrap().plan
}

fn policy(zone: Arc<Zone>) -> Policy {
    Policy {
        max_concurrent: 1,
        catch_up: CatchUp::UntilNext,
        allow_exec: false,
        central: false,
        capabilities: Capabilities::default(),
        late_after: 0,
        shadow: false,
        reports: Reports::Never,
        session_refused: crate::planner::SessionRefused::Skip,
        session_wait: 600,
        zone,
        zones: Vec::new(),
        windows: Vec::new(),
    }
}

/// Two days of these plans, from 1970 on, in UTC.
fn forecast(plans: Vec<Plan>) -> Forecast {
    let span = Span {
        from: DueTime::from_epoch(-1),
        until: DueTime::from_epoch(2 * 86_400 - 1),
    };
    forecast_in(plans, Arc::new(Zone::utc()), span)
}

pub(super) fn forecast_in(plans: Vec<Plan>, zone: Arc<Zone>, span: Span) -> Forecast {
    let only = Only {
        plans: &[],
        projects: &[],
    };
    // Another zone for some plans: those due together are not all of one.
    let zones = vec![ZoneRule {
        scope: Scope {
            plans: vec!["p2".to_owned(), "p2\"é".to_owned()],
            projects: Vec::new(),
        },
        zone: Zones::embedded().get("Asia/Tokyo").unwrap(),
    }];
    // And a window for some.
    let windows = vec![WindowRule {
        scope: Scope {
            plans: vec!["p1\"é".to_owned()],
            projects: Vec::new(),
        },
        allow: vec![Crontab::compile("* 1-5 * * *").unwrap()],
        deny: Vec::new(),
        outside: None,
    }];
    let policy = Policy {
        zones,
        windows,
        ..policy(zone)
    };
    let survey = Survey::new(&policy, span, only);
    let mut surveyed = Surveyed::default();
    for plan in plans {
        surveyed.add(survey.look(plan));
    }
    survey.end(surveyed, Rest::default()).unwrap()
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<u64>) -> (String, u64) {
    let mut out = Vec::new();
    let count = write(&mut out).unwrap();
    (String::from_utf8(out).unwrap(), count)
}

#[test]
fn plans_due_together_come_in_order_of_their_ids() {
    let forecast = forecast(vec![plan("b", "x", 5), plan("c", "x", 4), plan("a", "x", 5)]);
    let order: Vec<_> = forecast
        .runs()
        .map(|run| (run.job_id.as_str(), run.due.epoch() / 3600))
        .collect();
    assert_eq!(
        order,
        [("c", 4), ("a", 5), ("b", 5), ("c", 28), ("a", 29), ("b", 29)]
    );
}

/// RFC 5545, read back: unfolded, then the value of the first line of this name.
fn unfolded(text: &str, name: &str) -> String {
    let text = text.replace("\r\n ", "");
    let line = text
        .split("\r\n")
        .find_map(|line| line.strip_prefix(&format!("{name}:")))
        .unwrap();
    let mut out = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next().unwrap() {
                'n' => out.push('\n'),
                other => out.push(other),
            },
            (other, false) => {
                assert!(!matches!(other, ';' | ','), "{line}");
                out.push(other);
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn a_calendar_is_well_formed_whatever_plans_are_called(name in "\\PC{1,150}", id in "\\PC{1,80}") {
        prop_assume!(!id.trim().is_empty() && !name.trim().is_empty());
        let plan = plan(&id, &name, 5);
        let shown = plan.name.clone();
        let forecast = forecast(vec![plan]);
        let (text, count) = written(|out| ics::write(&forecast, out));
        prop_assert_eq!(count, 2);
        prop_assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        for line in text.strip_suffix("\r\n").unwrap().split("\r\n") {
            prop_assert!(line.len() <= 75, "{} bytes: {:?}", line.len(), line);
            prop_assert!(!line.contains(['\r', '\n']));
        }
        prop_assert_eq!(unfolded(&text, "SUMMARY"), shown);
        prop_assert_eq!(text.matches("BEGIN:VEVENT\r\n").count(), 2);
        let uids: std::collections::BTreeSet<_> =
            text.replace("\r\n ", "").lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect();
        prop_assert_eq!(uids.len(), 2);
    }

    #[test]
    fn csv_and_json_say_the_same(name in "\\PC{1,60}|[=+@-]\\PC{0,9}", id in "[a-z0-9,\"]{1,20}") {
        prop_assume!(!name.trim().is_empty());
        let forecast = forecast(vec![plan(&id, &name, 5), plan("other", "x", 6)]);
        let (text, lines) = written(|out| csv::write(&forecast, out));
        let (object, runs) = written(|out| json::write(&forecast, out));
        prop_assert_eq!(lines, runs);
        let object: serde_json::Value = serde_json::from_str(&object).unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers().unwrap().clone();
        for (line, run) in reader.records().zip(object["runs"].as_array().unwrap()) {
            for (column, cell) in columns.iter().zip(&line.unwrap()) {
                let said = run[column].as_str().unwrap_or_default();
                let formula = said.starts_with(['=', '+', '-', '@', '\t', '\r']);
                prop_assert_eq!(cell, if formula { format!("'{said}") } else { said.to_owned() });
            }
        }
    }

    #[test]
    fn the_tables_columns_are_straight(names in proptest::collection::vec("\\PC{1,50}", 1..6)) {
        prop_assume!(names.iter().all(|name| !name.trim().is_empty()));
        let plans = names.iter().enumerate().map(|(number, name)| plan(&format!("p{number}"), name, 5)).collect();
        let forecast = forecast(plans);
        let now = DueTime::from_epoch(0).instant();
        let (text, count) = written(|out| table::write(&forecast, now, false, out));
        prop_assert_eq!(text.find('\u{1b}'), None);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("  in ")).collect();
        prop_assert_eq!(rows.len() as u64, count);
        let columns: std::collections::BTreeSet<usize> = rows
            .iter()
            .filter_map(|row| row.rsplit_once("  backup").map(|(before, _)| before.width()))
            .collect();
        prop_assert!(columns.len() <= 1, "{text}");
        let (coloured, _) = written(|out| table::write(&forecast, now, true, out));
        let plain = ["\u{1b}[1m", "\u{1b}[2m", "\u{1b}[33m", "\u{1b}[0m"].iter();
        prop_assert_eq!(plain.fold(coloured, |text, code| text.replace(code, "")), text);
    }
}

proptest! {
    // Each case is some thousand runs.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn json_lines_are_those_of_serde(
        name in "\\PC{1,60}|[\"\\\\/\\u{0}-\\u{1f}]{1,9}x",
        plans in proptest::collection::vec(("[0-9*,/-]{1,3}|\\*/[1-9]", prop_oneof![Just(7), 0_u32..60], any::<bool>()), 1..6),
        from in 0_i64..2_000_000_000,
        zone in prop::sample::select(vec!["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
    ) {
        let document = |at: usize, hour: &str, minute: u32, project: bool| serde_json::json!({
            "job_id": format!("p{at}\"é"), "name": name, "job_schedule": {"schedule_hour": hour, "schedule_minute": minute},
            "project_id": project.then_some("a\tproject"),
            "job_actions": [{"freezer_action": {"action": if project { "exec" } else { "backup" }, "mode": name}}],
        });
        let mut plans: Vec<Plan> = plans
            .iter()
            .enumerate()
            .filter_map(|(at, (hour, minute, project))| {
                plan::parse(&document(at, hour, *minute, *project).to_string(), "here").ok().map(|read| read.plan)
            })
            .collect();
        // Counts from the start of the list, and says so.
        let interval = serde_json::json!({"job_id": "i", "job_schedule": {"schedule_interval": "7 hours"},
            "job_actions": [{"freezer_action": {"action": "backup"}}]});
        plans.push(plan::parse(&interval.to_string(), "here").unwrap().plan);
        let zone = Zones::embedded().get(zone).unwrap();
        let span = Span { from: DueTime::from_epoch(from), until: DueTime::from_epoch(from + 40 * 86_400) };
        let forecast = forecast_in(plans, zone, span);
        let (text, count) = written(|out| json::write(&forecast, out));
        let lines: Vec<String> = forecast.runs().map(|run| serde_json::to_string(&run).unwrap()).collect();
        prop_assert_eq!(count, lines.len() as u64);
        let written: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with(" \"runs\""))
            .skip(1)
            .take(lines.len())
            .map(|line| line.trim_start().trim_end_matches(','))
            .collect();
        prop_assert_eq!(written, lines);
    }

    #[test]
    fn runs_come_in_order_and_none_is_lost(
        schedules in proptest::collection::vec(("\\*|[0-9]{1,2}|\\*/[1-9]", "\\*|[0-9]{1,2}|\\*/[1-9]", "\\*/[1-9]|[0-9]"), 1..8),
        plans in 1_usize..20,
        length in 1_i64..40_000,
    ) {
        // Some have their schedule in common.
        let plans: Vec<Plan> = schedules
            .iter()
            .cycle()
            .take(plans)
            .enumerate()
            .filter_map(|(at, (hour, minute, second))| {
                let document = serde_json::json!({"job_id": format!("p{at}"), "job_schedule":
                    {"schedule_hour": hour, "schedule_minute": minute, "schedule_second": second},
                    "job_actions": [{"freezer_action": {"action": "backup"}}]});
                plan::parse(&document.to_string(), "here").ok().map(|read| read.plan)
            })
            .collect();
        let span = Span { from: DueTime::from_epoch(-1), until: DueTime::from_epoch(length) };
        let forecast = forecast_in(plans, Arc::new(Zone::utc()), span);
        let mut expected: Vec<(DueTime, &str)> = Vec::new();
        for plan in &forecast.scheduled {
            let next = |after| plan.timetable.next(after).map(|next| next.due).filter(|due| *due <= span.until);
            expected.extend(std::iter::successors(next(span.from), |due| next(*due)).map(|due| (due, plan.id.as_str())));
        }
        expected.sort_unstable();
        let runs: Vec<_> = forecast.runs().map(|run| (run.due, run.job_id.as_str())).collect();
        prop_assert_eq!(runs, expected);
    }
}
