//! From settings to the planner's policy: the zones that are named are looked up.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, Loaded, Origin, Source, Whose};
use crate::planner::{CatchUp, Outside, Policy, Scope, WindowRule, ZoneRule};
use crate::schedule::Zone;
use crate::zones::Zones;

use super::Failure;

/// The rules by which the planner decides, with `timezone` (of the command line) for the default zone, else the
/// configured one, else the node's. Not in shadow; reports if the plans are the API's.
///
/// # Errors
/// When a zone is not known: of the command line, usage; of the configuration, with its place.
pub fn policy(loaded: &Loaded, zones: &Zones, timezone: Option<&str>) -> Result<Policy, Failure> {
    let settings = &loaded.settings;
    let zone = match (timezone, settings.timezone.as_deref()) {
        (Some(name), _) => zones
            .get(name)
            .map_err(|error| Failure::usage(format!("--timezone: {error}")))?,
        (None, Some(name)) => configured(loaded, zones, "timezone", name)?,
        (None, None) => zones
            .get(&Zones::node_zone(loaded.tz.as_deref()))
            .map_err(|error| {
                Failure::configuration(format!(
                    "the node's time zone (TZ, /etc/timezone, /etc/localtime): {error}; or set `timezone`"
                ))
            })?,
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
        late_after: seconds(settings.late_after),
        shadow: false,
        reports: settings.source == Source::Api,
        zone,
        zones: zone_rules,
        windows: settings.windows.iter().map(window).collect(),
    })
}

fn configured(loaded: &Loaded, zones: &Zones, setting: &str, name: &str) -> Result<Arc<Zone>, Failure> {
    zones.get(name).map_err(|error| {
        let place = match loaded.origin(setting) {
            Origin::Default => String::new(),
            origin => format!("{origin}: "),
        };
        Failure::configuration(format!("{place}`{setting}`: {error}"))
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

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}
