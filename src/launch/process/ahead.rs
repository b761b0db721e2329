//! Supervisors that are started before their runs are recorded.
//!
//! A process as large as freezerd takes a millisecond to come up, and so does a commit: these go on at the same time. Such
//! a supervisor has nothing yet to execute, and no agent can come of it. It is a spare like one whose run is over: it is
//! told the run when that is recorded, and goes when nothing comes.

use std::process::Stdio;
use std::sync::Arc;

use crate::planner::RunId;

use super::Inner;
use super::children::watch_spare;
use super::hand_over::{spawn, streams};

/// So many come up at a time: as one runs, others start in the ordinary way.
pub(super) const AT_MOST: usize = 2;

/// Starts one, which `ps` shows as this run's. Where that fails nothing is lost: the start of the run itself will tell.
pub(super) fn start(inner: &Arc<Inner>, run: &RunId) {
    let started = inner.dir(run).and_then(|dir| {
        // Until it has a run, and its lock, what it complains of is ours.
        let streams = streams(run, &dir, Stdio::inherit())?;
        spawn(run, &dir, &inner.program, streams, true)
    });
    match started {
        Ok(started) => watch_spare(inner, run, started),
        Err(error) => tracing::debug!("not started ahead: {error}"),
    }
}
