//! The options that are more than a setting under another name.

use super::import::{Import, NO_FLAG, NO_NUMBER, Outcome, and, nothing, refused, relative, source};
use super::options::{Fate, Opt, Own};
use super::value::{Values, flag, number};
use crate::freezer::Interface;

/// Where freezer-scheduler keeps its jobs when nobody says.
const JOBS_DIR: &str = "/etc/freezer/scheduler/conf.d";

impl Import {
    pub(super) fn own(&mut self, option: &Opt, own: Own, text: &str, values: &Values<'_>) -> Outcome {
        match own {
            Own::ClientId => self.client_id(option, text),
            Own::JobsDir => self.jobs_dir(option, text, values),
            Own::Interval => self.interval(option, text),
            Own::ConcurrentJobs => self.concurrent_jobs(option, text),
            Own::EndpointType => self.endpoint_type(option, text),
            Own::NoApi
            | Own::DisableExec
            | Own::EnableV1Api
            | Own::Centralized
            | Own::Debug
            | Own::UseJson
            | Own::UseJournal => match flag(text) {
                Some(flag) => self.flag(option, own, flag, values),
                None => refused(NO_FLAG),
            },
        }
    }

    fn flag(&mut self, option: &Opt, own: Own, on: bool, values: &Values<'_>) -> Outcome {
        match (own, on) {
            (Own::NoApi, true) => self.set("source.kind", "folder", source(option)),
            (Own::NoApi, false) => self.set("source.kind", "api", source(option)),
            (Own::DisableExec, _) => self.set("dispatch.allow_exec", !on, source(option)),
            (Own::EnableV1Api, true) => {
                nothing("freezerd speaks version 2 of the API, which is where the plans must be")
            }
            (Own::EnableV1Api, false) => nothing("freezerd always speaks version 2 of the API"),
            (Own::Centralized, true) => self.set("api.central", true, source(option)),
            (Own::Centralized, false) => nothing("api.central is false by default"),
            (Own::Debug, true) => self.set("log.level", "debug", source(option)),
            (Own::Debug, false) => self.set("log.level", "info", source(option)),
            (Own::UseJournal, true) => self.set("log.format", "journald", source(option)),
            (Own::UseJson, true) if values.flag("DEFAULT", "use_journal") == Some(true) => {
                nothing("log.format is \"journald\" by [DEFAULT] use_journal")
            }
            (Own::UseJson, true) => self.set("log.format", "json", source(option)),
            // The others are no truth values and do not come here.
            _ => nothing("log.format \"auto\" finds the one that fits"),
        }
    }

    fn client_id(&mut self, option: &Opt, text: &str) -> Outcome {
        if text == "*" {
            return refused("\"*\" would mean the plans of all clients");
        }
        self.set("api.client_id", text, source(option))
    }

    fn jobs_dir(&mut self, option: &Opt, text: &str, values: &Values<'_>) -> Outcome {
        if values.flag("scheduler", "no_api") != Some(true) {
            if text.trim().is_empty() {
                return refused("it names no folder; no copy of the listing is kept");
            }
            return and(self.set("source.copy", text, source(option)), relative(text));
        }
        if text.trim().is_empty() {
            return refused("it names no folder; source.path stays /etc/freezerd/plans");
        }
        and(self.set("source.path", text, source(option)), relative(text))
    }

    fn interval(&mut self, option: &Opt, text: &str) -> Outcome {
        const DAY: i64 = 86_400;
        let seconds = match number(text) {
            Some(Some(seconds)) if seconds >= 0 => seconds,
            Some(Some(_)) => return refused("it is less than no time; source.poll stays 60s"),
            _ => return refused(NO_NUMBER),
        };
        let allowed = seconds.clamp(1, DAY);
        let outcome = self.set("source.poll", format!("{allowed}s"), source(option));
        if allowed == seconds {
            return outcome;
        }
        and(outcome, &format!(", the nearest to {seconds} that is allowed"))
    }

    fn concurrent_jobs(&mut self, option: &Opt, text: &str) -> Outcome {
        match number(text) {
            Some(Some(jobs)) if jobs > 0 => self.set("dispatch.max_concurrent", jobs, source(option)),
            Some(Some(_)) => refused("freezer-scheduler does not start with less than one"),
            _ => refused(NO_NUMBER),
        }
    }

    fn endpoint_type(&mut self, option: &Opt, text: &str) -> Outcome {
        match text.parse::<Interface>() {
            Ok(interface) => self.set("api.interface", interface.as_str(), source(option)),
            Err(_) => {
                refused("it is not one of public, internal, admin (or publicURL, internalURL, adminURL)")
            }
        }
    }

    /// What differs because an option is not in the file.
    pub(super) fn missing(&mut self, option: &Opt, values: &Values<'_>) {
        let Fate::Own(own) = option.fate else { return };
        let message = match own {
            Own::JobsDir if values.flag("scheduler", "no_api") == Some(true) => {
                let why = "freezer-scheduler's default, unless FREEZER_SCHEDULER_CONF_D was set";
                let (_, message) = self.set("source.path", JOBS_DIR, why);
                format!("{message}, {why}")
            }
            Own::ConcurrentJobs => {
                let why = "freezer-scheduler's default; freezerd's is 4";
                let (_, message) = self.set("dispatch.max_concurrent", 1, why);
                format!("{message}, {why}")
            }
            Own::DisableExec => {
                let why = "freezer-scheduler lets plans run commands (`exec` actions) unless told otherwise, freezerd \
                           only if told so";
                self.sheet
                    .comment("dispatch", format!("allow_exec = true  # {why}"));
                format!("{why}: dispatch.allow_exec = true")
            }
            _ => return,
        };
        self.absent(source(option), &message);
    }
}
