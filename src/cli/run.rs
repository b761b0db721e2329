//! `freezerd run`: the daemon.

/// `freezerd run`
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Decide and record, but launch and report nothing: to run beside freezer-scheduler
    #[arg(long)]
    pub shadow: bool,
}
