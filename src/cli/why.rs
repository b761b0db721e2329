//! `freezerd why`: the verdicts of a plan, explained.

/// `freezerd why`
#[derive(Debug, clap::Args)]
pub struct WhyArgs {
    /// The plan, by job_id or name
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// The due time asked about: RFC 3339, or a date or local time in the default zone [default: the latest ones]
    #[arg(value_name = "TIME")]
    pub time: Option<String>,
}

/// Carries it out.
pub(super) fn execute(
    _config: Option<&std::path::Path>,
    _args: &WhyArgs,
    _shell: &mut super::Shell<'_>,
) -> Result<(), super::Failure> {
    Err(super::Failure::failed("being written"))
}
