//! One run, from the start of its unit, or from when it was found, to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use crate::launch::arrivals::until_started;
use crate::launch::report::RunReport;
use crate::launch::run_dir::{RunDir, Started};
use crate::launch::traces::{Traces, traces};
use crate::launch::{Found, LaunchEvent, Recipe};
use crate::planner::{Outcome, RunId};

use super::bus::{BusError, UnitEnd};
use super::verdict::{self, Known};
use super::{Inner, Watched, unit};

/// A start waits so long for a bus, or a systemd, that is away. Longer, and the run has failed.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// First pause before what is away is tried again; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// So often a unit of the same name is waited for that turns out to be none of this run.
const NAMESAKES: u32 = 3;
/// When what a run left cannot be read (out of descriptors, say), it is tried this often, a second apart.
const READ_TRIES: u32 = 30;

/// Has the unit started, and sees the run through.
pub(super) fn start(inner: &Arc<Inner>, recipe: Recipe, dir: RunDir, abort: Receiver<bool>) {
    let inner = Arc::clone(inner);
    inner
        .tasks
        .clone()
        .spawn(async move { one(&inner, recipe, &dir, abort).await });
}

/// Sees a run through that an earlier daemon started.
pub(super) fn find(inner: &Arc<Inner>, run: &RunId, dir: RunDir) -> Found {
    let pid = dir.read_claim().map_or(0, |claim| claim.pid);
    let started = dir.read_started().map(|started| started.at);
    let abort = tokio::sync::watch::Sender::new(dir.abort_asked());
    let mut asked = abort.subscribe();
    let watched = Watched {
        pid,
        abort,
        start_told: started.is_some(), // By this very answer.
    };
    inner.watched().insert(run.clone(), watched);
    let (inner, run) = (Arc::clone(inner), run.clone());
    inner.tasks.clone().spawn(async move {
        let end = until_over(&inner, &run, &dir, &mut asked).await;
        let name = unit::name(&run);
        let known = inner.known(&run, &dir, &name);
        let report = match left(&dir).await {
            Left::Reported(report) => verdict::reported(report, known.abort_asked),
            Left::Unclaimed => verdict::never_started(end.as_ref(), &known),
            Left::Unreported => verdict::unreported(end.as_ref(), &known),
        };
        inner.tell_ended(&run, report);
    });
    Found::Alive { pid, started }
}

async fn one(inner: &Arc<Inner>, recipe: Recipe, dir: &RunDir, mut abort: Receiver<bool>) {
    let run = &recipe.run;
    let name = unit::name(run);
    for _ in 0..NAMESAKES {
        let ours = match start_unit(inner, &recipe, dir, &name).await {
            Ok(ours) => ours,
            Err(error) => {
                let detail = format!("systemd does not start {name}: {error}");
                tracing::error!(%run, "{detail}");
                inner.clear_away(dir);
                return inner.tell_ended(
                    run,
                    RunReport::without_steps(Outcome::Fail, None, inner.clock.now(), detail),
                );
            }
        };
        let end = until_over(inner, run, dir, &mut abort).await;
        let known = inner.known(run, dir, &name);
        let report = match left(dir).await {
            Left::Reported(report) => verdict::reported(report, known.abort_asked),
            Left::Unreported => verdict::unreported(end.as_ref(), &known),
            // A unit of an earlier start that came to nothing, or of somebody else's. It is over, so now it is our turn.
            Left::Unclaimed if !ours && !known.abort_asked => {
                let again =
                    inner.bus.reset_failed(&name).await.is_ok() && inner.prepare(&recipe, dir).is_ok();
                if again {
                    continue;
                }
                verdict::never_started(end.as_ref(), &known)
            }
            Left::Unclaimed => verdict::never_started(end.as_ref(), &known),
        };
        return inner.tell_ended(run, report);
    }
    inner.clear_away(dir);
    let detail = format!("{name}: units of this name are started again and again by somebody else");
    inner.tell_ended(
        run,
        RunReport::without_steps(Outcome::Fail, None, inner.clock.now(), detail),
    );
}

/// `false`: there is a unit of this name already, so this one was refused.
async fn start_unit(inner: &Inner, recipe: &Recipe, dir: &RunDir, name: &str) -> Result<bool, BusError> {
    let properties = unit::properties(recipe, dir, &inner.program)?;
    let until = inner.clock.monotonic() + START_PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        match inner.bus.start(name, &properties).await {
            Ok(()) => return Ok(true),
            Err(BusError::Exists) => return Ok(false),
            // The answer may have been lost, and the run be over by now: its claim would tell.
            Err(BusError::Away(_)) if dir.claim().exists() => return Ok(true),
            // If the machine goes down, so do we; the next start finds that nothing of it ran.
            Err(error @ (BusError::Away(_) | BusError::GoingDown)) if inner.clock.monotonic() < until => {
                tracing::warn!(run = %recipe.run, "systemd cannot start it now, trying again: {error}");
            }
            Err(error) => return Err(error),
        }
        crate::clock::pause(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// Waits for the unit's end, and tells on the way that the first agent was started. `None`: the bus is away, and the
/// run ended meanwhile.
async fn until_over(
    inner: &Arc<Inner>,
    run: &RunId,
    dir: &RunDir,
    abort: &mut Receiver<bool>,
) -> Option<UnitEnd> {
    let name = unit::name(run);
    let mut notice = std::pin::pin!(until_started(dir));
    let mut noticed = false;
    let mut pause = FIRST_PAUSE;
    loop {
        let lost = {
            let mut over = std::pin::pin!(inner.bus.until_over(&name, abort));
            loop {
                tokio::select! {
                    started = &mut notice, if !noticed => {
                        noticed = true;
                        inner.tell_started(run, started);
                    }
                    over = &mut over => match over {
                        Ok(end) => return Some(end),
                        Err(error) => break error,
                    },
                }
            }
        };
        if pause == FIRST_PAUSE {
            tracing::warn!(%run, "systemd cannot be asked about it, trying again: {lost}");
        }
        crate::clock::pause(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
        // It may be some time until systemd can say so; the report is there.
        let looked = dir.clone();
        let report = tokio::task::spawn_blocking(move || looked.read_report()).await;
        if let Ok(Ok(Some(_))) = report {
            return None;
        }
    }
}

/// What a run left whose unit is over.
enum Left {
    Reported(RunReport),
    /// It was claimed, so an agent may have been started; or it cannot be known.
    Unreported,
    /// It never came so far. Its traces were cleared away.
    Unclaimed,
}

async fn left(dir: &RunDir) -> Left {
    for tried in 1..=READ_TRIES {
        let looked = dir.clone();
        let seen = tokio::task::spawn_blocking(move || traces(&looked)).await;
        match seen {
            Ok(Ok(Traces::Reported(report))) => return Left::Reported(report),
            Ok(Ok(Traces::None)) => return Left::Unclaimed,
            // Something that left the unit's control group may hold the lock; the run is over all the same.
            Ok(Ok(Traces::Living(_) | Traces::Claimed)) => return Left::Unreported,
            Ok(Err(_)) | Err(_) if tried < READ_TRIES => crate::clock::pause(Duration::from_secs(1)).await,
            Ok(Err(_)) | Err(_) => {}
        }
    }
    Left::Unreported
}

impl Inner {
    fn known<'a>(&self, run: &RunId, dir: &RunDir, unit: &'a str) -> Known<'a> {
        let asked = self
            .watched()
            .get(run)
            .is_some_and(|watched| *watched.abort.borrow());
        Known {
            unit,
            started: dir.read_started().map(|started| started.at),
            abort_asked: asked || dir.abort_asked(),
            now: self.clock.now(),
        }
    }

    fn tell_started(&self, run: &RunId, started: Started) {
        let Started { pid, at } = started;
        // Told under the lock, as the end is: so never after it.
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(run) else { return };
        entry.pid = pid;
        if !std::mem::replace(&mut entry.start_told, true) {
            self.tell(
                run,
                LaunchEvent::Started {
                    run: run.clone(),
                    pid,
                    at,
                },
            );
        }
    }

    fn tell_ended(&self, run: &RunId, report: RunReport) {
        let mut watched = self.watched();
        if watched.remove(run).is_some() {
            self.tell(
                run,
                LaunchEvent::Ended {
                    run: run.clone(),
                    report,
                },
            );
        }
    }

    /// Nobody listens while the daemon shuts down; the next one finds the traces.
    fn tell(&self, run: &RunId, event: LaunchEvent) {
        if self.events.send(event).is_err() {
            tracing::debug!(%run, "nobody hears of it any more");
        }
    }
}
