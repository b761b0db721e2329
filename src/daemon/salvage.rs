//! The ledger a daemon starts with, also when the one of before is damaged: then it is put aside, a new one is
//! begun, and what the state directory still knows of runs is written into that. So an agent that runs is found
//! again and not started a second time, and an end that was not recorded is.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::config::Settings;
use crate::failpoint::{self, Failpoint};
use crate::launch::{self, Launcher, Left};
use crate::ledger::{Ledger, PutAside, Restored};
use crate::observe::metrics::Metrics;
use crate::plan::JobId;
use crate::planner::{Record, RunRecord, RunState, Verdict, VerdictRecord};
use crate::schedule::DueTime;

use super::DaemonError;
use super::past::Plans;

/// An opened ledger, and what it knows.
pub(super) struct Opened {
    pub(super) ledger: Ledger,
    pub(super) restored: Restored<Plans>,
    /// The ledger of before was lost at this time, and no listing was taken in since.
    pub(super) lost: Option<DateTime<Utc>>,
    /// What is wrong with the one of before, for the log.
    damage: Option<String>,
}

/// Opens the ledger.
pub(super) fn open(settings: &Settings, now: DateTime<Utc>) -> Result<Opened, DaemonError> {
    let path = settings.state_dir.join("ledger.db");
    let (mut ledger, mut restored, aside) = Ledger::open_or_begin(&path, now, Plans::by, Plans::take)?;
    let mut damage = None;
    let lost = restored
        .polled
        .is_none()
        .then(|| Ledger::put_aside_at(&path))
        .flatten();
    // Whoever put it aside may have died before it came to this.
    if lost.is_some() && ledger.reader().runs(None, 1)?.is_empty() {
        failpoint::reach(Failpoint::AsideBegun);
        let traces = take_up(&mut ledger, &settings.state_dir, &settings.runtime_dir, now)?;
        failpoint::reach(Failpoint::AsideTakenUp);
        restored = ledger.reader().restore_into(Plans::by, Plans::take)?;
        let what = aside.map_or_else(
            || "the ledger was damaged, and put aside by a daemon that died then: a new one".to_owned(),
            |PutAside { kept, detail }| {
                format!(
                    "the ledger was damaged ({detail}): it is kept as {}, and a new one",
                    kept.display()
                )
            },
        );
        damage = Some(format!(
            "{what} is begun. Runs found by their traces: {traces}. Plans go on with what comes due from now on; one \
             that runs once, is older than this, and does not say that it has run, waits for its users to start it"
        ));
    }
    let briefs = restored.plans.briefs();
    if let Err(error) = ledger.keep_briefs(&restored.upkeep, briefs) {
        tracing::warn!(
            "the next start takes longer, for what it needs of the plans could not be stored: {error}"
        );
    }
    Ok(Opened {
        ledger,
        restored,
        lost,
        damage,
    })
}

impl Opened {
    /// Says what was found, where people look.
    pub(super) fn tell(&self, metrics: &Metrics) {
        if let Some(damage) = &self.damage {
            metrics.ledger_error();
            tracing::error!("{damage}");
        }
    }
}

/// Removes the traces of runs whose end is recorded: of a daemon that died before it could.
pub(super) fn forget_recorded(
    ledger: &Ledger,
    launcher: &dyn Launcher,
    state_dir: &Path,
) -> Result<(), DaemonError> {
    let traced = launch::traced(state_dir).map_err(unreadable)?;
    for run in traced {
        let recorded = ledger.reader().run(&run)?;
        if recorded.is_some_and(|known| matches!(known.state, RunState::Done(_))) {
            launcher.forget(&run);
        }
    }
    Ok(())
}

fn unreadable(source: std::io::Error) -> DaemonError {
    DaemonError::System {
        what: "read the traces of runs",
        source,
    }
}

/// Writes into a new ledger what the traces of runs tell; gives how many there are.
fn take_up(
    ledger: &mut Ledger,
    state_dir: &Path,
    runtime_dir: &Path,
    now: DateTime<Utc>,
) -> Result<usize, DaemonError> {
    let left = launch::left(state_dir, runtime_dir).map_err(unreadable)?;
    let records: Vec<Record> = left.iter().flat_map(|left| records(left, now)).collect();
    ledger.commit(&records)?;
    Ok(left.len())
}

/// As if it had been decided, and handed to the launcher, by a daemon that died then. Its plan is one that is not
/// known any more, until a listing has it.
fn records(left: &Left, now: DateTime<Utc>) -> [Record; 4] {
    let (job, due) = (JobId::new(&left.job), DueTime::floor(left.due));
    [
        Record::Plan {
            job: job.clone(),
            name: left.job.clone(),
            project: None,
            document: Some("{}".into()),
            brief: None,
            first_seen: due,
            covered: due,
        },
        Record::Forget { job: job.clone() },
        Record::Run(RunRecord {
            id: left.run.clone(),
            state: RunState::Starting,
            ..RunRecord::new(job.clone(), due, now)
        }),
        Record::Verdict(VerdictRecord {
            job,
            first: due,
            last: due,
            count: 1,
            verdict: Verdict::Run(left.run.clone()),
            decided: now,
        }),
    ]
}
