//! What is configured of this node's registration, and what is sent for it.

use crate::config::{Capabilities, Launcher, Settings};
use crate::freezer::{Connection, Registration};

/// What is configured of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registering {
    /// Whether to do it; `None`: unless the API is Virtuozzo's, or the plans are everybody's. (One that is not
    /// configured otherwise does not, where the API runs the plans.)
    pub wanted: Option<bool>,
    /// As a central client.
    pub central: bool,
    /// What this node runs.
    pub capabilities: Capabilities,
}

impl Registering {
    /// As these settings have it.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            // A node that runs nothing itself is no client that could be given plans.
            wanted: settings
                .registration
                .register
                .or((settings.dispatch.launcher == Launcher::Event).then_some(false)),
            central: settings.registration.central,
            capabilities: settings.capabilities.clone(),
        }
    }

    pub(super) fn registration(&self, connection: &Connection, central: bool) -> Registration {
        let usual = Registration::new(&connection.own_id, &connection.hostname);
        let Capabilities {
            actions,
            modes,
            storages,
            engines,
        } = self.capabilities.clone();
        Registration {
            is_central: central,
            supported_actions: actions.unwrap_or(usual.supported_actions),
            supported_modes: modes.unwrap_or(usual.supported_modes),
            supported_storages: storages.unwrap_or(usual.supported_storages),
            supported_engines: engines.unwrap_or(usual.supported_engines),
            ..usual
        }
    }
}
