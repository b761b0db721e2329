//! From settings to the planner's policy: the zones that are named are looked up.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, Loaded, Origin, Settings, Source, Whose};
use crate::planner::{
    Capabilities, CatchUp, Outside, Policy, Reports, Scope, SessionRefused, WindowRule, ZoneRule,
};
use crate::schedule::Zone;
use crate::zones::{ZoneError, Zones};

/// A zone that is named somewhere and is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// On the command line.
    #[error("--timezone: {0}")]
    CommandLine(ZoneError),
    /// In the configuration.
    #[error("{place}`{setting}`: {error}")]
    Configured {
        /// The file and line, as `FILE:LINE:COLUMN: `, or nothing.
        place: String,
        /// Which setting.
        setting: String,
        /// Why.
        error: ZoneError,
    },
    /// The node's own.
    #[error("the node's time zone (TZ, /etc/timezone, /etc/localtime): {0}; or set `timezone`")]
    Node(ZoneError),
}

/// The rules by which the planner decides, with `timezone` (of the command line) for the default zone, else the
/// configured one, else the node's. Not in shadow; reports if the plans are the API's and run here.
///
/// # Errors
/// When a zone is not known: the error says where it is named.
pub fn policy(loaded: &Loaded, zones: &Zones, timezone: Option<&str>) -> Result<Policy, PolicyError> {
    let settings = &loaded.settings;
    let zone = match (timezone, settings.timezone.as_deref()) {
        (Some(name), _) => zones.get(name).map_err(PolicyError::CommandLine)?,
        (None, Some(name)) => configured(loaded, zones, "timezone", name)?,
        (None, None) => zones
            .get(&Zones::node_zone(loaded.tz.as_deref()))
            .map_err(PolicyError::Node)?,
    };
    let mut zone_rules = Vec::with_capacity(settings.zones.len());
    for (index, rule) in settings.zones.iter().enumerate() {
        let zone = configured(loaded, zones, &format!("zone[{index}].timezone"), &rule.timezone)?;
        zone_rules.push(ZoneRule {
            scope: whose(&rule.whose),
            zone,
        });
    }
    Ok(Policy {
        max_concurrent: settings.dispatch.max_concurrent.get(),
        catch_up: match settings.dispatch.catch_up {
            config::CatchUp::UntilNext => CatchUp::UntilNext,
            config::CatchUp::Within(length) => CatchUp::Within(seconds(length)),
        },
        allow_exec: settings.dispatch.allow_exec,
        // In a folder or a file there are no users to trust us.
        central: settings.registration.central && settings.source == Source::Api,
        capabilities: capabilities(&settings.capabilities),
        late_after: seconds(settings.late_after),
        shadow: false,
        reports: reports(settings, settings.reports),
        session_refused: match settings.dispatch.session_refused {
            config::SessionRefused::Skip => SessionRefused::Skip,
            config::SessionRefused::Run => SessionRefused::Run,
        },
        session_wait: seconds(settings.dispatch.session_wait),
        zone,
        zones: zone_rules,
        windows: settings.windows.iter().map(window).collect(),
    })
}

/// Which runs are reported to the API of these settings, by what is `wanted`. By itself none where it runs the plans
/// itself, and knows more of that than we do.
pub(super) fn reports(settings: &Settings, wanted: Option<bool>) -> Reports {
    let runs_here = settings.dispatch.launcher != config::Launcher::Event;
    match wanted {
        _ if settings.source != Source::Api || !runs_here => Reports::Never,
        None => Reports::Upstream,
        Some(true) => Reports::Always,
        Some(false) => Reports::Never,
    }
}

fn configured(loaded: &Loaded, zones: &Zones, setting: &str, name: &str) -> Result<Arc<Zone>, PolicyError> {
    zones.get(name).map_err(|error| {
        let place = match loaded.origin(setting) {
            Origin::Default => String::new(),
            origin => format!("{origin}: "),
        };
        PolicyError::Configured {
            place,
            setting: setting.to_owned(),
            error,
        }
    })
}

fn whose(whose: &Whose) -> Scope {
    match whose {
        Whose::Plan(plan) => Scope {
            plans: vec![plan.clone()],
            projects: Vec::new(),
        },
        Whose::Project(project) => Scope {
            plans: Vec::new(),
            projects: vec![project.clone()],
        },
    }
}

fn window(rule: &config::WindowRule) -> WindowRule {
    WindowRule {
        scope: Scope {
            plans: rule.plans.clone(),
            projects: rule.projects.clone(),
        },
        allow: rule.allow.clone(),
        deny: rule.deny.clone(),
        outside: rule.outside.map(|outside| match outside {
            config::Outside::Wait => Outside::Wait,
            config::Outside::Skip => Outside::Skip,
        }),
    }
}

fn capabilities(said: &config::Capabilities) -> Capabilities {
    Capabilities {
        actions: said.actions.clone(),
        modes: said.modes.clone(),
        storages: said.storages.clone(),
        engines: said.engines.clone(),
    }
}

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}
