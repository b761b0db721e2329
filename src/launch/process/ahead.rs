//! A supervisor that is started a moment before its run is due.
//!
//! A process as large as freezerd takes a millisecond or two to come up, and more where the processors have to be woken for
//! it: as long as all else that is done between a due second and its agent. Such a supervisor has nothing yet to execute,
//! and no agent can come of it. It is a spare like one whose run is over: it is told the run when that is recorded, and goes
//! when nothing comes. One is enough: as it runs, the others start in the ordinary way.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use crate::planner::RunId;

use super::Inner;
use super::children::watch_spare;
use super::hand_over::{spawn, streams};

/// So long before, even where the machine has other work. Much less than a spare waits.
pub(super) const LEAD: Duration = Duration::from_millis(50);

/// Starts one, which `ps` shows as this run's, unless there is a spare already.
pub(super) fn start(inner: &Arc<Inner>, run: &RunId) {
    if inner.has_spare() {
        return;
    }
    let started = inner.dir(run).and_then(|dir| {
        // Until it has a run, and its lock, what it complains of is ours.
        let streams = streams(run, &dir, Stdio::inherit())?;
        spawn(run, &dir, &inner.program, streams, true)
    });
    match started {
        Ok(started) => watch_spare(inner, run, started),
        // Nothing is lost: the start of the run itself will tell.
        Err(error) => tracing::debug!("not started ahead: {error}"),
    }
}
