//! The systemd launcher: each run a transient unit of its own, `freezerd-run-<run>.service`.
//!
//! Its main process is the supervisor, so retries, mandatory steps and metadata are where they always are, and
//! `report.json` is the evidence of how a run ended. Where none was left, systemd knows: it keeps a unit that failed
//! until the outcome is recorded. The unit's control group is stopped when the supervisor ends, so nothing that an
//! agent left behind lives on; and its name is a key: systemd refuses a second one, as the claim on the disk does.
//!
//! [`unit`] says what systemd is told, [`bus`] tells it, [`watch`] sees one run through, [`verdict`] judges.
//! It may use this room's files, tokio and zbus. Nothing is polled: systemd signals what changes. While the bus is
//! away everything waits, and the run goes on.
//!
//! A run of the process launcher, from before a change of the configuration, is left to that one; the file `unit` among
//! a run's traces tells them apart. The other way round it needs no telling: a process launcher finds a unit's run by
//! its lock.

mod bus;
mod unit;
mod verdict;
mod watch;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::planner::RunId;

use super::furnish::{NOT_FOR_AGENTS, claim_directory, furnish};
use super::process::ProcessLauncher;
use super::run_dir::{RUNS, RunDir, create_private, remove_tree};
use super::traces::{Traces, traces};
use super::{Found, LaunchError, LaunchEvent, Launcher, Recipe};
use bus::{Bus, BusError};

/// What systemd tells a service of itself: it is not true of a unit of a run.
const OF_THE_SERVICE: [&str; 16] = [
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "HOME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LOGNAME",
    "LOGS_DIRECTORY",
    "MAINPID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "RUNTIME_DIRECTORY",
    "SHELL",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
    "USER",
];

/// Has systemd start runs, watches them, and finds them again.
#[derive(Clone)]
pub struct SystemdLauncher {
    inner: Arc<Inner>,
}

struct Inner {
    state_runs: PathBuf,
    runtime_runs: PathBuf,
    program: PathBuf,
    clock: Arc<dyn Clock>,
    events: UnboundedSender<LaunchEvent>,
    tasks: tokio::runtime::Handle,
    bus: Bus,
    watched: Mutex<HashMap<RunId, Watched>>,
    /// For runs that are no units.
    process: ProcessLauncher,
}

/// A run that is being started or watched.
struct Watched {
    /// The supervisor; 0: not known.
    pid: u32,
    /// Whether it is to stop.
    abort: tokio::sync::watch::Sender<bool>,
    /// The daemon knows that its first agent was started.
    start_told: bool,
}

impl SystemdLauncher {
    /// A launcher over these directories, as [`ProcessLauncher::new`]; it asks systemd whether it will have us.
    ///
    /// # Errors
    /// When the directories cannot be made, systemd does not answer on the system bus, or we may not start units.
    pub async fn connect(
        state_dir: &Path,
        runtime_dir: &Path,
        program: PathBuf,
        clock: Arc<dyn Clock>,
        events: UnboundedSender<LaunchEvent>,
    ) -> Result<Self, LaunchError> {
        let process = ProcessLauncher::new(
            state_dir,
            runtime_dir,
            program.clone(),
            Arc::clone(&clock),
            events.clone(),
        )?;
        let inner = Inner {
            state_runs: state_dir.join(RUNS),
            runtime_runs: runtime_dir.join(RUNS),
            program,
            clock,
            events,
            tasks: tokio::runtime::Handle::current(),
            bus: Bus::default(),
            watched: Mutex::new(HashMap::new()),
            process,
        };
        let version = inner.may_start().await.map_err(|error| LaunchError::Manager {
            why: error.to_string(),
        })?;
        tracing::info!("runs are transient units of systemd {version}, in freezerd-runs.slice");
        let launcher = Self {
            inner: Arc::new(inner),
        };
        let sweeping = Arc::clone(&launcher.inner);
        launcher.inner.tasks.spawn(async move { sweeping.sweep().await });
        Ok(launcher)
    }
}

impl Inner {
    /// Whether systemd answers, and would start a unit of ours; its version. Root may; others try it with a unit
    /// that does nothing.
    async fn may_start(&self) -> Result<String, BusError> {
        let version = self.bus.version().await?;
        if !rustix::process::geteuid().is_root() {
            let probe = RunId::from_stored("probe".to_owned());
            match self
                .bus
                .start(&unit::name(&probe), &unit::probe(&self.program)?)
                .await
            {
                Ok(()) | Err(BusError::Exists | BusError::GoingDown) => {}
                Err(BusError::Denied(why)) => {
                    let advice = "only root may start units, or who the polkit rule 50-freezerd.rules names";
                    return Err(BusError::Denied(format!("{why}: {advice}")));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(version)
    }

    /// Forgets units that failed and whose run is forgotten: a crash came between the two.
    async fn sweep(&self) {
        let Ok(failed) = self.bus.failed().await else {
            return;
        };
        for name in failed {
            let known = unit::run(&name).map(|run| self.state_runs.join(run).try_exists());
            if let Some(Ok(false)) = known
                && let Err(error) = self.bus.reset_failed(&name).await
            {
                tracing::debug!(unit = name, %error, "a forgotten run's unit could not be removed");
            }
        }
    }

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

    /// Makes what the unit's supervisor finds.
    fn prepare(&self, recipe: &Recipe, dir: &RunDir) -> Result<(), LaunchError> {
        claim_directory(&recipe.run, dir)?;
        let made = create_private(&dir.unit())
            .map_err(|problem| ("create", dir.unit(), problem))
            .and_then(|_| furnish(recipe, dir));
        made.map(drop).map_err(|(what, path, source)| {
            self.clear_away(dir);
            LaunchError::File {
                run: recipe.run.clone(),
                what,
                path,
                source,
            }
        })
    }

    /// Of a start that came to nothing.
    fn clear_away(&self, dir: &RunDir) {
        let _ = remove_tree(dir.runtime());
        let _ = remove_tree(dir.state());
    }
}

impl Launcher for SystemdLauncher {
    /// What systemd says to it comes later, as the run's end: nobody waits for it here.
    fn start(&self, recipe: &Recipe) -> Result<(), LaunchError> {
        let inner = &self.inner;
        let run = &recipe.run;
        let dir = inner.dir(run)?;
        let (abort, asked) = tokio::sync::watch::channel(false);
        // Taken before the disk is looked at: a second call must not clear away what the first is making.
        match inner.watched().entry(run.clone()) {
            Entry::Occupied(_) => return Err(LaunchError::AlreadyStarted { run: run.clone() }),
            Entry::Vacant(place) => place.insert(Watched {
                pid: 0,
                abort,
                start_told: false,
            }),
        };
        let recipe = as_if_ours(recipe);
        if let Err(problem) = inner.prepare(&recipe, &dir) {
            inner.watched().remove(run);
            return Err(problem);
        }
        watch::start(inner, recipe, dir, asked);
        Ok(())
    }

    fn find(&self, run: &RunId) -> Result<Found, LaunchError> {
        let inner = &self.inner;
        let dir = inner.dir(run)?;
        let watched = inner.watched().get(run).map(|watched| watched.pid);
        if let Some(pid) = watched {
            let started = dir.read_started().map(|started| started.at);
            return Ok(Found::Alive { pid, started });
        }
        if !dir.is_unit() {
            return inner.process.find(run);
        }
        let seen = traces(&dir).map_err(|(what, path, source)| LaunchError::File {
            run: run.clone(),
            what,
            path,
            source,
        })?;
        Ok(match seen {
            Traces::None => Found::Never,
            Traces::Reported(report) => Found::Ended(verdict::reported(report, dir.abort_asked())),
            // Whether it lives or how it ended, systemd will say.
            Traces::Living(_) | Traces::Claimed => watch::find(inner, run, dir),
        })
    }

    fn abort(&self, run: &RunId) -> Result<(), LaunchError> {
        let inner = &self.inner;
        let abort = inner.watched().get(run).map(|watched| watched.abort.clone());
        let Some(abort) = abort else {
            return inner.process.abort(run);
        };
        let dir = inner.dir(run)?;
        // For a later daemon that finds its end. Without it the run is aborted all the same.
        match create_private(&dir.abort_mark()) {
            Err(problem) if problem.kind() != std::io::ErrorKind::AlreadyExists => {
                tracing::warn!(%run, %problem, "it cannot be noted that it is aborted");
            }
            _ => {}
        }
        abort.send_replace(true);
        Ok(())
    }

    fn forget(&self, run: &RunId) {
        let inner = &self.inner;
        let was_unit = inner.dir(run).is_ok_and(|dir| dir.is_unit());
        inner.watched().remove(run);
        inner.process.forget(run);
        if was_unit {
            let (inner, name) = (Arc::clone(inner), unit::name(run));
            self.inner.tasks.spawn(async move {
                if let Err(error) = inner.bus.reset_failed(&name).await {
                    tracing::debug!(unit = name, %error, "it stays until the next start");
                }
            });
        }
    }
}

/// The recipe with our own environment under its own: an agent's is the same whatever starts it. In the recipe,
/// because a unit's environment can be read by everybody.
fn as_if_ours(recipe: &Recipe) -> Recipe {
    let mut recipe = Recipe {
        journal: true,
        ..recipe.clone()
    };
    for (name, value) in std::env::vars_os() {
        let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else {
            continue;
        };
        if !NOT_FOR_AGENTS.contains(&name.as_str()) && !OF_THE_SERVICE.contains(&name.as_str()) {
            recipe.environment.entry(name).or_insert(value);
        }
    }
    recipe
}
