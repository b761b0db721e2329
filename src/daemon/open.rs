//! Opening everything a daemon stands on, in the order in which it may fail.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{self, Loaded, Settings};
use crate::freezer::Api;
use crate::ledger::Restored;
use crate::observe::logs::{Format, LogSettings};
use crate::observe::metrics::{Totals, VerdictKind};
use crate::plan::{self, JobId};
use crate::planner::{LedgerPlan, Past};

use super::DaemonError;
use super::listing::{Polling, Source};
use super::recipes::Recipes;

/// What the ledger knows, as the planner takes it.
pub(super) fn past(restored: &Restored) -> Past {
    let mut past = Past {
        open: restored.open_runs.clone(),
        polled: restored.polled,
        ..Past::default()
    };
    for known in &restored.plans {
        match plan::parse(&known.document, known.job.as_str()) {
            Ok(parsed) => past.plans.push(LedgerPlan {
                plan: parsed.plan,
                first_seen: known.first_seen,
                covered: known.covered,
                last: known.last_run.clone(),
                success: known.last_success.clone(),
            }),
            Err(_) => past.aside.push(JobId::clone(&known.job)),
        }
    }
    past
}

/// What was counted before this start.
pub(super) fn totals(restored: &Restored) -> Totals {
    let tally = &restored.tally;
    let skipped = tally
        .skipped
        .iter()
        .map(|(reason, count)| (VerdictKind::Skipped(*reason), *count));
    let ran = [
        (VerdictKind::Run, tally.ran),
        (VerdictKind::Coalesced, tally.coalesced),
    ];
    Totals {
        due: tally.due(),
        verdicts: ran.into_iter().chain(skipped).collect(),
        runs: tally.outcomes.to_vec(),
        last_poll: restored.polled,
    }
}

/// How to log.
pub(super) fn log_settings(settings: &Settings) -> LogSettings {
    LogSettings {
        filter: settings.log.level.clone(),
        format: match settings.log.format {
            config::LogFormat::Auto => None,
            config::LogFormat::Human => Some(Format::Human {
                colours: std::io::IsTerminal::is_terminal(&std::io::stderr()),
            }),
            config::LogFormat::Journald => Some(Format::Journal),
            config::LogFormat::Json => Some(Format::Json),
        },
    }
}

/// Opens the source that is configured. Nothing is asked of it yet.
pub(super) fn polling(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Polling, DaemonError> {
    let source = match &settings.source {
        config::Source::Folder { path } | config::Source::File { path } => Source::Path(path.clone()),
        config::Source::Api => {
            let access = settings
                .access
                .clone()
                .map_err(|error| DaemonError::Access(error.to_string()))?;
            Source::Api(Arc::new(Api::connect(access, Arc::clone(clock))?))
        }
    };
    Ok(Polling {
        source,
        every: settings.poll,
    })
}

/// How runs are started by these settings.
pub(super) fn recipes(loaded: &Loaded, search_path: &str) -> Recipes {
    let dispatch = &loaded.settings.dispatch;
    Recipes {
        agent: agent(&dispatch.agent, search_path),
        kill_grace: u32::try_from(dispatch.kill_grace.as_secs()).unwrap_or(u32::MAX),
        keep_output: dispatch.keep_output,
        credentials: loaded.settings.agent_environment(),
    }
}

/// A bare name is looked for in `PATH`, as a shell would; one that is not found is left for the launch to
/// complain of.
fn agent(agent: &Path, search_path: &str) -> PathBuf {
    if agent.components().count() > 1 || agent.is_absolute() {
        return agent.to_owned();
    }
    let mut places = search_path.split(':').filter(|folder| !folder.is_empty());
    let found = places.find_map(|folder| Some(Path::new(folder).join(agent)).filter(|path| path.is_file()));
    found.unwrap_or_else(|| agent.to_owned())
}
