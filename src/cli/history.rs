//! `freezerd history`: runs and outcomes.

/// `freezerd history`
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// Only this plan, by job_id or name
    #[arg(value_name = "PLAN")]
    pub plan: Option<String>,
}
