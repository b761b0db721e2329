//! SIGHUP: the configuration is read again. A bad one leaves the old settings in force, and says so.

use crate::planner::Policy;

use super::live::Daemon;
use super::register::Contact;
use super::{DaemonError, copying, open, policy};

impl Daemon {
    /// Reads the configuration again; gives the planner's new policy.
    pub(super) fn reload(&mut self) -> Option<Box<Policy>> {
        self.notifier.reloading();
        let reloaded = self.reloaded();
        let at = self.clock.now();
        self.metrics.reloaded(reloaded.is_ok(), at);
        match reloaded {
            Ok(policy) => {
                tracing::info!("the configuration was read again");
                self.notifier.ready("running");
                Some(Box::new(policy))
            }
            Err(error) => {
                tracing::error!("the configuration was not taken, the old settings stay in force: {error}");
                // systemd waits for this after every reload, also after one that changed nothing.
                self.notifier
                    .ready("running with the old settings: the new configuration is bad");
                None
            }
        }
    }

    fn reloaded(&mut self) -> Result<Policy, DaemonError> {
        let loaded = self.start.loader.load(self.start.config.as_deref())?;
        super::unsupported(&loaded)?;
        self.zones.refresh();
        let mut policy = policy::policy(&loaded, &self.zones, None)?;
        policy.shadow = self.start.shadow;
        policy.reports = policy::reports(&self.started_with, loaded.settings.reports);
        policy.central &= self.started_with.source == crate::config::Source::Api;
        let polling = open::polling(&loaded.settings, &self.clock)?;
        self.log.set_filter(&loaded.settings.log.level)?;
        // From here on nothing can fail: all of it comes into force, or none.
        for setting in self.started_with.needs_restart(&loaded.settings) {
            tracing::warn!(setting, "changed, and comes into force at a restart");
        }
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        if self.started_with.source == loaded.settings.source {
            self.metrics.set_poll_every(Some(polling.every));
            // It may lead to another API now.
            self.contact.send_replace(Contact::None);
            self.polling.send_replace(polling);
        }
        self.main_loop.engine.set_recipes(open::recipes(
            &loaded,
            &self.started_with,
            &self.start.search_path,
        ));
        self.copier.folder = copying::folder(&loaded.settings, self.start.shadow);
        self.keep = loaded.settings.history.keep;
        self.stop_grace = loaded.settings.dispatch.stop_grace;
        self.metrics.set_plan_limit(loaded.settings.metrics.per_plan);
        Ok(policy)
    }
}
