//! The ledger a daemon starts with, also when the one of before is damaged: then it is put aside, a new one is
//! begun, and what the state directory still knows of runs is written into that. So an agent that runs is found
//! again and not started a second time, and an end that was not recorded is.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::config::Settings;
use crate::launch::{self, Left};
use crate::ledger::{Ledger, Restored};
use crate::observe::metrics::Metrics;
use crate::plan::JobId;
use crate::planner::{Record, RunRecord, RunState, Verdict, VerdictRecord};
use crate::schedule::DueTime;

use super::DaemonError;

/// An opened ledger, and what it knows.
pub(super) struct Opened {
    pub(super) ledger: Ledger,
    pub(super) restored: Restored,
    /// The ledger of before was lost at this time, and no listing was taken in since.
    pub(super) lost: Option<DateTime<Utc>>,
    /// What is wrong with the one of before, for the log.
    damage: Option<String>,
}

/// Opens the ledger.
pub(super) fn open(settings: &Settings, now: DateTime<Utc>) -> Result<Opened, DaemonError> {
    let path = settings.state_dir.join("ledger.db");
    let (mut ledger, mut restored, aside) = Ledger::open_or_begin(&path, now)?;
    let mut damage = None;
    if let Some(aside) = aside {
        let traces = take_up(&mut ledger, &settings.state_dir, &settings.runtime_dir, now)?;
        restored = ledger.reader().restore()?;
        damage = Some(format!(
            "the ledger was damaged ({}): it is kept as {}, and a new one is begun. Runs found by their traces: \
             {traces}. Plans go on with what comes due from now on; one that runs once, is older than this, and does \
             not say that it has run, waits for its users to start it",
            aside.detail,
            aside.kept.display()
        ));
    }
    let lost = restored
        .polled
        .is_none()
        .then(|| Ledger::put_aside_at(&path))
        .flatten();
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

/// Writes into a new ledger what the traces of runs tell; gives how many there are.
fn take_up(
    ledger: &mut Ledger,
    state_dir: &Path,
    runtime_dir: &Path,
    now: DateTime<Utc>,
) -> Result<usize, DaemonError> {
    let left = launch::left(state_dir, runtime_dir).map_err(|source| DaemonError::System {
        what: "read the traces of runs",
        source,
    })?;
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
            first_seen: due,
            covered: due,
        },
        Record::Forget { job: job.clone() },
        Record::Run(RunRecord {
            id: left.run.clone(),
            job: job.clone(),
            project: None,
            due,
            covers: due,
            cadence: None,
            state: RunState::Starting,
            not_before: None,
            queued: now,
            started: None,
            ended: None,
            pid: None,
            detail: String::new(),
            session: None,
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
