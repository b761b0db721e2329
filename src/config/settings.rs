//! The settings in force: complete, checked, typed.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::freezer::Access;

use super::auth::CredentialsError;
use super::rules::{WindowRule, ZoneRule};
use super::words::{Launcher, LogFormat, SessionRefused};

/// Everything that can be set. Two of them compare equal when nothing changed; see [`Settings::needs_restart`].
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The zone of plans that no rule gives another; `None`: the node's own.
    pub timezone: Option<String>,
    /// Where the ledger and the traces of runs are kept. Restart.
    pub state_dir: PathBuf,
    /// Where a run's files with secrets are kept while it runs. Restart.
    pub runtime_dir: PathBuf,
    /// Where plans come from. Restart.
    pub source: Source,
    /// How often a listing is taken (API), or a folder is looked through although nothing was noticed there.
    pub poll: Duration,
    /// A folder in which a copy of the listing is kept; `None`: nowhere. Only [`Source::Api`] has one.
    pub copy: Option<PathBuf>,
    /// How to reach the API and as whom; why not, when that cannot be said. Only [`Source::Api`] needs it.
    pub access: Result<Access, CredentialsError>,
    /// Whether and as what this node registers with the API.
    pub registration: Registration,
    /// Whether runs are reported to the API; `None`: nobody said, so it depends on which API it is.
    pub reports: Option<bool>,
    /// What this node runs.
    pub capabilities: Capabilities,
    /// How runs are started.
    pub dispatch: Dispatch,
    /// How long after its next due time a plan without success counts as late.
    pub late_after: Duration,
    /// Metrics, health and status over HTTP.
    pub http: HttpSettings,
    /// When runs may start.
    pub windows: Vec<WindowRule>,
    /// Zones of some plans and projects.
    pub zones: Vec<ZoneRule>,
    /// What /metrics holds.
    pub metrics: MetricsSettings,
    /// How long history is kept.
    pub history: HistorySettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// The group of nodes that share the plans; `None`: this node stands alone. Restart.
    pub cluster: Option<Cluster>,
}

/// Where plans come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The v2 API.
    Api,
    /// A folder of job documents.
    Folder {
        /// Which.
        path: PathBuf,
    },
    /// A saved listing.
    File {
        /// Which.
        path: PathBuf,
    },
}

/// Whether and as what this node registers with the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Registration {
    /// `api.register`; `None`: nobody said, so it depends on which API it is (the Virtuozzo dialect wants none).
    pub register: Option<bool>,
    /// As a central client: one that runs the plans of every project, each in the name of its user.
    pub central: bool,
}

/// What this node runs, in the words of `freezer_action`; `None`: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `action`: backup, restore ...
    pub actions: Option<Vec<String>>,
    /// `mode`: fs, mysql ...
    pub modes: Option<Vec<String>>,
    /// `storage`: local, swift ...
    pub storages: Option<Vec<String>>,
    /// `engine_name`: tar, rsync ...
    pub engines: Option<Vec<String>>,
}

/// How runs are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// The agent: a path, or a bare name that is looked for in `PATH`.
    pub agent: PathBuf,
    /// By what. Restart.
    pub launcher: Launcher,
    /// Runs at a time.
    pub max_concurrent: NonZeroUsize,
    /// How late a missed due time may still run.
    pub catch_up: CatchUp,
    /// Whether `exec` actions may run.
    pub allow_exec: bool,
    /// What becomes of a run that its session does not let start.
    pub session_refused: SessionRefused,
    /// How long a run waits for its session at most.
    pub session_wait: Duration,
    /// From SIGTERM to SIGKILL when a run is aborted; whole seconds.
    pub kill_grace: Duration,
    /// Bytes kept of each step's standard output, and of its standard error.
    pub keep_output: u64,
    /// How long a start waits for a first listing before it fires from the ledger.
    pub start_grace: Duration,
    /// How long a stop may take to deliver what it can.
    pub stop_grace: Duration,
    /// [`Launcher::Event`]: how long the API may take to start a plan once it took the request. Restart.
    pub start_within: Duration,
    /// [`Launcher::Event`]: how long a run may take before it is given up as lost. Restart.
    pub run_limit: Duration,
    /// What each run may use up.
    pub limits: Limits,
}

/// What a run may use up; `None`: as much as it likes. All but the last two take runs in units of their own
/// ([`Launcher::Systemd`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Its share of the processors when they are all busy, 1 to 10000; who says nothing has 100.
    pub cpu_weight: Option<u64>,
    /// Its share of the disks, likewise.
    pub io_weight: Option<u64>,
    /// Bytes of memory.
    pub memory_max: Option<u64>,
    /// From its start to its end, with all tries; whole seconds.
    pub runtime_max: Option<Duration>,
    /// Its niceness, -20 to 19.
    pub nice: Option<i32>,
}

/// How late a missed due time may still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// Until the plan is due again.
    UntilNext,
    /// For this long.
    Within(Duration),
}

/// Metrics, health and status over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where to listen (port 0: a free one); `None`: nowhere. Restart.
    pub listen: Option<SocketAddr>,
    /// Connections at a time. Restart.
    pub max_connections: NonZeroUsize,
}

/// What /metrics holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Plans that get series of their own; 0: none.
    pub per_plan: usize,
}

/// How long history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistorySettings {
    /// Verdicts and runs older than this are removed.
    pub keep: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug`, `trace`; or a filter as `info,freezerd::freezer=debug`. Checked.
    pub level: String,
    /// How. Restart.
    pub format: LogFormat,
}

/// The group of nodes that share the plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name, the same on all nodes.
    pub name: String,
    /// This node's name, unlike all others; `None`: the host's name.
    pub node: Option<String>,
    /// Where etcd listens; at least one.
    pub etcd: Vec<String>,
}

impl Settings {
    /// What changed between the settings a daemon started with and `new` that only a restart can bring into
    /// force. Everything else may change while it runs.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let changes = [
            ("state_dir", self.state_dir != new.state_dir),
            ("runtime_dir", self.runtime_dir != new.runtime_dir),
            ("source", self.source != new.source),
            (
                "dispatch.launcher",
                self.dispatch.launcher != new.dispatch.launcher,
            ),
            (
                "dispatch.start_within",
                self.dispatch.start_within != new.dispatch.start_within,
            ),
            (
                "dispatch.run_limit",
                self.dispatch.run_limit != new.dispatch.run_limit,
            ),
            ("http", self.http != new.http),
            ("log.format", self.log.format != new.log.format),
            ("cluster", self.cluster != new.cluster),
        ];
        changes
            .into_iter()
            .filter_map(|(name, changed)| changed.then_some(name))
            .collect()
    }
}
