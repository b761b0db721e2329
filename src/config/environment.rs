//! `FREEZERD_*`: settings from environment variables.
//!
//! The name is the setting's in capitals, sections divided by two underscores: `FREEZERD_TIMEZONE`,
//! `FREEZERD_SOURCE__KIND`, `FREEZERD_DISPATCH__MAX_CONCURRENT`. The value is the text itself; where a number, a
//! truth value or a list is wanted, it is read as TOML would read it. `FREEZERD_WINDOW` and `FREEZERD_ZONE` take
//! a list of inline tables, which is added to those of the files.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::error::{Finding, Origin, nearest};
use super::file::explain;
use super::fragment::{ApiFragment, AuthFragment, Fragment, Key, Part};

/// Variables that are ours but no settings: `--config`, the log filter (`observe`'s, which overrides `log.level`),
/// what a run's agent is told, and what our unit says of itself.
const OTHERS: [&str; 6] = [
    "FREEZERD_CONFIG",
    "FREEZERD_CONFINED",
    "FREEZERD_LOG",
    "FREEZERD_JOB_ID",
    "FREEZERD_RUN_ID",
    "FREEZERD_DUE",
];

/// What the environment says, setting by setting.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub fragment: Fragment,
    pub places: Vec<(String, Origin)>,
    pub findings: Vec<Finding>,
}

/// Reads all `FREEZERD_*`.
pub(super) fn read(environment: &BTreeMap<String, String>) -> Variables {
    let mut all = Variables::default();
    for (variable, text) in environment {
        let Some(rest) = variable.strip_prefix("FREEZERD_") else {
            continue;
        };
        if OTHERS.contains(&variable.as_str()) {
            continue;
        }
        let path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        let at = Origin::Variable(variable.clone());
        match setting(&path, text)
            .ok_or_else(|| unknown(variable))
            .and_then(|result| result)
        {
            Ok(fragment) => {
                all.fragment.merge(fragment);
                all.places.push((path.join("."), at));
            }
            Err(message) => all.findings.push(Finding { at, message }),
        }
    }
    all
}

/// The fragment in which only this one is set; `None`: no such setting.
fn setting(path: &[String], text: &str) -> Option<Result<Fragment, String>> {
    let mut known = Fragment::KEYS;
    for name in path {
        known = known.iter().find(|key| key.name == name)?.below;
    }
    let nested = |value: Value| {
        let whole = path.iter().rev().fold(value, |inner, name| {
            Value::Table(Table::from_iter([(name.clone(), inner)]))
        });
        Fragment::deserialize(whole).map_err(|error| explain(error.message()))
    };
    let literal = format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"));
    let structured = literal
        .as_ref()
        .is_some_and(|value| value.is_array() || value.is_table());
    let plain = if structured {
        None
    } else {
        Some(nested(Value::String(text.to_owned())))
    };
    Some(match (plain, literal) {
        (Some(Ok(fragment)), _) => Ok(fragment),
        (_, Some(literal)) => nested(literal),
        (Some(refused), None) => refused,
        (None, None) => Err("cannot be read".to_owned()),
    })
}

fn unknown(variable: &str) -> String {
    let mut known = Vec::new();
    variables(Fragment::KEYS, "", &mut known);
    let rest = variable.trim_start_matches("FREEZERD_");
    match nearest(rest, known.iter().map(String::as_str)) {
        Some(near) => format!("no such setting; did you mean FREEZERD_{near}?"),
        None => {
            "no such setting; sections are divided by two underscores, as in FREEZERD_SOURCE__KIND".to_owned()
        }
    }
}

/// The names of all variables, without their beginning.
fn variables(keys: &[Key], above: &str, into: &mut Vec<String>) {
    for key in keys {
        let name = format!("{above}{}", key.name.to_uppercase());
        variables(key.below, &format!("{name}__"), into);
        into.push(name);
    }
}

/// Older names of `OS_*`, and today's.
const ALIASES: [(&str, &str); 3] = [
    ("tenant_name", "project_name"),
    ("tenant_id", "project_id"),
    ("auth_token", "token"),
];

/// Whether a part of an authentication has this name.
pub(super) fn is_part(name: &str) -> bool {
    AuthFragment::KEYS.iter().any(|key| key.name == name) || ALIASES.iter().any(|(old, _)| *old == name)
}

/// Where each part of a layer came from, by setting.
pub(super) type Places = Vec<(String, Origin)>;

/// Takes the parts of an authentication from whoever knows them by name (`username`, `project_id` ...), with
/// where it was found. An empty text is none: shells that unset by `export OS_X=` mean that.
pub(super) fn auth_from(mut get: impl FnMut(&str) -> Option<(String, Origin)>) -> (AuthFragment, Places) {
    let names = AuthFragment::KEYS
        .iter()
        .map(|key| key.name)
        .filter(|name| !name.ends_with("_file"));
    let mut table = Table::new();
    let mut places = Vec::new();
    for (from, to) in ALIASES.into_iter().chain(names.map(|name| (name, name))) {
        if let Some((text, at)) = get(from).filter(|(text, _)| !text.is_empty()) {
            table.insert(to.to_owned(), Value::String(text));
            places.push((format!("auth.{to}"), at));
        }
    }
    // All of them are texts, so this cannot fail.
    (
        AuthFragment::deserialize(Value::Table(table)).unwrap_or_default(),
        places,
    )
}

/// OpenStack's names of what `[api]` holds. Of two for the same, the later wins.
const API_NAMES: [(&str, &str); 6] = [
    ("backup_url", "backup_url"),
    ("region_name", "region"),
    ("endpoint_type", "interface"),
    ("interface", "interface"),
    ("cacert", "ca_file"),
    ("insecure", "insecure"),
];

/// Takes `[api]` from whoever knows it under OpenStack's names.
pub(super) fn api_from(mut get: impl FnMut(&str) -> Option<(String, Origin)>) -> (ApiFragment, Places) {
    let mut table = Table::new();
    let mut places = Vec::new();
    for (from, to) in API_NAMES {
        let Some((text, at)) = get(from).filter(|(text, _)| !text.is_empty()) else {
            continue;
        };
        let value = if to == "insecure" {
            Value::Boolean(matches!(
                text.to_lowercase().as_str(),
                "1" | "true" | "yes" | "on"
            ))
        } else {
            Value::String(text)
        };
        table.insert(to.to_owned(), value);
        places.push((format!("api.{to}"), at));
    }
    // All of them are of the right sort, so this cannot fail.
    (
        ApiFragment::deserialize(Value::Table(table)).unwrap_or_default(),
        places,
    )
}
