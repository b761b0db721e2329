//! `freezerd check`: configuration, zones, source, every plan, this node: what is wrong, and where.
//!
//! Looks and never touches: it makes no folder, takes no lock, starts no agent.
//! May use: `config`, `zones`, `source`, `freezer`, `plan`, `observe`'s rule for the log's filter. Must not use: `ledger`,
//! `launch`, and of `daemon` more than how settings become a policy, and which it refuses.

mod node;

use std::io::{self, Write};
use std::path::Path;

use super::plans::{self, Plans};
use super::{Failure, Shell};
use crate::config::{Launcher, Loaded, Source};
use crate::daemon::policy::policy;
use crate::daemon::unsupported;
use crate::observe::logs::check_filter;
use crate::plan::{Dialect, Problem};
use crate::planner::{Policy, Unsupported};
use crate::zones::Zones;

/// `freezerd check`
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct CheckArgs {}

/// Carries it out.
pub(super) fn execute(config: Option<&Path>, _: &CheckArgs, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let loaded = shell.settings(config)?;
    let zones = Zones::system();
    let policy = policy(&loaded, &zones, None)?;
    let mut sheet = Sheet {
        out: &mut *shell.stdout,
        colour: shell.colour,
        wrong: 0,
    };
    sheet.configuration(&loaded)?;
    sheet.zones(&policy, &zones)?;
    sheet.node(&loaded, &shell.search_path)?;
    sheet.source(&loaded, &policy)?;
    sheet.out.flush()?;
    match sheet.wrong {
        0 => Ok(()),
        1 => Err(Failure::failed("1 problem found")),
        wrong => Err(Failure::failed(format!("{wrong} problems found"))),
    }
}

/// Legal, and probably not what is meant.
const EVENTS_OF_OPENSTACK: &str = "dispatch.launcher: \"event\" asks OpenStack's API, which only notes the event: \
     something else must answer it. A freezer-scheduler does, and follows the schedules too: it would run every plan twice";

/// What is found, as it is found.
struct Sheet<'a> {
    out: &'a mut dyn Write,
    colour: bool,
    wrong: u64,
}

impl Sheet<'_> {
    fn section(&mut self, title: &str) -> io::Result<()> {
        if self.colour {
            writeln!(self.out, "\x1b[1m{title}\x1b[0m")
        } else {
            writeln!(self.out, "{title}")
        }
    }

    fn line(&mut self, colour: &str, mark: &str, text: &str) -> io::Result<()> {
        if self.colour {
            writeln!(self.out, "  {colour}{mark:<5}\x1b[0m {text}")
        } else {
            writeln!(self.out, "  {mark:<5} {text}")
        }
    }

    fn fine(&mut self, text: &str) -> io::Result<()> {
        self.line("\x1b[32m", "ok", text)
    }

    fn warn(&mut self, text: &str) -> io::Result<()> {
        self.line("\x1b[33m", "warn", text)
    }

    fn wrong(&mut self, text: &str) -> io::Result<()> {
        self.wrong = self.wrong.saturating_add(1);
        self.line("\x1b[31m", "WRONG", text)
    }

    fn verdict(&mut self, verdict: Result<String, String>) -> io::Result<()> {
        match verdict {
            Ok(text) => self.fine(&text),
            Err(text) => self.wrong(&text),
        }
    }

    fn configuration(&mut self, loaded: &Loaded) -> io::Result<()> {
        self.section("Configuration")?;
        for file in &loaded.files {
            self.fine(&file.display().to_string())?;
        }
        if loaded.files.is_empty() {
            self.fine("no file: defaults")?;
        }
        for warning in &loaded.warnings {
            self.warn(warning)?;
        }
        // What `run` would refuse.
        if let Err(error) = unsupported(loaded) {
            self.wrong(&error.to_string())?;
        }
        if let Err(error) = check_filter(&loaded.settings.log.level) {
            self.wrong(&format!("log.level: {error}"))?;
        }
        let settings = loaded.describe();
        let widest = settings
            .iter()
            .map(|(name, value, _)| name.len().saturating_add(value.len()))
            .max();
        // Long paths may stick out; they must not push everybody else's origin away.
        let width = widest.unwrap_or(0).saturating_add(3).min(56);
        for (name, value, origin) in settings {
            writeln!(
                self.out,
                "        {:<width$}  {origin}",
                format!("{name} = {value}")
            )?;
        }
        writeln!(self.out)
    }

    fn zones(&mut self, policy: &Policy, zones: &Zones) -> io::Result<()> {
        self.section("Time zones")?;
        let default = policy.zone.name();
        let mut names: Vec<&str> = policy
            .zones
            .iter()
            .map(|rule| rule.zone.name())
            .chain([default])
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            let note = if name == default { " (default)" } else { "" };
            let verdict = zones.origin(name).map(|origin| format!("{name}{note}: {origin}"));
            self.verdict(verdict.map_err(|error| error.to_string()))?;
        }
        writeln!(self.out)
    }

    fn node(&mut self, loaded: &Loaded, search_path: &str) -> io::Result<()> {
        self.section("This node")?;
        let settings = &loaded.settings;
        self.verdict(node::agent(&settings.dispatch, search_path))?;
        self.verdict(node::folder("state_dir", &settings.state_dir))?;
        self.verdict(node::folder("runtime_dir", &settings.runtime_dir))?;
        if let Some(copy) = &settings.copy {
            self.verdict(node::folder("source.copy", copy))?;
        }
        if let Some(path) = settings
            .access
            .as_ref()
            .ok()
            .and_then(|access| access.ca_file.as_ref())
        {
            self.verdict(node::readable("api.ca_file", path))?;
        }
        writeln!(self.out)
    }

    fn source(&mut self, loaded: &Loaded, policy: &Policy) -> io::Result<()> {
        self.section("Plans")?;
        let place = match &loaded.settings.source {
            Source::Api => "the API".to_owned(),
            Source::Folder { path } | Source::File { path } => path.display().to_string(),
        };
        match plans::with_trusts(&loaded.settings) {
            Err(failure) => self.wrong(&format!("{place}: {failure}")),
            Ok((
                Plans {
                    plans,
                    problems,
                    others,
                },
                trusts,
            )) => {
                self.fine(&format!("{place}: plans that can be used: {}", plans.len()))?;
                if others > 0 {
                    let who = "plans of other clients (see `client_id` in [api])";
                    self.fine(&format!("{place}: {who}: {others}"))?;
                }
                for problem in &problems {
                    self.wrong(&plans::describe(problem))?;
                }
                for plan in plans.iter().filter(|plan| policy.lacks_trust(plan)) {
                    let error = "will be skipped: it came without a trust, which a central client needs; its user \
                                 makes it anew";
                    let note = Problem::new(plan.id.as_str(), "user_credentials", "", error);
                    self.warn(&plans::describe(&note.named(Some(&plan.name))))?;
                }
                for problem in &trusts {
                    self.wrong(&plans::describe(problem))?;
                }
                let upstream = plans.iter().any(|plan| plan.dialect == Dialect::Upstream);
                if loaded.settings.dispatch.launcher == Launcher::Event && upstream {
                    self.warn(EVENTS_OF_OPENSTACK)?;
                }
                for plan in &plans {
                    // Not wrong: another node may be there for it. (Plans without actions are problems above.)
                    if let Some(values @ Unsupported::Values(_)) = policy.capabilities.unsupported(plan) {
                        let error = format!("will be skipped: {values}");
                        let note = Problem::new(plan.id.as_str(), "job_actions", "", &error);
                        self.warn(&plans::describe(&note.named(Some(&plan.name))))?;
                    }
                }
                Ok(())
            }
        }
    }
}
