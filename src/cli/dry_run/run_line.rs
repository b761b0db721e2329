//! One upcoming run, in the words the formats share.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use serde::Serialize;

use crate::cli::notes::{shift_note, window_note};
use crate::cli::times::{self, local};
use crate::plan::{JobId, ProjectId};
use crate::planner::Window;
use crate::schedule::{DueTime, Occurrence, Timetable};

/// A plan whose due times are printed: what is said of each of them. (Not the plan: a hundred thousand documents are
/// not needed any more once this is known of them.)
#[derive(Debug)]
pub(super) struct Scheduled {
    pub id: JobId,
    pub name: String,
    pub project: Option<ProjectId>,
    // Of many plans these are the same.
    /// Its actions' `action`, each once.
    pub action: Arc<str>,
    /// Its actions' `mode`, each once.
    pub mode: Arc<str>,
    /// One for all plans with an equal schedule in one zone, unless it needs its anchor.
    pub timetable: Arc<Timetable>,
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
    pub action: &'a str,
    /// Its actions' `mode`, each once.
    pub mode: &'a str,
    pub project_id: Option<&'a ProjectId>,
    /// What is special about this run; empty: nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl<'a> RunLine<'a> {
    pub(super) fn new(scheduled: &'a Scheduled, occurrence: Occurrence) -> Self {
        let zone = scheduled.timetable.zone();
        Self {
            job_id: &scheduled.id,
            name: &scheduled.name,
            due: occurrence.due,
            local: local(occurrence.due, zone),
            timezone: zone.name(),
            action: &scheduled.action,
            mode: &scheduled.mode,
            project_id: scheduled.project.as_ref(),
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

pub(super) fn notes(scheduled: &Scheduled, occurrence: Occurrence) -> String {
    let zone = scheduled.timetable.zone();
    let mut notes: Vec<String> = Vec::new();
    notes.extend(shift_note(occurrence, zone));
    notes.extend(window_note(scheduled.window.as_ref(), occurrence.due, zone));
    notes.extend(scheduled.remarks.iter().map(|remark| (*remark).to_owned()));
    notes.join("; ")
}
