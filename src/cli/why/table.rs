//! The sentences: for people.

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::Shown;
use super::asked::Answer;
use super::overview::{Coming, Overview};
use super::story::{Told, Tone};
use crate::cli::notes::window_note;
use crate::cli::screen::{BOLD, DIM, GREEN, Paint, RED, YELLOW, fit};
use crate::cli::times::{beside, relative, stamp};
use crate::schedule::DueTime;

/// `schedule`, `last success`
const LABEL: usize = 12;

pub(super) fn write(
    overview: &Overview,
    shown: &Shown,
    now: DateTime<Utc>,
    colour: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let sheet = Sheet {
        overview,
        now: DueTime::floor(now),
        paint: Paint { colour },
    };
    writeln!(out, "{}", sheet.title())?;
    match shown {
        Shown::Latest(told) => {
            for (label, text) in sheet.facts() {
                let label = sheet.paint.on(DIM, &fit(label, LABEL));
                writeln!(out, "  {label}  {text}")?;
            }
            writeln!(out, "\n{}", sheet.paint.on(BOLD, "What became of its due times"))?;
            if told.is_empty() {
                writeln!(out, "  None has come yet that is still in the ledger.")?;
            }
            for one in told {
                writeln!(out, "  {}", sheet.row(one))?;
            }
            sheet.advice(told.iter(), out)
        }
        Shown::Asked(time, Answer::Due(told)) => {
            if *time != told.first {
                let time = stamp(*time, overview.zone());
                writeln!(out, "  {time} is one of the due times that got this verdict:")?;
            }
            writeln!(out, "  {}", sheet.row(told))?;
            sheet.advice([told.as_ref()].into_iter(), out)
        }
        Shown::Asked(time, Answer::Among(told)) => {
            let time = stamp(*time, overview.zone());
            writeln!(
                out,
                "  {time} lies among due times that got one verdict, and may be one of them:"
            )?;
            writeln!(out, "  {}", sheet.row(told))?;
            sheet.advice([told.as_ref()].into_iter(), out)
        }
        Shown::Asked(_, Answer::Nothing { text, before, after }) => {
            writeln!(out, "  {text}")?;
            for (label, told) in [("before", before), ("after", after)] {
                let label = sheet.paint.on(DIM, &fit(label, 6));
                match told {
                    Some(told) => writeln!(out, "  {label}  {}", sheet.row(told))?,
                    None => writeln!(out, "  {label}  nothing that is known")?,
                }
            }
            sheet.advice(before.iter().chain(after).map(AsRef::as_ref), out)
        }
    }
}

struct Sheet<'a> {
    overview: &'a Overview,
    now: DueTime,
    paint: Paint,
}

impl Sheet<'_> {
    /// `nightly (id 3f2a, project p1)`
    fn title(&self) -> String {
        let plan = &self.overview.known.plan;
        let mut more = Vec::new();
        if plan.name != plan.job.as_str() {
            more.push(format!("id {}", plan.job));
        }
        more.extend(plan.project.as_ref().map(|project| format!("project {project}")));
        let name = self.paint.on(BOLD, &plan.name);
        if more.is_empty() {
            name
        } else {
            format!("{name} ({})", more.join(", "))
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let overview = self.overview;
        let mut facts = Vec::new();
        facts.extend(overview.schedule().map(|schedule| ("schedule", schedule)));
        facts.push(("zone", overview.zone().name().to_owned()));
        let standing = overview.standing();
        let colour = if standing == "active" { "" } else { YELLOW };
        facts.push(("standing", self.paint.on(colour, &standing)));
        facts.extend(
            overview
                .coming
                .as_ref()
                .map(|coming| ("next due", self.next(coming))),
        );
        facts.push(("last success", self.success()));
        let deadline = overview.coming.as_ref().and_then(|coming| coming.view.deadline);
        facts.extend(deadline.map(|deadline| ("RPO deadline", self.deadline(deadline))));
        facts.push(("first seen", self.stamp(overview.known.plan.first_seen)));
        facts
    }

    fn next(&self, coming: &Coming) -> String {
        let due = match coming.view.next {
            Ok(due) => due,
            Err(quiet) => return coming.quiet(quiet),
        };
        let (at, when) = (self.stamp(due), relative(due.since(self.now)));
        if due < self.now {
            let text = format!("{at}, {when}: no daemon has come to it yet; does one run?");
            return self.paint.on(YELLOW, &text);
        }
        let note = window_note(coming.window.as_ref(), due, self.overview.zone());
        let note = note.map_or_else(String::new, |note| format!("; {note}"));
        format!("{at}, {when}{note}")
    }

    fn success(&self) -> String {
        let Some(run) = &self.overview.success else {
            return "none that is known".to_owned();
        };
        let ended = run.ended.map(DueTime::floor).map_or_else(String::new, |ended| {
            let at = beside(ended, run.due, self.overview.zone());
            format!(", ended {at}, {}", relative(ended.since(self.now).min(-1)))
        });
        format!("{}{ended}", self.stamp(run.due))
    }

    fn deadline(&self, deadline: DueTime) -> String {
        let (at, when) = (self.stamp(deadline), relative(deadline.since(self.now)));
        if deadline <= self.now {
            self.paint.on(RED, &format!("{at}: passed {when}"))
        } else {
            format!("{at}, {when}: late from then on, unless a run succeeds")
        }
    }

    fn stamp(&self, instant: DueTime) -> String {
        stamp(instant, self.overview.zone())
    }

    /// `2026-03-29 03:00:00 +02:00  ran: success, started 0.2 s late, took 12 s`
    fn row(&self, told: &Told) -> String {
        let colour = match told.tone {
            Tone::Good => GREEN,
            Tone::Bad => RED,
            Tone::Odd => YELLOW,
            Tone::Plain => "",
        };
        let more = match told.count.saturating_sub(1) {
            0 => String::new(),
            1 => format!("and {}: ", beside(told.last, told.first, self.overview.zone())),
            more => {
                let last = beside(told.last, told.first, self.overview.zone());
                format!("and {more} more, up to {last}: ")
            }
        };
        let note = told
            .note
            .as_ref()
            .map_or_else(String::new, |note| format!("; {}", self.paint.on(YELLOW, note)));
        format!(
            "{}  {more}{}{}{note}",
            self.stamp(told.first),
            self.paint.on(colour, &told.head),
            told.tail
        )
    }

    /// Each piece of advice once, whatever it is told of.
    fn advice<'a>(&self, told: impl Iterator<Item = &'a Told>, out: &mut dyn Write) -> io::Result<()> {
        let mut given: Vec<(&str, &str)> = Vec::new();
        for one in told {
            let what = match (one.reason, one.word) {
                (Some(reason), _) => reason.word(),
                (None, "run") => "lost",
                (None, word) => word,
            };
            if let Some(advice) = one.advice
                && !given.contains(&(what, advice))
            {
                given.push((what, advice));
            }
        }
        if given.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", self.paint.on(BOLD, "What can be done"))?;
        for (what, advice) in given {
            writeln!(out, "  {what}: {advice}")?;
        }
        Ok(())
    }
}
