//! One upcoming run, in the words the formats share.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Timelike};
use serde::Serialize;

use super::forecast::Scheduled;
use crate::plan::{JobId, ProjectId};
use crate::planner::{Outside, Window};
use crate::schedule::{DueTime, Occurrence, Shift, Zone};

/// One upcoming run. Its fields, in this order, are the JSON object and the CSV line.
#[derive(Debug, Serialize)]
pub(super) struct RunLine<'a> {
    pub job_id: &'a JobId,
    pub name: &'a str,
    /// UTC.
    #[serde(serialize_with = "as_text")]
    pub due: DueTime,
    /// RFC 3339 in the plan's zone.
    #[serde(serialize_with = "as_rfc3339")]
    pub local: DateTime<FixedOffset>,
    /// The plan's zone.
    pub timezone: &'a str,
    /// Its actions' `action`, each once.
    pub action: String,
    /// Its actions' `mode`, each once.
    pub mode: String,
    pub project_id: Option<&'a ProjectId>,
    /// What is special about this run; empty: nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl<'a> RunLine<'a> {
    pub(super) fn new(scheduled: &'a Scheduled, occurrence: Occurrence) -> Self {
        let zone = scheduled.timetable.zone();
        let plan = &scheduled.plan;
        Self {
            job_id: &plan.id,
            name: &plan.name,
            due: occurrence.due,
            local: local(occurrence.due, zone),
            timezone: zone.name(),
            action: each_once(plan.actions.iter().map(|action| action.text("action"))),
            mode: each_once(plan.actions.iter().map(|action| action.text("mode"))),
            project_id: plan.project.as_ref(),
            note: notes(scheduled, occurrence),
        }
    }
}

/// An instant on the clocks of `zone`.
pub(super) fn local(instant: DueTime, zone: &Zone) -> DateTime<FixedOffset> {
    match FixedOffset::east_opt(zone.offset_at(instant)) {
        Some(offset) => instant.instant().with_timezone(&offset),
        None => instant.instant().fixed_offset(),
    }
}

/// `13:00`, or `13:00:30` when the seconds say something.
pub(super) fn clock(civil: NaiveDateTime) -> String {
    civil
        .format(if civil.second() == 0 { "%H:%M" } else { "%H:%M:%S" })
        .to_string()
}

pub(super) fn each_once<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    crate::plan::printable(&seen.join(", "), 100)
}

fn notes(scheduled: &Scheduled, occurrence: Occurrence) -> String {
    let mut notes: Vec<String> = Vec::new();
    match occurrence.shift {
        Shift::None => {}
        Shift::MovedFromGap(civil) => {
            notes.push(format!("moved: {} does not exist on this date", clock(civil)))
        }
        Shift::FirstOfTwo => {
            let civil = scheduled.timetable.zone().civil(occurrence.due);
            notes.push(format!("first of two {}", clock(civil)));
        }
    }
    notes.extend(window_note(scheduled, occurrence.due));
    notes.extend(scheduled.remarks.iter().map(|remark| (*remark).to_owned()));
    notes.join("; ")
}

fn window_note(scheduled: &Scheduled, due: DueTime) -> Option<String> {
    let Window { windows, outside } = scheduled.window.as_ref()?;
    let zone = scheduled.timetable.zone();
    if windows.open_at(due, zone) {
        return None;
    }
    if *outside == Outside::Skip {
        return Some("outside its window: will be skipped".to_owned());
    }
    Some(match windows.opens(due, zone) {
        None => "outside its window, which does not open within 400 days".to_owned(),
        Some(opens) => {
            let (due, opens) = (zone.civil(due), zone.civil(opens));
            let day = if due.date() == opens.date() {
                String::new()
            } else {
                opens.format("%a %-d %b ").to_string()
            };
            format!("waits for its window until {day}{}", clock(opens))
        }
    })
}

fn as_text<S: serde::Serializer>(due: &DueTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(due)
}

fn as_rfc3339<S: serde::Serializer>(local: &DateTime<FixedOffset>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&local.format("%Y-%m-%dT%H:%M:%S%:z"))
}
