//! `freezerd why`: what became of a plan's due times, and why, in plain sentences.
//!
//! Decides nothing: verdicts are the ledger's, and what is still to come is asked of the planner, restored from
//! the ledger as the daemon does it. The sentences claim only what the records show.
//! May use: `ledger`, `plan`, `schedule`, `config`, `planner`. Must not use: `launch`, `freezer`, or the daemon itself.

mod asked;
mod json;
mod overview;
mod reasons;
mod story;
mod table;

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::known::{Known, ledger};
use super::times::instant;
use super::{Failure, Shell};
use crate::daemon::policy::policy;
use crate::ledger::{LedgerError, Reader};
use crate::planner::Policy;
use crate::schedule::DueTime;
use crate::zones::Zones;
use asked::Answer;
use overview::Overview;
use story::Told;

/// `freezerd why`
#[derive(Debug, Clone, clap::Args)]
pub struct WhyArgs {
    /// The plan, by job_id or name
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// The due time asked about: RFC 3339, or a date or local time in the plan's zone [default: the latest ones]
    #[arg(value_name = "TIME")]
    pub time: Option<String>,
    /// Without TIME: at most this many verdicts
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// How to print
    #[arg(long, value_enum, default_value_t = WhyFormat::Table)]
    pub format: WhyFormat,
}

/// How verdicts are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum WhyFormat {
    /// For people
    #[default]
    Table,
    /// One object, a verdict a line
    Json,
}

/// What there is to look at.
struct Scene<'a> {
    reader: &'a Reader,
    overview: &'a Overview,
    policy: &'a Policy,
    /// How long history is kept.
    keep: Duration,
    now: DateTime<Utc>,
}

/// What is printed beside the plan in short.
enum Shown {
    /// The latest verdicts, newest first.
    Latest(Vec<Told>),
    /// What is known of this time.
    Asked(DueTime, Answer),
}

/// Carries it out.
pub(super) fn execute(config: Option<&Path>, args: &WhyArgs, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let loaded = shell.settings(config)?;
    let policy = policy(&loaded, &Zones::system(), None)?;
    let reader = ledger(&loaded.settings)?;
    let (overview, shown) = reader.at_one_moment(|reader| {
        let known = Known::find(reader, &args.plan, &policy, shell)?;
        let overview = Overview::new(reader, known, &policy)?;
        let scene = Scene {
            reader,
            overview: &overview,
            policy: &policy,
            keep: loaded.settings.history.keep,
            now: shell.now,
        };
        let shown = match &args.time {
            Some(text) => {
                let time = instant("TIME", text, &overview.known.zone)?;
                Shown::Asked(time, scene.asked(time)?)
            }
            None => Shown::Latest(scene.latest(args.limit)?),
        };
        Ok::<_, Failure>((overview, shown))
    })?;

    let mut out = BufWriter::new(&mut *shell.stdout);
    match args.format {
        WhyFormat::Table => table::write(&overview, &shown, shell.now, shell.colour, &mut out)?,
        WhyFormat::Json => json::write(&overview, &shown, &mut out)?,
    }
    out.flush()?;
    Ok(())
}

impl Scene<'_> {
    fn latest(&self, limit: u32) -> Result<Vec<Told>, LedgerError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (from, to) = (DueTime::from_epoch(i64::MIN), DueTime::from_epoch(i64::MAX));
        let verdicts = self
            .reader
            .verdicts(&self.overview.known.plan.job, from, to, limit)?;
        verdicts.iter().map(|verdict| self.tell(verdict)).collect()
    }
}
