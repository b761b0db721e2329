//! The rules of this node, as configured: zones, windows, limits.

use std::sync::Arc;

use crate::plan::{Dialect, Plan, ProjectId};
use crate::schedule::{Crontab, Windows, Zone};

use super::{Brief, Capabilities, Common, SessionRefused};

/// How late a missed due time may still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// Until the plan's next due time: a backup late is better than none.
    UntilNext,
    /// This many seconds.
    Within(i64),
}

/// Which runs are reported to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// None.
    Never,
    /// Those of OpenStack's dialect, whose clients live by them.
    Upstream,
    /// Those of Virtuozzo's dialect too, which has a place for a part of them.
    Always,
}

/// What becomes of a plan that is due while its window is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outside {
    /// It waits for the window to open.
    Wait,
    /// It is skipped.
    Skip,
}

/// Which plans a rule is for: by id or name, and by project; `*` stands for any text. Both empty: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Ids or names.
    pub plans: Vec<String>,
    /// Project ids.
    pub projects: Vec<String>,
}

/// How closely a rule means a plan: the closer one is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    All,
    Project,
    Plan,
}

/// By what rules may mean a plan.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    id: &'a str,
    name: &'a str,
    project: Option<&'a ProjectId>,
}

impl<'a> From<&'a Plan> for Named<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self {
            id: plan.id.as_str(),
            name: &plan.name,
            project: plan.project.as_ref(),
        }
    }
}

impl<'a> From<&'a Brief> for Named<'a> {
    fn from(brief: &'a Brief) -> Self {
        Self {
            id: brief.id.as_str(),
            name: &brief.name,
            project: brief.project.as_ref(),
        }
    }
}

impl Scope {
    fn closeness(&self, plan: Named<'_>) -> Option<Closeness> {
        let project = plan.project.map_or("", |project| project.as_str());
        let named = |pattern: &String| glob(pattern, plan.id) || glob(pattern, plan.name);
        if self.plans.iter().any(named) {
            Some(Closeness::Plan)
        } else if self.projects.iter().any(|pattern| glob(pattern, project)) {
            Some(Closeness::Project)
        } else {
            (self.plans.is_empty() && self.projects.is_empty()).then_some(Closeness::All)
        }
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
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
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
    /// When runs may start.
    pub allow: Vec<Crontab>,
    /// When they may not, whatever `allow` says.
    pub deny: Vec<Crontab>,
    /// What becomes of a plan that is due outside; `None`: this rule does not say.
    pub outside: Option<Outside>,
}

/// When one plan may start, by all the rules that mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// When.
    pub windows: Windows,
    /// What becomes of it outside.
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
    /// A central client, which runs plans in their users' names: not without a trust.
    pub central: bool,
    /// What this node runs at all.
    pub capabilities: Capabilities,
    /// Seconds after its due time from which a plan counts as late.
    pub late_after: i64,
    /// Decide and record, launch nothing.
    pub shadow: bool,
    /// Which runs are reported to the API.
    pub reports: Reports,
    /// What becomes of a run that its session does not let start.
    pub session_refused: SessionRefused,
    /// How long a run waits for its session at most, in seconds.
    pub session_wait: i64,
    /// The zone of plans without a rule.
    pub zone: Arc<Zone>,
    /// Zones of others.
    pub zones: Vec<ZoneRule>,
    /// Backup windows.
    pub windows: Vec<WindowRule>,
}

impl Policy {
    /// The zone of `plan`: by the rule that means it most closely (the plan itself, else its project); of
    /// equals, the last; else the default zone.
    #[must_use]
    pub fn zone_of<'a>(&self, plan: impl Into<Named<'a>>) -> Arc<Zone> {
        let plan = plan.into();
        let meant = self
            .zones
            .iter()
            .filter_map(|rule| Some((rule.scope.closeness(plan)?, &rule.zone)));
        Arc::clone(
            meant
                .max_by_key(|(closeness, _)| *closeness)
                .map_or(&self.zone, |(_, zone)| zone),
        )
    }

    /// When `plan` may start; `None`: at any time.
    ///
    /// Every `deny` of a rule that means the plan holds. `allow` is taken from the rules that mean it most
    /// closely (the plan itself, else its project, else all plans); among those they add up. `outside`
    /// likewise, of equals the last; nobody says: wait.
    #[must_use]
    pub fn window_of<'a>(&self, plan: impl Into<Named<'a>>) -> Option<Window> {
        let plan = plan.into();
        let meant: Vec<(Closeness, &WindowRule)> = self
            .windows
            .iter()
            .filter_map(|rule| Some((rule.scope.closeness(plan)?, rule)))
            .collect();
        if meant.is_empty() {
            return None;
        }
        let allowing = || meant.iter().filter(|(_, rule)| !rule.allow.is_empty());
        let closest = allowing().map(|(closeness, _)| *closeness).max();
        let allow = allowing()
            .filter(|(closeness, _)| Some(*closeness) == closest)
            .flat_map(|(_, rule)| rule.allow.iter().cloned())
            .collect();
        let deny = meant
            .iter()
            .flat_map(|(_, rule)| rule.deny.iter().cloned())
            .collect();
        let outside = meant
            .iter()
            .filter_map(|(closeness, rule)| Some((*closeness, rule.outside?)))
            .max_by_key(|(closeness, _)| *closeness)
            .map_or(Outside::Wait, |(_, outside)| outside);
        Some(Window {
            windows: Windows::new(allow, deny),
            outside,
        })
    }

    /// Whether `plan` came without the trust that it takes here.
    #[must_use]
    pub fn lacks_trust(&self, plan: &Plan) -> bool {
        self.central && plan.trust.is_none()
    }

    /// The same, of plans that have this in common.
    pub(super) fn misses_trust(&self, common: &Common) -> bool {
        self.central && !common.trusted
    }

    /// Whether they have an `exec` action that this node denies.
    pub(super) fn denies_exec(&self, common: &Common) -> bool {
        !self.allow_exec && common.needs.exec()
    }

    /// Whether the end of a run of `plan` has a place in its API. In shadow, too: what ends then was started by a
    /// daemon that was none, and what is told of it waits in the outbox for another.
    pub(super) fn reports_ends(&self, plan: &Common) -> bool {
        match self.reports {
            Reports::Never => false,
            Reports::Upstream => plan.dialect == Dialect::Upstream,
            Reports::Always => true,
        }
    }

    /// Whether runs of `plan` are reported at all.
    pub(super) fn reports_runs(&self, plan: &Common) -> bool {
        self.reports_ends(plan) && !self.shadow
    }

    /// Whether more than that has a place in the API of `plan`: answers to its user's events, its backups.
    pub(super) fn reports_all(&self, plan: &Common) -> bool {
        self.reports_runs(plan) && plan.dialect == Dialect::Upstream
    }
}
