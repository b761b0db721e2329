//! `freezerd shadow-report`: for every due time that `run --shadow` recorded, what freezerd would have done and
//! what the scheduler beside it did.
//!
//! The comparison is pure: verdicts and sightings in, lines out. It claims only what the ledger shows, and says
//! plainly what cannot be known: a document holds its last run only, so runs between two listings stay hidden.
//! May use: `ledger`, `plan`, `schedule`, `config`, `planner` (its words and its policy). Must not use:
//! `launch`, or the daemon itself.

mod compare;
mod csv;
mod json;
mod line;
mod report;
mod table;
#[cfg(test)]
mod tests;

use std::io::{BufWriter, Write};
use std::path::Path;

use super::known::{Known, ledger};
use super::times::{LAST, instant};
use super::{Failure, Shell};
use crate::daemon::policy::policy;
use crate::schedule::{DueTime, Zone};
use crate::zones::Zones;
use report::Report;

/// `freezerd shadow-report`
#[derive(Debug, Clone, clap::Args)]
pub struct ShadowReportArgs {
    /// Only this plan, by job_id or name
    #[arg(value_name = "PLAN")]
    pub plan: Option<String>,
    /// Start: RFC 3339, or a date or local time in the default zone; due times later than this [default: all
    /// that is recorded]
    #[arg(long, alias = "since", value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// End, likewise; due times at this time or before [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Only where the two differ
    #[arg(long)]
    pub differences: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = ShadowReportFormat::Table)]
    pub format: ShadowReportFormat,
}

/// How the comparison is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ShadowReportFormat {
    /// For people
    #[default]
    Table,
    /// One object, a due time a line
    Json,
    /// One line a due time; a text that a spreadsheet would take for a formula gets a ' before it
    Csv,
}

/// Due times with `from < due <= until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: DueTime,
    until: DueTime,
}

impl Span {
    fn read(args: &ShadowReportArgs, now: DueTime, zone: &Zone) -> Result<Self, Failure> {
        let from = match &args.from {
            Some(text) => instant("--from", text, zone)?,
            None => DueTime::from_epoch(i64::MIN),
        };
        let until = match &args.until {
            Some(text) => instant("--until", text, zone)?,
            None => now.min(LAST),
        };
        if from > until {
            return Err(Failure::usage(format!("--until {until} is before --from {from}")));
        }
        Ok(Self { from, until })
    }
}

/// Carries it out.
pub(super) fn execute(
    config: Option<&Path>,
    args: &ShadowReportArgs,
    shell: &mut Shell<'_>,
) -> Result<(), Failure> {
    let loaded = shell.settings(config)?;
    let policy = policy(&loaded, &Zones::system(), None)?;
    let span = Span::read(args, DueTime::floor(shell.now), &policy.zone)?;
    let reader = ledger(&loaded.settings)?;
    let mut report = reader.at_one_moment(|reader| {
        let only = match &args.plan {
            Some(wanted) => Some(Known::find(reader, wanted, &policy, shell)?),
            None => None,
        };
        Report::read(reader, only, &policy, span).map_err(Failure::from)
    })?;
    let summary = report.summary();
    if args.differences {
        report.lines.retain(|line| line.same == Some(false));
    }

    let mut out = BufWriter::new(&mut *shell.stdout);
    match args.format {
        ShadowReportFormat::Table => table::write(&report, shell.colour, &mut out)?,
        ShadowReportFormat::Json => json::write(&report, &summary, &mut out)?,
        ShadowReportFormat::Csv => csv::write(&report, &mut out)?,
    }
    out.flush()?;
    drop(out);
    if report.is_empty_of_shadow() {
        shell.note("no verdict of `freezerd run --shadow` is recorded for this time");
        return Ok(());
    }
    for line in summary.sentences(report.listed) {
        shell.note(&line);
    }
    Ok(())
}
