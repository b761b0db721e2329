//! The rules of this node, as configured: zones, windows, limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::Plan;
use crate::schedule::{Windows, Zone};

/// How late a missed due time may still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// Until the plan's next due time: a backup late is better than none.
    UntilNext,
    /// This many seconds.
    Within(i64),
}

/// What becomes of a plan that is due while its window is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// It waits for the window to open.
    Wait,
    /// It is skipped.
    Skip,
}

/// Which plans a rule is for: by id or name, and by project; `*` stands for any text. Empty: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Ids or names.
    pub plans: Vec<String>,
    /// Project ids.
    pub projects: Vec<String>,
}

impl Scope {
    /// Whether `plan` is meant. A scope with both lists means plans of both.
    #[must_use]
    pub fn holds(&self, plan: &Plan) -> bool {
        let named = self.plans.is_empty()
            || self
                .plans
                .iter()
                .any(|pattern| glob(pattern, plan.id.as_str()) || glob(pattern, &plan.name));
        let project = plan.project.as_ref().map_or("", |project| project.as_str());
        let owned = self.projects.is_empty() || self.projects.iter().any(|pattern| glob(pattern, project));
        named && owned
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text, also none.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A zone for some plans.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneRule {
    /// For which.
    pub scope: Scope,
    /// The zone.
    pub zone: Arc<Zone>,
}

/// Backup windows for some plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRule {
    /// For which.
    pub scope: Scope,
    /// When they may start.
    pub windows: Arc<Windows>,
    /// What becomes of them outside.
    pub outside: Outside,
}

/// The rules of this node.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Runs at once, at most.
    pub max_concurrent: usize,
    /// How late a missed due time may still run.
    pub catch_up: CatchUp,
    /// Whether `exec` actions may run.
    pub allow_exec: bool,
    /// Seconds after its due time from which a plan counts as late.
    pub late_after: i64,
    /// Decide and record, launch nothing.
    pub shadow: bool,
    /// Whether runs are reported to the API.
    pub reports: bool,
    /// The zone of plans without a rule.
    pub zone: Arc<Zone>,
    /// Zones of others; a rule that names plans wins over one that names projects, then the first one wins.
    pub zones: Vec<ZoneRule>,
    /// Backup windows; those that hold for a plan must all be open.
    pub windows: Vec<WindowRule>,
}

impl Policy {
    /// The zone of `plan`.
    #[must_use]
    pub fn zone_of(&self, plan: &Plan) -> Arc<Zone> {
        let holding = || self.zones.iter().filter(|rule| rule.scope.holds(plan));
        holding()
            .find(|rule| !rule.scope.plans.is_empty())
            .or_else(|| holding().next())
            .map_or_else(|| Arc::clone(&self.zone), |rule| Arc::clone(&rule.zone))
    }

    /// The windows of `plan`.
    pub fn windows_of<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a WindowRule> {
        self.windows.iter().filter(|rule| rule.scope.holds(plan))
    }

    /// Whether `plan` has an `exec` action that this node denies.
    #[must_use]
    pub fn denies_exec(&self, plan: &Plan) -> bool {
        !self.allow_exec && plan.actions.iter().any(|action| action.text("action") == "exec")
    }

    /// The names of all zones in force, sorted.
    #[must_use]
    pub fn zone_names(&self) -> BTreeSet<&str> {
        self.zones
            .iter()
            .map(|rule| rule.zone.name())
            .chain([self.zone.name()])
            .collect()
    }
}
