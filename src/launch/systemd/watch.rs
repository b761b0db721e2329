//! One run, from the start of its unit, or from when it was found, to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use crate::launch::arrivals::until_started;
use crate::launch::notes::Started;
use crate::launch::report::RunReport;
use crate::launch::run_dir::RunDir;
use crate::launch::traces::{Traces, traces};
use crate::launch::{Found, LaunchEvent, Recipe};
use crate::planner::{NotStarted, Outcome, RunId};

use super::bus::{BusError, UnitEnd};
use super::verdict::{self, Known};
use super::{Inner, Watched, unit};

/// A start waits so long for a bus, a systemd, or a polkitd, that is away. Longer, and the run waits without its place, or has
/// failed if the answer was that we may not.
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
            Err(error) if came_to_nothing(dir).await => {
                let aborted = *abort.borrow();
                return inner.tell_unstarted(run, &name, &error, aborted);
            }
            Err(error) => {
                tracing::warn!(%run, "{name} was started, though systemd did not say so: {error}");
                true
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
            Err(error) if error.may_pass() && inner.clock.monotonic() < until => {
                tracing::warn!(run = %recipe.run, "systemd cannot start it now, trying again: {error}");
            }
            Err(error) => return Err(error.after(START_PATIENCE)),
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
        let asked = inner.clock.monotonic();
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
        if inner.clock.monotonic().saturating_sub(asked) > LONGEST_PAUSE {
            pause = FIRST_PAUSE; // It was there in between.
        }
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

/// Whether nothing of the run lives or ever did, and nothing can come of it any more: its traces are gone. A start whose answer
/// was lost may have been carried out later than anybody waited for it.
async fn came_to_nothing(dir: &RunDir) -> bool {
    matches!(left(dir).await, Left::Unclaimed)
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
        let Started { pid, at, .. } = started;
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

    fn tell_unstarted(&self, run: &RunId, unit: &str, error: &BusError, aborted: bool) {
        let (outcome, detail) = match error.is_absence() {
            true if !aborted => {
                return self.tell_not_started(run, format!("systemd cannot start {unit}: {error}"));
            }
            true => (Outcome::Aborted, "aborted before it was started".to_owned()),
            false => (Outcome::Fail, format!("systemd does not start {unit}: {error}")),
        };
        if outcome == Outcome::Fail {
            tracing::error!(%run, "{detail}");
        }
        let now = self.clock.now();
        self.tell_ended(run, RunReport::without_steps(outcome, None, now, detail));
    }

    fn tell_not_started(&self, run: &RunId, detail: String) {
        tracing::warn!(%run, "not started yet: {detail}");
        if self.watched().remove(run).is_some() {
            let why = NotStarted::Away { detail };
            self.tell(
                run,
                LaunchEvent::NotStarted {
                    run: run.clone(),
                    why,
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

#[cfg(test)]
mod tests {
    use super::came_to_nothing;
    use crate::launch::run_dir::RunDir;
    use crate::launch::run_lock::RunLock;

    #[tokio::test]
    async fn a_unit_that_starts_after_all_keeps_its_traces() {
        let bed = tempfile::tempdir().expect("a folder");
        let dir = RunDir::of(&bed.path().join("s"), &bed.path().join("r"));
        for made in [dir.state(), dir.runtime()] {
            std::fs::create_dir(made).expect("made");
        }
        std::fs::write(dir.lock(), "").expect("made");
        let supervisor = RunLock::open(&dir.lock()).expect("opened");
        assert!(supervisor.try_take().expect("free"));
        assert!(!came_to_nothing(&dir).await, "it lives");
        std::fs::write(dir.claim(), "").expect("made");
        drop(supervisor);
        assert!(!came_to_nothing(&dir).await, "it did");
        assert!(dir.lock().exists() && dir.runtime().exists());
        std::fs::remove_file(dir.claim()).expect("removed");
        assert!(came_to_nothing(&dir).await, "it never did");
        assert!(!dir.state().exists() && !dir.runtime().exists());
    }
}
