//! How a command fails: one type, printed in one place.

use std::io::{ErrorKind, Write};

use crate::config::ConfigError;
use crate::daemon::policy::PolicyError;
use crate::ledger::LedgerError;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 0: whoever read our output had enough of it.
    Fine,
    /// 1: it was tried and failed.
    Failed,
    /// 2: it was asked for in a way that makes no sense.
    Usage,
    /// 78 (`EX_CONFIG`): the configuration cannot be used.
    Configuration,
}

impl Code {
    /// As the operating system wants it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 78,
        }
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// With which code to exit.
    pub code: Code,
    /// What to say; empty: nothing.
    pub message: String,
}

impl Failure {
    /// It was tried and failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            code: Code::Failed,
            message: message.into(),
        }
    }

    /// It was asked for in a way that makes no sense.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: Code::Usage,
            message: message.into(),
        }
    }

    /// The configuration cannot be used.
    #[must_use]
    pub fn configuration(message: impl Into<String>) -> Self {
        Self {
            code: Code::Configuration,
            message: message.into(),
        }
    }

    /// Says it on `stderr`, each line with the program's name before it, and gives the exit code.
    pub fn print(&self, stderr: &mut dyn Write) -> u8 {
        for line in self.message.lines() {
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(stderr, "freezerd: {line}");
        }
        self.code.number()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::configuration(error.to_string())
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        let code = match error {
            PolicyError::CommandLine(_) => Code::Usage,
            PolicyError::Configured { .. } | PolicyError::Node(_) => Code::Configuration,
        };
        Self {
            code,
            message: error.to_string(),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Writing failed. A reader that went away (`| head`) is no failure.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            Self {
                code: Code::Fine,
                message: String::new(),
            }
        } else {
            Self::failed(format!("cannot write: {error}"))
        }
    }
}
