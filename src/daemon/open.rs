//! Opening everything a daemon stands on, in the order in which it may fail.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::{mpsc, watch};

use crate::clock::{Clock, SystemClock, Timer};
use crate::config::{self, Loaded, Settings};
use crate::freezer::Api;
use crate::launch::event::{EventLauncher, Listener, Patience};
use crate::launch::{Limits, Several};
use crate::ledger::Restored;
use crate::observe::health::Health;
use crate::observe::http;
use crate::observe::logs::{Format, LogHandle, LogSettings};
use crate::observe::metrics::{Metrics, MetricsSettings, Totals, VerdictKind};
use crate::observe::notify::Notifier;
use crate::planner::{Past, Planner, RunId, RunRecord, RunState};
use crate::zones::Zones;

use super::copying::{self, Copier};
use super::engine::Engine;
use super::listing::{Polling, Source};
use super::live::Daemon;
use super::main_loop::MainLoop;
use super::past;
use super::reading::Reading;
use super::recipes::Recipes;
use super::register::Contact;
use super::registering::Registering;
use super::salvage::{self, Opened};
use super::service::Remote;
use super::trouble::Trouble;
use super::witness::{Shelf, Teller};
use super::{DaemonError, Start, agents, policy, signals, unsupported};

/// What was counted before this start.
pub(super) fn totals<P>(restored: &Restored<P>) -> Totals {
    let tally = &restored.tally;
    let skipped = tally
        .skipped
        .iter()
        .map(|(reason, count)| (VerdictKind::Skipped(*reason), *count));
    let unstarted = u64::try_from(unstarted(restored).count()).unwrap_or(u64::MAX);
    let ran = [
        (VerdictKind::Run, tally.ran.saturating_sub(unstarted)),
        (VerdictKind::Coalesced, tally.coalesced),
    ];
    Totals {
        due: tally.due(),
        verdicts: ran.into_iter().chain(skipped).collect(),
        runs: tally.outcomes.to_vec(),
        last_poll: restored.polled,
    }
}

/// Runs that were decided and had not started: they count as `run` when they do.
fn unstarted<P>(restored: &Restored<P>) -> impl Iterator<Item = &RunId> {
    let waits = |run: &&RunRecord| matches!(run.state, RunState::Queued | RunState::Starting);
    restored.open_runs.iter().filter(waits).map(|run| &run.id)
}

/// How to log.
pub(super) fn log_settings(settings: &Settings) -> LogSettings {
    LogSettings {
        filter: settings.log.level.clone(),
        format: match settings.log.format {
            config::LogFormat::Auto => None,
            config::LogFormat::Human => Some(Format::Human {
                colours: std::io::IsTerminal::is_terminal(&std::io::stderr()),
            }),
            config::LogFormat::Journald => Some(Format::Journal),
            config::LogFormat::Json => Some(Format::Json),
        },
    }
}

/// Opens the source that is configured. Nothing is asked of it yet.
pub(super) fn polling(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Polling, DaemonError> {
    let source = match &settings.source {
        config::Source::Folder { path } | config::Source::File { path } => Source::Path(path.clone()),
        config::Source::Api => {
            let access = settings
                .access
                .clone()
                .map_err(|error| DaemonError::Access(error.to_string()))?;
            Source::Api(Arc::new(Api::connect(access, Arc::clone(clock))?))
        }
    };
    Ok(Polling {
        source,
        every: settings.poll,
        registering: Registering::of(settings),
        copies: settings.copy.is_some(),
    })
}

/// How runs are started by these settings. Where a restart is needed, by those that the daemon was started with: its
/// launcher and its source are what they were.
pub(super) fn recipes(loaded: &Loaded, started_with: &Settings, search_path: &str) -> Recipes {
    let settings = &loaded.settings;
    let dispatch = &settings.dispatch;
    let access = settings.access.as_ref();
    Recipes {
        agent: agent(&dispatch.agent, search_path),
        kill_grace: u32::try_from(dispatch.kill_grace.as_secs()).unwrap_or(u32::MAX),
        keep_output: dispatch.keep_output,
        elsewhere: started_with.dispatch.launcher == config::Launcher::Event,
        limits: limits(&dispatch.limits),
        credentials: settings.agent_environment(),
        trusts: access.map_or(true, |access| access.auth.takes_trusts()),
        prepares: started_with.source == config::Source::Api,
    }
}

/// How long runs that are started elsewhere are waited for.
fn patience(settings: &Settings) -> Patience {
    let length = |length| TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
    Patience {
        start_within: length(settings.dispatch.start_within),
        run_limit: length(settings.dispatch.run_limit),
    }
}

fn limits(limits: &config::Limits) -> Limits {
    let seconds = |length: Duration| u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
    Limits {
        runtime_max: limits.runtime_max.map(seconds),
        nice: limits.nice,
        memory_max: limits.memory_max,
        cpu_weight: limits.cpu_weight,
        io_weight: limits.io_weight,
    }
}

/// A bare name is looked for in `PATH`, as a shell would; one that is not found is left for the launch to
/// complain of.
fn agent(agent: &Path, search_path: &str) -> PathBuf {
    if agent.components().count() > 1 || agent.is_absolute() {
        return agent.to_owned();
    }
    let mut places = search_path.split(':').filter(|folder| !folder.is_empty());
    let found = places.find_map(|folder| Some(Path::new(folder).join(agent)).filter(|path| path.is_file()));
    found.unwrap_or_else(|| agent.to_owned())
}

impl Daemon {
    /// Opens everything. Nothing runs yet, and nothing was decided.
    pub(super) async fn open(start: Start, loaded: &Loaded, log: LogHandle) -> Result<Self, DaemonError> {
        let settings = loaded.settings.clone();
        unsupported(loaded)?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let system = |what| move |source| DaemonError::System { what, source };
        let wishes = signals::listen().map_err(system("listen for signals"))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let zones = Zones::system();
        let mut policy = policy::policy(loaded, &zones, None)?;
        policy.shadow = start.shadow;
        let polling = polling(&settings, &clock)?;
        let http = settings.http.listen.map(http::bind).transpose()?;

        let opened = salvage::open(&settings, clock.now())?;
        let metrics = MetricsSettings {
            plan_limit: settings.metrics.per_plan,
            poll_every: Some(settings.poll),
            shadow: start.shadow,
        };
        let metrics = Arc::new(Metrics::new(metrics, Arc::clone(&clock)).with_log(log.lost()));
        opened.tell(&metrics);
        let Opened {
            ledger,
            restored,
            lost,
            ..
        } = opened;
        metrics.restore_totals(&totals(&restored));
        let health = Arc::new(Health::new());

        let (events, launches) = mpsc::unbounded_channel();
        let program = std::env::current_exe().map_err(system("find its own program"))?;
        let polling = watch::Sender::new(polling);
        let agents = agents::launcher(&settings, program, &clock, events.clone()).await?;
        let service = Remote(polling.subscribe());
        let asking = EventLauncher::new(
            &settings.state_dir,
            service,
            patience(&settings),
            Arc::clone(&clock),
            events,
        )?;
        let asking = Arc::new(asking);
        let listener = Arc::clone(&asking) as Arc<dyn Listener>;
        let launcher = match settings.dispatch.launcher {
            config::Launcher::Event => Several {
                first: asking,
                others: vec![agents],
            },
            _ => Several {
                first: agents,
                others: vec![asking],
            },
        };
        salvage::forget_recorded(&ledger, &launcher, &settings.state_dir)?;
        let ledger = Arc::new(Mutex::new(ledger));
        let waiting = unstarted(&restored).cloned().collect();
        let past = Past {
            lost,
            ..past::whole(restored)
        };
        let digester = past.digester.clone();
        let planner = Planner::restore(policy, past);
        let reading = Reading::new(digester.clone(), planner.digests());
        let teller = Teller {
            metrics: Arc::clone(&metrics),
            stuck: None,
            unstarted: waiting,
            shadow: start.shadow,
        };
        let engine = Engine::new(
            Arc::clone(&clock),
            planner,
            Shelf(Arc::clone(&ledger)),
            teller,
            Arc::new(launcher),
            recipes(loaded, &loaded.settings, &start.search_path),
        );
        let timer = Timer::new().map_err(|error| system("set up its timer")(std::io::Error::other(error)))?;
        let notifier = Notifier::from_environment().unwrap_or_else(|error| {
            tracing::warn!("systemd will hear nothing: {error}");
            Notifier::silent()
        });
        let (ask, answers) = mpsc::unbounded_channel();
        let copy = copying::folder(&settings, start.shadow);
        let (prepare, prepared) = mpsc::unbounded_channel();
        Ok(Self {
            start,
            clock,
            zones,
            main_loop: MainLoop::new(engine, lost.is_some()),
            metrics,
            notifier: Arc::new(notifier),
            polling,
            listener,
            contact: watch::Sender::new(Contact::None),
            copier: Copier::new(copy),
            keep: settings.history.keep,
            stop_grace: settings.dispatch.stop_grace,
            started_with: settings,
            log,
            health,
            ledger,
            bell: Arc::default(),
            launches,
            wishes,
            answers,
            ask,
            prepared,
            prepare,
            turns: Arc::default(),
            timer,
            proves_absence: false,
            trouble: Trouble::default(),
            upkeep: super::upkeep::Upkeep::default(),
            digester,
            reading: Some(reading),
            read_whole: Arc::default(),
            http,
        })
    }
}
