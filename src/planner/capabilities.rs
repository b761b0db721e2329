//! What this node runs, and what a plan asks for beyond it.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use crate::plan::{Action, Plan, printable};

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

/// Keys of `freezer_action` whose values a node may not support.
const KEYS: [&str; 4] = ["action", "mode", "storage", "engine_name"];

/// What it takes to run a plan: all that its actions ask of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Needs {
    /// How many actions it has is nobody's business; whether it has any is.
    any: bool,
    /// It executes commands of its user's.
    exec: bool,
    /// Values of [`KEYS`], each pair once, in order.
    values: Vec<Need>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Need {
    /// Its place among [`KEYS`].
    key: usize,
    value: Box<str>,
    /// It is a text; what is none, no list can hold.
    text: bool,
}

impl Needs {
    /// Of a plan with these actions.
    #[must_use]
    pub fn of(actions: &[Action]) -> Self {
        let mut needs = Self {
            any: !actions.is_empty(),
            exec: actions.iter().any(|action| action.text("action") == "exec"),
            values: Vec::new(),
        };
        // There may be thousands of actions, and as many values.
        let mut met = HashSet::new();
        for action in actions {
            for (key, name) in KEYS.into_iter().enumerate() {
                let need = match action.freezer_action.get(name) {
                    None | Some(Value::Null | Value::Bool(false)) => continue,
                    Some(Value::String(text)) if text.is_empty() => continue,
                    Some(Value::String(text)) => Need {
                        key,
                        value: text.as_str().into(),
                        text: true,
                    },
                    Some(other) => Need {
                        key,
                        value: other.to_string().into(),
                        text: false,
                    },
                };
                if met.insert(need.clone()) {
                    needs.values.push(need);
                }
            }
        }
        needs
    }

    /// Whether it executes commands of its user's.
    #[must_use]
    pub fn exec(&self) -> bool {
        self.exec
    }
}

impl Capabilities {
    /// What `plan` asks for that this node cannot give; `None`: it can run.
    #[must_use]
    pub fn unsupported(&self, plan: &Plan) -> Option<Unsupported> {
        self.lacking(&Needs::of(&plan.actions))
    }

    /// Which of a plan's needs this node cannot meet; `None`: it can run.
    #[must_use]
    pub fn lacking(&self, needs: &Needs) -> Option<Unsupported> {
        if !needs.any {
            return Some(Unsupported::NoActions);
        }
        let lists = [&self.actions, &self.modes, &self.storages, &self.engines];
        let (mut lacking, mut met) = (Vec::new(), HashSet::new());
        for Need { key, value, text } in &needs.values {
            let (Some(name), Some(Some(supported))) = (KEYS.get(*key), lists.get(*key)) else {
                continue;
            };
            if *text && supported.iter().any(|supported| **supported == **value) {
                continue;
            }
            let pair = (*name, printable(value, SHOWN));
            if met.insert(pair.clone()) {
                lacking.push(pair);
            }
        }
        (!lacking.is_empty()).then_some(Unsupported::Values(lacking))
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
