//! Configuration: `freezerd.toml`, its drop-ins, `FREEZERD_*`, credentials; all of it into one [`Settings`].
//!
//! Every file becomes a [`fragment::Fragment`] in which nothing is required and nothing unknown is let pass;
//! fragments are merged in order (file, drop-ins by name, environment), and what comes out is checked once and
//! filled up with defaults. The environment is handed in as a map, so that nothing here reads the process's.
//! May use: `schedule` (crontab expressions), `freezer` (what an access to the API consists of), the file
//! system. Must not use: any other room; least of all `daemon` or `cli`, which read what comes out.

mod auth;
mod clouds;
mod describe;
mod environment;
mod error;
mod file;
mod for_agent;
mod fragment;
mod gathered;
mod held;
mod length;
mod loader;
pub mod oslo;
mod resolve;
mod rules;
mod settings;
mod size;
mod words;

pub use auth::CredentialsError;
pub(crate) use error::nearest;
pub use error::{ConfigError, Finding, Origin};
pub(crate) use file::read;
pub(crate) use length::show as show_length;
pub use loader::{DEFAULT_FILE, Loaded, Loader};
pub use rules::{Outside, Whose, WindowRule, ZoneRule};
pub use settings::{
    Capabilities, CatchUp, Cluster, Dispatch, HistorySettings, HttpSettings, Limits, LogSettings,
    MetricsSettings, Registration, Settings, Source,
};
pub use words::{Launcher, LogFormat, SessionRefused};

#[cfg(test)]
mod tests;
