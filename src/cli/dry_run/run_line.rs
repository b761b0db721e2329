//! One upcoming run, in the words the formats share.

use chrono::{DateTime, FixedOffset};
use serde::Serialize;

use crate::cli::notes::{shift_note, window_note};
use crate::cli::times::{self, local};
use crate::plan::{JobId, Plan, ProjectId};
use crate::planner::Window;
use crate::schedule::{DueTime, Occurrence, Timetable};

/// A plan whose due times are printed.
#[derive(Debug)]
pub(super) struct Scheduled {
    pub plan: Plan,
    pub timetable: Timetable,
    pub window: Option<Window>,
    /// True of every run of it.
    pub remarks: Vec<&'static str>,
}

/// One upcoming run. Its fields, in this order, are the JSON object and the CSV line.
#[derive(Debug, Serialize)]
pub(super) struct RunLine<'a> {
    pub job_id: &'a JobId,
    pub name: &'a str,
    /// UTC.
    #[serde(serialize_with = "times::as_text")]
    pub due: DueTime,
    /// RFC 3339 in the plan's zone.
    #[serde(serialize_with = "times::as_rfc3339")]
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
    let zone = scheduled.timetable.zone();
    let mut notes: Vec<String> = Vec::new();
    notes.extend(shift_note(occurrence, zone));
    notes.extend(window_note(scheduled.window.as_ref(), occurrence.due, zone));
    notes.extend(scheduled.remarks.iter().map(|remark| (*remark).to_owned()));
    notes.join("; ")
}
