//! By what agents are started on this machine: in units of systemd's, or as our own children.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::launch::process::ProcessLauncher;
use crate::launch::systemd::SystemdLauncher;
use crate::launch::{LaunchError, LaunchEvent, Launcher};

use super::DaemonError;

/// Set by our unit: what the service's children can do is confined, so no agent may be one of them. A backup that
/// cannot see /home would succeed, and be empty.
const CONFINED: &str = "FREEZERD_CONFINED";

/// The launcher that the settings ask for; for `auto`, what fits: units if we are a service of systemd's.
///
/// # Errors
/// When it cannot be had, or must not be.
pub(super) async fn launcher(
    settings: &Settings,
    program: PathBuf,
    clock: &Arc<dyn Clock>,
    events: UnboundedSender<LaunchEvent>,
) -> Result<Arc<dyn Launcher>, DaemonError> {
    let (state, runtime) = (&settings.state_dir, &settings.runtime_dir);
    let confined = std::env::var_os(CONFINED).is_some();
    let wanted = settings.dispatch.launcher;
    let units = match wanted {
        config::Launcher::Systemd => true,
        config::Launcher::Auto => confined || is_service(),
        config::Launcher::Process | config::Launcher::Event => false,
    };
    if units {
        let launcher =
            SystemdLauncher::connect(state, runtime, program.clone(), Arc::clone(clock), events.clone())
                .await;
        match launcher {
            Ok(launcher) => return Ok(Arc::new(launcher)),
            Err(error @ LaunchError::Manager { .. }) if wanted == config::Launcher::Auto && !confined => {
                tracing::warn!("agents are started as children of this process: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    if confined && wanted != config::Launcher::Event {
        return Err(DaemonError::Unsupported {
            setting: "dispatch.launcher",
            reason: "\"process\" would start agents inside this service, which is confined: they could neither read \
                     nor restore everything. Set \"auto\", or install launcher-process.conf (see README) as a \
                     drop-in of freezerd.service",
        });
    }
    for setting in not_held(&settings.dispatch.limits) {
        tracing::warn!(
            setting,
            "takes runs in units of their own (dispatch.launcher = \"systemd\"): it is not in force"
        );
    }
    Ok(Arc::new(ProcessLauncher::new(
        state,
        runtime,
        program,
        Arc::clone(clock),
        events,
    )?))
}

/// Whether this very process is the main process of a unit; children of one inherit the variable, not the number.
fn is_service() -> bool {
    let told = std::env::var("SYSTEMD_EXEC_PID").ok();
    told.is_some_and(|pid| pid == std::process::id().to_string())
}

/// The limits that only a unit of its own can hold a run to.
fn not_held(limits: &config::Limits) -> Vec<&'static str> {
    let all = [
        ("dispatch.limits.memory_max", limits.memory_max),
        ("dispatch.limits.cpu_weight", limits.cpu_weight),
        ("dispatch.limits.io_weight", limits.io_weight),
    ];
    all.into_iter()
        .filter_map(|(name, limit)| limit.map(|_| name))
        .collect()
}
