//! The process launcher: each run under a small supervisor process of freezerd's own.
//!
//! It may use this room's files and tokio. It decides nothing, and polls nothing: a process's end, a line from
//! its supervisor and a file's arrival each wake it; while nothing happens it sleeps.
//!
//! What is true of a run is on the disk and in its lock, never in this process: a new launcher over the same
//! directories finds everything again.

mod ahead;
#[cfg(test)]
mod bed;
mod children;
mod hand_over;
mod hearing;
mod life;
mod orphans;
mod spares;
mod watch;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::failpoint::{self, Failpoint};
use crate::planner::RunId;

use super::run_dir::{GONE, RUNS, RunDir, make_private, remove_tree, sync_dir};
use super::traces::{Traces, traces};
use super::{Found, LaunchError, LaunchEvent, Launcher, Recipe};
use life::Life;
use spares::Spare;

/// Starts supervisors, watches them, and finds them again.
///
/// Dropping it ends no run. Runs it was watching are still reaped by this process; a launcher that is made
/// afterwards finds them.
#[derive(Clone)]
pub struct ProcessLauncher {
    inner: Arc<Inner>,
}

struct Inner {
    state_runs: PathBuf,
    runtime_runs: PathBuf,
    program: PathBuf,
    clock: Arc<dyn Clock>,
    events: UnboundedSender<LaunchEvent>,
    tasks: tokio::runtime::Handle,
    watched: Mutex<HashMap<RunId, Watched>>,
    spares: Mutex<Vec<Spare>>,
    /// What the limit of open files was before it was raised, if it was.
    open_files: Option<u64>,
}

/// A run that is being started or watched.
#[derive(Default)]
struct Watched {
    /// 0: not known.
    pid: u32,
    /// A handle of the supervisor; `None`: it is not yet there, gone, or not known.
    supervisor: Option<Arc<OwnedFd>>,
    /// It was given to a supervisor that has not yet said that it took it.
    coming: bool,
    abort_asked: bool,
    /// The daemon knows that its first agent was started.
    start_told: bool,
    /// Waits for what nobody else tells: its first agent's start, if that is not heard from the supervisor itself; its
    /// report, if no process can be watched.
    notice: Option<tokio::task::AbortHandle>,
}

impl ProcessLauncher {
    /// A launcher over these directories. To be called within a tokio runtime that has its I/O driver on.
    ///
    /// `state_dir` must survive a reboot, `runtime_dir` should not. `program` is freezerd itself; it is started
    /// as `PROGRAM supervise ...`. What becomes of the runs is told on `events`.
    ///
    /// # Errors
    /// When the directories cannot be made, or there is no runtime.
    pub fn new(
        state_dir: &Path,
        runtime_dir: &Path,
        program: PathBuf,
        clock: Arc<dyn Clock>,
        events: UnboundedSender<LaunchEvent>,
    ) -> Result<Self, LaunchError> {
        let tasks = tokio::runtime::Handle::try_current().map_err(|problem| LaunchError::Setup {
            what: "use",
            path: state_dir.to_owned(),
            source: std::io::Error::other(problem),
        })?;
        let (state_runs, runtime_runs) = (state_dir.join(RUNS), runtime_dir.join(RUNS));
        for runs in [&state_runs, &runtime_runs] {
            make_private(runs, true).map_err(|source| LaunchError::Setup {
                what: "create",
                path: runs.clone(),
                source,
            })?;
        }
        // A claim is durable only below a directory that is.
        sync_dir(state_dir)
            .and_then(|()| sweep(&state_runs))
            .map_err(|source| LaunchError::Setup {
                what: "use",
                path: state_dir.to_owned(),
                source,
            })?;
        let open_files = raise_open_files();
        let watched = Mutex::new(HashMap::new());
        let inner = Inner {
            state_runs,
            runtime_runs,
            program,
            clock,
            events,
            tasks,
            watched,
            spares: Mutex::default(),
            open_files,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

/// Each run that is watched takes some files, and the limit that most services get is for those who use `select`. Gives
/// what it was, if it was raised.
fn raise_open_files() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let former = limit.current.filter(|_| limit.current != limit.maximum)?;
    setrlimit(Resource::Nofile, raised).ok().map(|()| former)
}

/// Finishes what a crash in the middle of [`Launcher::forget`] left.
fn sweep(state_runs: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(state_runs)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(GONE) {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

impl Inner {
    fn dir(&self, run: &RunId) -> Result<RunDir, LaunchError> {
        RunDir::of_run(&self.state_runs, &self.runtime_runs, run).map_err(|source| LaunchError::File {
            run: run.clone(),
            what: "use",
            path: self.state_runs.clone(),
            source,
        })
    }

    /// Never held while something blocks. A panic under it cannot have left the map half changed.
    fn watched(&self) -> MutexGuard<'_, HashMap<RunId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Launcher for ProcessLauncher {
    fn lead(&self) -> Option<Duration> {
        Some(ahead::LEAD)
    }

    fn get_ready(&self, run: &RunId) {
        ahead::start(&self.inner, run);
    }

    fn start(&self, recipe: &Recipe) -> Result<(), LaunchError> {
        let run = &recipe.run;
        let dir = self.inner.dir(run)?;
        // Taken before the disk is looked at: a second call must not clear away what the first is making.
        match self.inner.watched().entry(run.clone()) {
            Entry::Occupied(_) => return Err(LaunchError::AlreadyStarted { run: run.clone() }),
            Entry::Vacant(place) => place.insert(Watched::default()),
        };
        match hand_over::hand_over(&self.inner, recipe, &dir) {
            Ok(handed) => {
                if let Some(handed) = handed {
                    children::watch_child(&self.inner, run, &dir, handed, recipe.limits.nice);
                }
                failpoint::reach(Failpoint::Launched);
                Ok(())
            }
            Err(problem) => {
                self.inner.watched().remove(run);
                Err(problem)
            }
        }
    }

    fn find(&self, run: &RunId) -> Result<Found, LaunchError> {
        let dir = self.inner.dir(run)?;
        let watched = self.inner.watched().get(run).map(|watched| watched.pid);
        if let Some(pid) = watched {
            let started = dir.read_started().map(|started| started.at);
            return Ok(Found::Alive { pid, started });
        }
        let seen = traces(&dir).map_err(|(what, path, source)| LaunchError::File {
            run: run.clone(),
            what,
            path,
            source,
        })?;
        Ok(match seen {
            Traces::None => Found::Never,
            Traces::Reported(report) => Found::Ended(report),
            Traces::Claimed => Found::Lost,
            Traces::Living(lock) => match life::life(&dir, &lock) {
                Life::LeftBehind => Found::Lost,
                Life::Reported(report) => Found::Ended(report),
                Life::Lives(who) => {
                    let (pid, started) = watch::adopt(&self.inner, run, &dir, lock, who);
                    if started.is_some()
                        && let Some(watched) = self.inner.watched().get_mut(run)
                    {
                        watched.start_told = true; // By this very answer.
                    }
                    Found::Alive { pid, started }
                }
            },
        })
    }

    fn abort(&self, run: &RunId) -> Result<(), LaunchError> {
        let dir = self.inner.dir(run)?;
        // Sent while nobody can give the supervisor another run.
        let mut all = self.inner.watched();
        if let Some(watched) = all.get_mut(run) {
            watched.abort_asked = true;
            if watched.coming {
                return Ok(()); // It hears of it when it has taken the run.
            }
            if let Some(supervisor) = &watched.supervisor {
                match rustix::process::pidfd_send_signal(supervisor, Signal::TERM) {
                    Ok(()) => return Ok(()),
                    Err(rustix::io::Errno::SRCH) => {}
                    Err(problem) => {
                        return Err(LaunchError::Signal {
                            run: run.clone(),
                            pid: watched.pid,
                            source: problem.into(),
                        });
                    }
                }
            }
        }
        drop(all);
        orphans::abort(&self.inner, run, &dir)
    }

    fn forget(&self, run: &RunId) {
        let Ok(dir) = self.inner.dir(run) else { return };
        if let Some(watched) = self.inner.watched().remove(run)
            && let Some(notice) = watched.notice
        {
            notice.abort();
        }
        failpoint::reach(Failpoint::Forget);
        // Renamed first: a crash in the middle must not leave half a run, which would look like a lost one.
        let gone = self.inner.state_runs.join(format!("{GONE}{run}"));
        let removed = remove_tree(dir.runtime())
            .and_then(|()| remove_tree(&gone))
            .and_then(|()| match std::fs::rename(dir.state(), &gone) {
                Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(()),
                Err(problem) => Err(problem),
                Ok(()) => {
                    failpoint::reach(Failpoint::ForgetRenamed);
                    remove_tree(&gone)
                }
            });
        if let Err(problem) = removed {
            tracing::warn!(%run, %problem, "the traces of a recorded run could not be removed");
        }
    }
}
