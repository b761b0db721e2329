//! What launchers tell, as the planner takes it.

use chrono::{DateTime, Utc};

use crate::launch::{LaunchEvent, RunReport};
use crate::planner::{End, Input, Metadata, Outcome, RunId};

/// What a launcher's event means to the planner.
#[must_use]
pub fn told(event: LaunchEvent) -> Input {
    match event {
        LaunchEvent::Started { run, pid, at } => Input::Started { run, pid, at },
        LaunchEvent::NotStarted { run, why } => Input::NotStarted { run, why },
        LaunchEvent::Ended { run, report } => Input::Ended {
            end: end(&run, report),
            run,
        },
    }
}

/// A supervisor's report, as the planner takes it.
pub(super) fn end(run: &RunId, report: RunReport) -> End {
    End {
        metadata: metadata(run, &report),
        outcome: report.outcome,
        started: report.started,
        ended: report.ended,
        detail: report.detail,
    }
}

/// The end of a run that never started.
pub(super) fn end_without_start(now: DateTime<Utc>, outcome: Outcome, detail: String) -> End {
    End {
        outcome,
        started: None,
        ended: now,
        detail,
        metadata: Vec::new(),
    }
}

/// What the agents of a run said of the backups they made.
fn metadata(run: &RunId, report: &RunReport) -> Vec<Metadata> {
    let mut all = Vec::new();
    for (step, number) in report.steps.iter().zip(0..) {
        match Metadata::printed(number, &step.stdout) {
            Ok(metadata) => all.extend(metadata),
            Err(error) => {
                let step = step.label.as_str();
                tracing::warn!(%run, step, "what the agent says of its backup is not kept: {error}");
            }
        }
    }
    all
}
