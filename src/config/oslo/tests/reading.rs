//! The reading of a file. `read-by-oslo.json` holds files and what oslo.config 10.7.0 made of them with the options
//! of freezer-scheduler 19.0.0: all values that are not the default, or null when it refused the file.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::super::options::{Fate, Kind, OPTIONS, Own};
use super::super::syntax::parse;
use super::super::value::{Values, flag, list, number};

const VECTORS: &str = include_str!("read-by-oslo.json");

#[derive(serde::Deserialize)]
struct Vector {
    file: String,
    read: Option<BTreeMap<String, Json>>,
}

/// What we read: by option, or why not.
fn ours(text: &str) -> Result<BTreeMap<String, Result<Json, String>>, String> {
    let assignments = parse(text).map_err(|error| error.to_string())?;
    let values = Values::new(&assignments);
    let mut all = BTreeMap::new();
    for option in OPTIONS {
        let Some(value) = values.get(option) else { continue };
        let typed = value.and_then(|value| {
            let text = value.text;
            let typed = match option.kind {
                Kind::Text => Some(json!(text)),
                Kind::Flag => flag(&text).map(|flag| json!(flag)),
                Kind::Number => number(&text).map(|number| json!(number)),
                Kind::List => Some(json!(list(&text))),
            };
            typed.ok_or_else(|| "type".to_owned())
        });
        all.insert(format!("{}/{}", option.group, option.name), typed);
    }
    Ok(all)
}

/// What we do not follow oslo.config in, and say so: a variable for an option that the file does not set (its
/// default may come from an environment that is not ours), and one that stands for a list.
fn is_beyond_us(why: &str) -> bool {
    why.contains("not in this file") || why.contains("cannot be written")
}

#[test]
fn files_are_read_as_oslo_config_reads_them() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
    let (mut same, mut both_refuse, mut beyond) = (0, 0, 0);
    for Vector { file, read } in &vectors {
        let ours = ours(file);
        let Some(read) = read else {
            let refuses = ours.as_ref().map_or(true, |all| all.values().any(Result::is_err));
            assert!(refuses, "oslo.config refuses {file:?}, we read {ours:?}");
            both_refuse += 1;
            continue;
        };
        let ours = ours.unwrap_or_else(|error| panic!("{file:?}: {error}"));
        for (name, theirs) in read {
            match ours.get(name) {
                Some(Ok(value)) => {
                    assert_eq!(value, theirs, "{name} of {file:?}");
                    same += 1;
                }
                Some(Err(why)) if is_beyond_us(why) || theirs.get("error").is_some() => beyond += 1,
                other => panic!("{name} of {file:?}: oslo.config reads {theirs}, we {other:?}"),
            }
        }
        let defaults =
            |name: &str| matches!(name, "DEFAULT/debug" | "scheduler/insecure" | "scheduler/no_api");
        for (name, value) in ours.iter().filter(|(name, _)| !read.contains_key(*name)) {
            // It was set to its default.
            let is_default = match value {
                Ok(value) => {
                    [json!(60), json!(1), json!("")].contains(value) || (defaults(name) && *value == false)
                }
                Err(why) => is_beyond_us(why),
            };
            assert!(
                is_default,
                "{name} of {file:?}: oslo.config has its default, we {value:?}"
            );
        }
    }
    assert!(
        same > 200 && both_refuse > 80 && beyond < 40,
        "{same} {both_refuse} {beyond}"
    );
}

#[test]
fn lines_are_counted_and_never_quoted() {
    let at = |text: &str| {
        let error = parse(text).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        error.line
    };
    assert_eq!(at("[a]\n\nhunter2\n"), 3);
    assert_eq!(at("\r\nhunter2 = 1\r\n"), 2);
    assert_eq!(at("[a]\rb = 1\r\r hunter2"), 4);
    assert_eq!(at("[a]\nb = 1\n# c\n  hunter2\n"), 4);
    assert_eq!(at("[hunter2\n"), 1);
    assert_eq!(at("[a]\n = hunter2\n"), 2);
}

/// A file that doubles with every variable, and one that leads to millions of them, are refused in no time.
#[test]
fn variables_are_bounded() {
    let names: Vec<&str> = OPTIONS
        .iter()
        .filter(|option| option.group == "service_auth")
        .map(|option| option.name)
        .collect();
    for last in ["x".repeat(1000), String::new()] {
        let mut text = String::from("[service_auth]\n");
        for pair in names.windows(2) {
            let [name, next] = pair else { unreachable!() };
            text.push_str(&format!("{name} = ${next}${next}${next}${next}\n"));
        }
        text.push_str(&format!("{} = {last}\n", names.last().unwrap()));
        let assignments = parse(&text).unwrap();
        let values = Values::new(&assignments);
        let first = OPTIONS.iter().find(|option| option.name == names[0]).unwrap();
        let why = values.get(first).unwrap().unwrap_err();
        assert!(
            why.contains("longer than") || why.contains("more variables"),
            "{why}"
        );
    }
    let interval = OPTIONS
        .iter()
        .find(|option| option.fate == Fate::Own(Own::Interval))
        .unwrap();
    let long = parse(&format!("[scheduler]\ninterval = {}\n", "1".repeat(40_000))).unwrap();
    assert!(Values::new(&long).get(interval).unwrap().is_err());
}
