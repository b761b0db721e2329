//! A supervisor that is started before its run is decided and recorded.
//!
//! A process as large as freezerd takes a millisecond to come up, and as long again to be started where the other
//! processor has to be woken for it; so do a decision on many plans, and a commit: all of it goes on at the same time. Such
//! a supervisor has nothing yet to execute, and no agent can come of it. It is a spare like one whose run is over: it is
//! told the run when that is recorded, and goes when nothing comes.
//!
//! One is enough: with a second one beside it both would come up later. As one runs, others start in the ordinary way.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::planner::RunId;

use super::Inner;
use super::children::watch_spare;
use super::hand_over::{spawn, streams};

/// The thread that starts it, until somebody needs what it started.
#[derive(Default)]
pub(super) struct Ahead(Mutex<Option<JoinHandle<()>>>);

impl Ahead {
    /// Waits until it is started, if it is under way: to start another one would take longer.
    pub(super) fn wait(&self) {
        let starting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It panicked? Then there is no spare, and that is all there is to it.
        let _ = starting.map(JoinHandle::join);
    }
}

/// Has one started, which `ps` shows as this run's, unless there is a spare already or about to be.
pub(super) fn get_ready(inner: &Arc<Inner>, run: &RunId) {
    let mut starting = inner.ahead.0.lock().unwrap_or_else(PoisonError::into_inner);
    if inner.has_spare() || starting.as_ref().is_some_and(|starting| !starting.is_finished()) {
        return;
    }
    let work = {
        let (inner, run) = (Arc::clone(inner), run.clone());
        move || start(&inner, &run)
    };
    // Where that fails nothing is lost: the start of the run itself will tell.
    *starting = std::thread::Builder::new()
        .name("ahead".to_owned())
        .spawn(work)
        .ok();
}

fn start(inner: &Arc<Inner>, run: &RunId) {
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
