//! Rules that name plans: backup windows and time zones. Data only; which rule means a plan is `planner`'s
//! to say.

use serde::Deserialize;

use crate::schedule::Crontab;

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
