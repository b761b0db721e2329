//! Backup windows: crontab expressions that say when a run may start.

use std::sync::Arc;

use super::{DueTime, Zone};

/// A crontab expression of five fields (minute hour day month weekday), weekdays by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crontab {
    _private: (),
}

/// Why a crontab expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {message}")]
pub struct CrontabError {
    /// The expression.
    pub text: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl Crontab {
    /// Parses five fields; a weekday given as a number is an error with a hint.
    ///
    /// # Errors
    /// What is wrong with the text and what is allowed.
    pub fn compile(text: &str) -> Result<Self, CrontabError> {
        let _ = text;
        todo!()
    }
}

/// When runs may start: open if some `allow` matches the civil minute (or there is none) and no `deny` does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    allow: Vec<Crontab>,
    deny: Vec<Crontab>,
}

impl Windows {
    /// From its expressions.
    #[must_use]
    pub fn new(allow: Vec<Crontab>, deny: Vec<Crontab>) -> Self {
        Self { allow, deny }
    }

    /// Whether a run may start at `instant`, by the civil minute it lies in.
    #[must_use]
    pub fn open_at(&self, instant: DueTime, zone: &Arc<Zone>) -> bool {
        let _ = (instant, zone);
        todo!()
    }

    /// The first instant at or after `instant` at which a run may start; `None`: not within 400 days.
    #[must_use]
    pub fn opens(&self, instant: DueTime, zone: &Arc<Zone>) -> Option<DueTime> {
        let _ = (instant, zone);
        todo!()
    }
}
