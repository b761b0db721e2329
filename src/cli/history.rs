//! `freezerd history`: runs and outcomes.

/// `freezerd history`
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// Only this plan, by job_id or name
    #[arg(value_name = "PLAN")]
    pub plan: Option<String>,
}

/// Carries it out.
pub(super) fn execute(
    _config: Option<&std::path::Path>,
    _args: &HistoryArgs,
    _shell: &mut super::Shell<'_>,
) -> Result<(), super::Failure> {
    Err(super::Failure::failed("being written"))
}
