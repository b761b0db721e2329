//! Backup windows of some plans.

use std::collections::BTreeMap;

use freezerd::planner::{Outside, Scope, Window, WindowRule};
use freezerd::schedule::{Crontab, Windows};

/// Whose.
const PLANS: [&str; 3] = ["job0", "job2", "job4"];
/// Over midnight, and across every change of the clocks.
const ALLOW: &str = "* 20-23,0-5 * * *";

fn allow() -> Vec<Crontab> {
    vec![Crontab::compile(ALLOW).expect("an expression")]
}

/// As it is configured.
pub fn rule(outside: Outside) -> WindowRule {
    WindowRule {
        scope: Scope {
            plans: PLANS.map(str::to_owned).to_vec(),
            projects: Vec::new(),
        },
        allow: allow(),
        deny: Vec::new(),
        outside: Some(outside),
    }
}

/// As the checker knows it.
pub fn of_plans<'a>(ids: impl Iterator<Item = &'a String>, outside: Outside) -> BTreeMap<String, Window> {
    let meant = ids.filter(|id| PLANS.contains(&id.as_str()));
    let window = |id: &String| {
        let windows = Windows::new(allow(), Vec::new());
        (id.clone(), Window { windows, outside })
    };
    meant.map(window).collect()
}
