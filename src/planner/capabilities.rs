//! What this node runs, and what a plan asks for beyond it.

use std::fmt;

use serde_json::Value;

use crate::plan::{Plan, printable};

/// The values of `freezer_action` that this node runs; `None`: all there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Of `action`.
    pub actions: Option<Vec<String>>,
    /// Of `mode`.
    pub modes: Option<Vec<String>>,
    /// Of `storage`.
    pub storages: Option<Vec<String>>,
    /// Of `engine_name`.
    pub engines: Option<Vec<String>>,
}

/// Why this node cannot run a plan, whenever it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupported {
    /// There is nothing to run.
    NoActions,
    /// What it asks for that this node does not do: keys of `freezer_action` and their values, each pair once.
    Values(Vec<(&'static str, String)>),
}

/// As much of a value as is shown, in characters.
const SHOWN: usize = 60;

impl Capabilities {
    /// What `plan` asks for that this node cannot give; `None`: it can run.
    #[must_use]
    pub fn unsupported(&self, plan: &Plan) -> Option<Unsupported> {
        if plan.actions.is_empty() {
            return Some(Unsupported::NoActions);
        }
        let lists = [
            ("action", &self.actions),
            ("mode", &self.modes),
            ("storage", &self.storages),
            ("engine_name", &self.engines),
        ];
        let mut values = Vec::new();
        for action in &plan.actions {
            for (key, supported) in lists {
                let Some(supported) = supported else { continue };
                let missing = action
                    .freezer_action
                    .get(key)
                    .and_then(|value| missing(value, supported))
                    .map(|value| (key, value));
                values.extend(missing.filter(|missing| !values.contains(missing)));
            }
        }
        (!values.is_empty()).then_some(Unsupported::Values(values))
    }
}

/// `value` as it is shown, unless it is supported or says nothing. What is no text is in no list.
fn missing(value: &Value, supported: &[String]) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() || supported.contains(text) => None,
        Value::String(text) => Some(printable(text, SHOWN)),
        other => Some(printable(&other.to_string(), SHOWN)),
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = match self {
            Self::NoActions => return f.write_str("it has no actions"),
            Self::Values(values) => values,
        };
        f.write_str("this node does not support ")?;
        for (place, (key, value)) in values.iter().enumerate() {
            let between = if place == 0 { "" } else { " nor " };
            write!(f, "{between}{key} \"{value}\"")?;
        }
        f.write_str(" (see [capabilities])")
    }
}
