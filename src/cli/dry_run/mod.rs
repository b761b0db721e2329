//! `freezerd dry-run`: prints upcoming runs, without a daemon.
//!
//! The forecast is pure: plans, zones, windows and a span of time in; a stream of runs out, in order, in
//! memory bounded by the number of plans. The formats write it as it comes. JSON is for programs, which ask for
//! millions of runs, so its lines are put together from what stays the same of them.
//! May use: `schedule`, `plan`, `config`, `planner` (its policy, and how it reads a plan). Must not use: `ledger`, `launch`.

mod csv;
mod forecast;
mod ics;
mod json;
mod json_line;
mod run_line;
mod runs;
mod span;
mod survey;
mod table;
#[cfg(test)]
mod tests;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Failure, Shell, plans};
use crate::daemon::policy::policy;
use crate::zones::Zones;
use forecast::Forecast;
use survey::{Only, Survey, Surveyed};

/// `freezerd dry-run`
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DryRunArgs {
    /// Read plans from a saved listing ({"jobs": [...]}), a folder of *.conf job documents, or - for standard
    /// input [default: the configured source]
    #[arg(long, value_name = "FILE")]
    pub jobs: Option<PathBuf>,
    /// Start: RFC 3339, or a date or local time in the default zone; runs due later than this [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// End, likewise; runs due at this time or before [default: 24 hours after the start]
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "length"
    )]
    pub until: Option<String>,
    /// Instead of an end, a length: 12h, 7d, 1h30m
    #[arg(long = "for", value_name = "LENGTH")]
    pub length: Option<String>,
    /// Only this plan, by job_id or name; may be given again
    #[arg(long, value_name = "PLAN")]
    pub plan: Vec<String>,
    /// Only plans of this project; may be given again
    #[arg(long, value_name = "PROJECT")]
    pub project: Vec<String>,
    /// The default zone, instead of the configured one; rules for plans and projects still hold
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How upcoming runs are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One object, with problems and plans that are not scheduled
    Json,
    /// One line a run; a text that a spreadsheet would take for a formula gets a ' before it
    Csv,
    /// A calendar (RFC 5545)
    Ics,
}

/// Carries it out.
pub(super) fn execute(
    config: Option<&Path>,
    args: &DryRunArgs,
    shell: &mut Shell<'_>,
) -> Result<(), Failure> {
    let loaded = shell.settings(config)?;
    let policy = policy(&loaded, &Zones::system(), args.timezone.as_deref())?;
    let span = span::Span::read(args, shell.now, &policy.zone)?;
    let only = Only {
        plans: &args.plan,
        projects: &args.project,
    };
    let survey = Survey::new(&policy, span, only);
    let (look, mut surveyed) = (|plan| survey.look(plan), Surveyed::default());
    let keep = |looked| surveyed.add(looked);
    let rest = match args.jobs.as_deref() {
        Some(jobs) => plans::each_saved(jobs, &look, keep)?,
        None => plans::each_configured(&loaded.settings, &look, keep)?,
    };
    let others = rest.others;
    let forecast = survey.end(surveyed, rest)?;

    let mut out = BufWriter::new(&mut *shell.stdout);
    let runs = match args.format {
        Format::Table => table::write(&forecast, shell.now, shell.colour, &mut out)?,
        Format::Json => json::write(&forecast, &mut out)?,
        Format::Csv => csv::write(&forecast, &mut out)?,
        Format::Ics => ics::write(&forecast, &mut out)?,
    };
    out.flush()?;
    drop(out);
    summarise(&forecast, runs, args.format, shell);
    if others > 0 {
        shell.note(&format!(
            "plans of other clients (see `client_id` in [api]) are left out: {others}"
        ));
    }
    Ok(())
}

/// What people should hear beside the data.
fn summarise(forecast: &Forecast, runs: u64, format: Format, shell: &mut Shell<'_>) {
    let count = |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let idle = u64::try_from(forecast.not_scheduled.len()).unwrap_or(u64::MAX);
    let mut line = format!(
        "{} from {} until {}",
        count(runs, "run"),
        forecast.span.from,
        forecast.span.until
    );
    if idle > 0 {
        line.push_str(&format!("; {} not scheduled", count(idle, "plan")));
    }
    shell.note(&line);
    if forecast.problems.is_empty() {
        return;
    }
    let number = u64::try_from(forecast.problems.len()).unwrap_or(u64::MAX);
    if format == Format::Json {
        shell.note(&format!("{}; see \"problems\"", count(number, "problem")));
        return;
    }
    shell.note(&format!("{}:", count(number, "problem")));
    for problem in &forecast.problems {
        shell.note(&format!("  {}", plans::describe(problem)));
    }
}
