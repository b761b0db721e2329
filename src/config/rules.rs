//! Rules that name plans: backup windows and time zones.

use serde::Deserialize;

use crate::schedule::{Crontab, Windows};

use super::settings::Settings;

/// The names a rule may know a plan by.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its `job_id`.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its `project_id`.
    pub project: Option<&'a str>,
}

/// What becomes of a plan that is due outside its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outside {
    /// It waits until the window opens.
    Wait,
    /// It is skipped.
    Skip,
}

/// One `[[window]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRule {
    /// When runs may start.
    pub allow: Vec<Crontab>,
    /// When they may not, whatever `allow` says.
    pub deny: Vec<Crontab>,
    /// For these plans: ids or names, `*` stands for any text.
    pub plans: Vec<String>,
    /// And for all plans of these projects. With neither: for all plans.
    pub projects: Vec<String>,
    /// What becomes of a plan that is due outside; `None`: this rule does not say.
    pub outside: Option<Outside>,
}

/// One `[[zone]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRule {
    /// Whose.
    pub whose: Whose,
    /// Its zone, a name of the tz database.
    pub timezone: String,
}

/// Whom a `[[zone]]` is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Plans of this id or name, `*` stands for any text.
    Plan(String),
    /// Plans of this project.
    Project(String),
}

/// How closely a rule names a plan: the closer one is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    All,
    Project,
    Plan,
}

impl WindowRule {
    fn names(&self, plan: Named<'_>) -> Option<Closeness> {
        if self.plans.iter().any(|pattern| is_plan(pattern, plan)) {
            Some(Closeness::Plan)
        } else if plan
            .project
            .is_some_and(|project| self.projects.iter().any(|p| like(p, project)))
        {
            Some(Closeness::Project)
        } else if self.plans.is_empty() && self.projects.is_empty() {
            Some(Closeness::All)
        } else {
            None
        }
    }
}

impl Settings {
    /// The zone a `[[zone]]` gives to this plan: one that names the plan before one that names its project; of
    /// equals, the last. `None`: the default zone.
    #[must_use]
    pub fn zone_for(&self, plan: Named<'_>) -> Option<&str> {
        let mut best: Option<(Closeness, &str)> = None;
        for rule in &self.zones {
            let closeness = match &rule.whose {
                Whose::Plan(pattern) if is_plan(pattern, plan) => Closeness::Plan,
                Whose::Project(pattern) if plan.project.is_some_and(|project| like(pattern, project)) => {
                    Closeness::Project
                }
                _ => continue,
            };
            if best.is_none_or(|(so_far, _)| closeness >= so_far) {
                best = Some((closeness, &rule.timezone));
            }
        }
        best.map(|(_, timezone)| timezone)
    }

    /// The window of this plan, and what becomes of it outside; `None`: it may start at any time.
    ///
    /// Every `deny` of a rule that names the plan holds. `allow` is taken from the rules that name it most
    /// closely (the plan itself, else its project, else all plans); among those they add up. `outside`
    /// likewise, of equals the last; nobody says: wait.
    #[must_use]
    pub fn window_for(&self, plan: Named<'_>) -> Option<(Windows, Outside)> {
        let mut allow: (Closeness, Vec<Crontab>) = (Closeness::All, Vec::new());
        let mut deny = Vec::new();
        let mut outside = (Closeness::All, Outside::Wait);
        let mut any = false;
        for rule in &self.windows {
            let Some(closeness) = rule.names(plan) else {
                continue;
            };
            any = true;
            deny.extend(rule.deny.iter().cloned());
            if !rule.allow.is_empty() && closeness >= allow.0 {
                if closeness > allow.0 {
                    allow = (closeness, Vec::new());
                }
                allow.1.extend(rule.allow.iter().cloned());
            }
            if let Some(what) = rule.outside.filter(|_| closeness >= outside.0) {
                outside = (closeness, what);
            }
        }
        any.then(|| (Windows::new(allow.1, deny), outside.1))
    }
}

fn is_plan(pattern: &str, plan: Named<'_>) -> bool {
    like(pattern, plan.id) || like(pattern, plan.name)
}

/// Whether `text` is `pattern`, in which every `*` stands for any text (also none).
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    false
}
