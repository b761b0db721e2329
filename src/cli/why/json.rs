//! JSON: one object, a verdict a line.

use std::io::{self, Write};

use chrono::{DateTime, FixedOffset, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Shown;
use super::asked::Answer;
use super::overview::Overview;
use super::story::Told;
use crate::cli::history::RunLine;
use crate::cli::json::list;
use crate::cli::known::Document;
use crate::cli::times::{self, local};
use crate::planner::Reason;
use crate::schedule::{DueTime, Zone};

/// One verdict, or a due time that has none yet.
#[derive(Serialize)]
struct Line<'a> {
    /// The earliest due time it covers, UTC.
    #[serde(serialize_with = "times::as_text")]
    due: DueTime,
    /// The same, in the plan's zone.
    #[serde(serialize_with = "times::as_rfc3339")]
    local: DateTime<FixedOffset>,
    /// The latest due time it covers, UTC.
    #[serde(serialize_with = "times::as_text")]
    last: DueTime,
    count: u64,
    verdict: &'static str,
    reason: Option<Reason>,
    #[serde(serialize_with = "times::as_millis")]
    decided: Option<DateTime<Utc>>,
    /// The run, or that which it was coalesced into.
    run: &'a Option<RunLine>,
    text: String,
    advice: Option<&'static str>,
}

impl<'a> Line<'a> {
    fn new(told: &'a Told, zone: &Zone) -> Self {
        Self {
            due: told.first,
            local: local(told.first, zone),
            last: told.last,
            count: told.count,
            verdict: told.word,
            reason: told.reason,
            decided: told.decided,
            run: &told.run,
            text: told.text(),
            advice: told.advice,
        }
    }
}

pub(super) fn write(overview: &Overview, shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    let zone = overview.zone();
    write!(out, "{{\"timezone\": ")?;
    serde_json::to_writer(&mut *out, zone.name())?;
    write!(out, ",\n \"plan\": ")?;
    serde_json::to_writer(&mut *out, &plan(overview))?;
    writeln!(out, ",")?;
    match shown {
        Shown::Latest(told) => {
            list(out, "verdicts", told.iter().map(|told| Line::new(told, zone)))?;
        }
        Shown::Asked(time, answer) => {
            let (at, text, before, after) = match answer {
                Answer::Due(told) | Answer::Among(told) => (Some(told.as_ref()), told.text(), None, None),
                Answer::Nothing { text, before, after } => {
                    (None, text.clone(), before.as_deref(), after.as_deref())
                }
            };
            write!(
                out,
                " \"time\": \"{time}\", \"answer\": \"{}\", \"text\": ",
                answer.word()
            )?;
            serde_json::to_writer(&mut *out, &text)?;
            for (name, told) in [("at", at), ("before", before), ("after", after)] {
                write!(out, ",\n \"{name}\": ")?;
                serde_json::to_writer(&mut *out, &told.map(|told| Line::new(told, zone)))?;
            }
        }
    }
    writeln!(out, "}}")
}

fn plan(overview: &Overview) -> Value {
    let known = &overview.known.plan;
    let instant = |due: DueTime| due.to_string();
    let mut schedule = Map::new();
    let mut problems = Value::Null;
    match &overview.known.document {
        Document::Usable(plan) => {
            let texts = plan.schedule.render().into_iter();
            schedule.extend(texts.map(|(key, text)| (key.to_owned(), Value::String(text))));
        }
        Document::Broken(found) => problems = json!(found),
        Document::Gone => {}
    }
    let coming = overview.coming.as_ref();
    let success = overview.success.as_ref();
    json!({
        "job_id": known.job,
        "name": known.name,
        "project_id": known.project,
        "schedule": schedule,
        "standing": overview.standing_word(),
        "problems": problems,
        "next_due": coming.and_then(|coming| coming.view.next.ok()).map(instant),
        "not_due": coming.and_then(|coming| coming.view.next.err().map(|quiet| coming.quiet(quiet))),
        "last_success": success.map(|run| RunLine::new(run, &known.name, overview.zone())),
        "rpo_deadline": coming.and_then(|coming| coming.view.deadline).map(instant),
        "first_seen": instant(known.first_seen),
        "decided_until": instant(known.covered),
    })
}
