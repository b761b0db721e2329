//! `freezerd history`: runs and outcomes, newest first.
//!
//! Reads the ledger as of one moment, beside a daemon or without one.
//! May use: `ledger`, `plan`, `schedule`, `config`, `planner` (its words and its policy). Must not use:
//! `launch`, `freezer`, or the daemon itself.

mod csv;
mod run_line;
mod table;

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::json::list;
use super::known::{Known, ledger};
use super::{Failure, Shell};
use crate::daemon::policy::policy;
use crate::ledger::{LedgerError, Reader};
use crate::plan::JobId;
use crate::planner::Policy;
use crate::schedule::Zone;
use crate::zones::Zones;

pub(super) use run_line::{RunLine, took};

/// `freezerd history`
#[derive(Debug, Clone, clap::Args)]
pub struct HistoryArgs {
    /// Only this plan, by job_id or name
    #[arg(value_name = "PLAN")]
    pub plan: Option<String>,
    /// At most this many runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// How to print
    #[arg(long, value_enum, default_value_t = HistoryFormat::Table)]
    pub format: HistoryFormat,
}

/// How runs are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum HistoryFormat {
    /// For people
    #[default]
    Table,
    /// One object, a run a line
    Json,
    /// One line a run; a text that a spreadsheet would take for a formula gets a ' before it
    Csv,
}

/// All that is printed.
struct Runs {
    /// The zone of the one plan that was asked for, else the default.
    zone: Arc<Zone>,
    /// Newest first.
    lines: Vec<RunLine>,
    /// There are more.
    more: bool,
}

/// Carries it out.
pub(super) fn execute(
    config: Option<&Path>,
    args: &HistoryArgs,
    shell: &mut Shell<'_>,
) -> Result<(), Failure> {
    let loaded = shell.settings(config)?;
    let policy = policy(&loaded, &Zones::system(), None)?;
    let reader = ledger(&loaded.settings)?;
    let runs = reader.at_one_moment(|reader| {
        let only = match &args.plan {
            Some(wanted) => Some(Known::find(reader, wanted, &policy, shell)?),
            None => None,
        };
        Runs::read(reader, only, &policy, args.limit).map_err(Failure::from)
    })?;

    let mut out = BufWriter::new(&mut *shell.stdout);
    match args.format {
        HistoryFormat::Table => table::write(&runs, shell.now, shell.colour, &mut out)?,
        HistoryFormat::Json => json(&runs, &mut out)?,
        HistoryFormat::Csv => csv::write(&runs, &mut out)?,
    }
    out.flush()?;
    drop(out);
    if runs.more {
        shell.note(&format!("the latest {}; --limit N shows more", args.limit));
    }
    Ok(())
}

impl Runs {
    fn read(reader: &Reader, only: Option<Known>, policy: &Policy, limit: u32) -> Result<Self, LedgerError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let job = only.as_ref().map(|known| known.plan.job.clone());
        let mut records = reader.runs(job.as_ref(), limit.saturating_add(1))?;
        let more = records.len() > limit;
        records.truncate(limit);
        let zone = only.as_ref().map_or(&policy.zone, |known| &known.zone);
        let zone = Arc::clone(zone);
        let mut plans: HashMap<JobId, (String, Arc<Zone>)> = HashMap::new();
        plans.extend(only.map(|known| (known.plan.job, (known.plan.name, known.zone))));
        let mut lines = Vec::with_capacity(records.len());
        for record in records {
            if !plans.contains_key(&record.job) {
                let plan = reader.plan(&record.job)?.map(|plan| Known::new(plan, policy));
                plans.extend(plan.map(|known| (known.plan.job, (known.plan.name, known.zone))));
            }
            let (name, zone) = plans
                .get(&record.job)
                .map_or((record.job.as_str(), &zone), |(name, zone)| (name.as_str(), zone));
            lines.push(RunLine::new(&record, name, zone));
        }
        Ok(Self { zone, lines, more })
    }
}

fn json(runs: &Runs, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"timezone\": ")?;
    serde_json::to_writer(&mut *out, runs.zone.name())?;
    writeln!(out, ",")?;
    list(out, "runs", runs.lines.iter())?;
    writeln!(out, "}}")
}
