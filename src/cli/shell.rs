//! What surrounds a command: handed in, so that tests need no process.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::failure::Failure;
use crate::config::{Loaded, Loader};

/// The environment, the time and the streams of one command.
pub struct Shell<'a> {
    /// The configuration's loader, with the environment in it.
    pub loader: Loader,
    /// `PATH`, for an agent given by its bare name.
    pub search_path: String,
    /// Now.
    pub now: DateTime<Utc>,
    /// Standard output: data only.
    pub stdout: &'a mut dyn Write,
    /// Standard error: everything else.
    pub stderr: &'a mut dyn Write,
    /// Whether standard output understands colours and its user wants them.
    pub colour: bool,
}

impl Shell<'_> {
    /// Loads the configuration.
    ///
    /// # Errors
    /// What is wrong with it: exit code 78.
    pub fn settings(&self, config: Option<&Path>) -> Result<Loaded, Failure> {
        Ok(self.loader.load(config)?)
    }

    /// One line for people.
    pub fn note(&mut self, line: &str) {
        // Standard error may be closed; what was asked for is on standard output.
        let _ = writeln!(self.stderr, "{line}");
    }
}

/// Whether to colour: only a terminal, and only if its user does not mind (<https://no-color.org>).
#[must_use]
pub fn wants_colour(terminal: bool, environment: &BTreeMap<String, String>) -> bool {
    let set = |name: &str| environment.get(name).is_some_and(|text| !text.is_empty());
    terminal && !set("NO_COLOR") && environment.get("TERM").is_none_or(|term| term != "dumb")
}
