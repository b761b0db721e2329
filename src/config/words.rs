//! Words that a file may hold and the settings keep as they are.

use serde::Deserialize;

/// By what runs are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Launcher {
    /// What fits this machine.
    Auto,
    /// Transient units.
    Systemd,
    /// A supervisor process of our own.
    Process,
    /// The API is asked to start the plan.
    Event,
}

impl Launcher {
    /// As it is written in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Systemd => "systemd",
            Self::Process => "process",
            Self::Event => "event",
        }
    }
}

/// What becomes of a run that its session does not let start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionRefused {
    /// It is skipped.
    Skip,
    /// It runs all the same.
    Run,
}

impl SessionRefused {
    /// As it is written in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Run => "run",
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, for journald under systemd, else JSON.
    Auto,
    /// For people.
    Human,
    /// Fields for journald.
    Journald,
    /// One JSON object a line.
    Json,
}
