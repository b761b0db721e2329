//! What a user types: arguments in, exit code out. One file, or one folder, a subcommand.
//!
//! Data goes to standard output and everything else to standard error. Commands are handed a [`Shell`] (the
//! environment, the time, the streams) and give back a [`Failure`] or nothing; only [`main`] prints it.
//! May use: every room. Must not decide what becomes of a due time: that is `planner`'s.

mod check;
mod csv;
mod dry_run;
mod failure;
mod history;
mod import_config;
mod json;
mod known;
mod notes;
mod plans;
mod readers;
mod run;
mod screen;
mod shadow_report;
mod shell;
mod times;
mod why;

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Parser, Subcommand};

pub use check::CheckArgs;
pub use dry_run::{DryRunArgs, Format};
pub use failure::{Code, Failure};
pub use history::{HistoryArgs, HistoryFormat};
pub use import_config::ImportConfigArgs;
pub use run::RunArgs;
pub use shadow_report::{ShadowReportArgs, ShadowReportFormat};
pub use shell::{Shell, wants_colour};
pub use why::WhyArgs;

/// The scheduler daemon of OpenStack Freezer and Virtuozzo backup nodes.
#[derive(Debug, Parser)]
#[command(name = "freezerd", version, about, propagate_version = true)]
pub struct Cli {
    /// The configuration; drop-ins are read from conf.d/*.toml beside it [default: /etc/freezerd/freezerd.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "FREEZERD_CONFIG",
        hide_env_values = true,
        // An empty variable is how a shell says that it is not set: a path's own parser would refuse it.
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon, in the foreground
    Run(RunArgs),
    /// Print upcoming runs; needs no daemon
    DryRun(DryRunArgs),
    /// Check configuration, source and every plan: what is wrong, and where
    Check(CheckArgs),
    /// Explain what became of a plan's due times
    Why(WhyArgs),
    /// Show runs and their outcomes
    History(HistoryArgs),
    /// Compare what `run --shadow` recorded with what the freezer-scheduler beside it did
    ShadowReport(ShadowReportArgs),
    /// Translate freezer-scheduler's scheduler.conf into a freezerd.toml
    ImportConfig(ImportConfigArgs),
    /// (internal) Execute one run for the daemon and leave its report
    #[command(hide = true)]
    Supervise(SuperviseArgs),
}

/// `freezerd supervise`: what the `process` launcher starts.
#[derive(Debug, clap::Args)]
pub struct SuperviseArgs {
    /// The run's folder in the state directory
    #[arg(value_name = "STATE_RUN_DIR")]
    pub state: PathBuf,
    /// The run's folder in the runtime directory
    #[arg(value_name = "RUNTIME_RUN_DIR")]
    pub runtime: PathBuf,
    /// Wait to be told on standard input that the run is recorded, or which one is
    #[arg(long)]
    pub when_told: bool,
}

/// Carries out a command.
///
/// # Errors
/// What failed, with its exit code.
pub fn execute(cli: Cli, shell: &mut Shell<'_>) -> Result<(), Failure> {
    match cli.command {
        Command::Run(ref args) => run::execute(cli.config, args, shell),
        Command::DryRun(ref args) => dry_run::execute(cli.config.as_deref(), args, shell),
        Command::Check(ref args) => check::execute(cli.config.as_deref(), args, shell),
        Command::Why(ref args) => why::execute(cli.config.as_deref(), args, shell),
        Command::History(ref args) => history::execute(cli.config.as_deref(), args, shell),
        Command::ShadowReport(ref args) => shadow_report::execute(cli.config.as_deref(), args, shell),
        Command::ImportConfig(ref args) => import_config::execute(args, shell),
        // The program looks for it before it reads any configuration.
        Command::Supervise(_) => Err(Failure::usage("supervise is for the daemon's own use")),
    }
}
