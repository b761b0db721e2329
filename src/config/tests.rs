//! The shipped sample, and texts nobody meant.

use std::path::Path;

use proptest::prelude::*;

use super::fragment::{Fragment, Key, Part};
use super::length::{Length, show};
use super::{Loader, file};

const SAMPLE: &str = include_str!("../../config/freezerd.toml");

/// `# key = value` becomes `key = value`, `# [[window]]` becomes `[[window]]`; prose stays a comment.
fn uncommented(text: &str) -> String {
    let is_key = |rest: &str| {
        let key: String = rest
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect();
        !key.is_empty()
            && rest
                .get(key.len()..)
                .is_some_and(|after| after.starts_with(" = "))
    };
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with('[') || is_key(rest) => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

fn names(keys: &[Key], above: &str, into: &mut Vec<String>) {
    for key in keys {
        let name = if above.is_empty() {
            key.name.to_owned()
        } else {
            format!("{above}.{}", key.name)
        };
        if key.below.is_empty() {
            into.push(name);
        } else {
            names(key.below, &name, into);
        }
    }
}

#[test]
fn the_sample_names_every_setting_and_nothing_else() {
    let parsed = file::parse(Path::new("freezerd.toml"), &uncommented(SAMPLE)).unwrap();
    let mut known = Vec::new();
    names(Fragment::KEYS, "", &mut known);
    let said = parsed.places.into_iter().map(|(name, _)| name.replace("[0]", ""));
    let mut said: Vec<String> = said.filter(|name| known.contains(name)).collect();
    said.sort();
    known.sort();
    assert_eq!(said, known);
}

#[test]
fn the_samples_defaults_are_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let loader = Loader::new(std::collections::BTreeMap::new()).rooted(folder.path());
    let path = folder.path().join("freezerd.toml");
    std::fs::write(&path, SAMPLE).unwrap();
    let as_shipped = loader.load(Some(&path)).unwrap().settings;
    assert_eq!(
        as_shipped,
        loader.load(None).unwrap().settings,
        "as shipped it sets nothing"
    );

    // What has "default: ..." beside it, or is an example, is no default: leave those lines out.
    let examples = [
        "timezone =",
        "backup_url",
        "region",
        "ca_file",
        "client_id",
        "register =",
        "reports =",
        "copy =",
        "supported_",
        "runtime_max",
        "nice =",
        "memory_max",
        "cpu_weight",
        "io_weight",
    ];
    let kept: String = SAMPLE
        .lines()
        .take_while(|line| !line.starts_with("# [cluster]"))
        .filter(|line| !examples.iter().any(|example| line.contains(example)))
        .map(|line| format!("{line}\n"))
        .collect();
    let (before, rest) = kept.split_once("[auth]").unwrap();
    let (_, rest) = rest.split_once("[dispatch]").unwrap();
    let (dispatch_and_http, rest) = rest.split_once("# Backup windows").unwrap();
    let (_, rest) = rest.split_once("[metrics]").unwrap();
    let text = uncommented(&format!(
        "{before}\n[dispatch]{dispatch_and_http}\n[metrics]{rest}"
    ));
    assert!(text.contains("\nkeep = \"400d\""), "{text}");
    std::fs::write(&path, text).unwrap();
    assert_eq!(as_shipped, loader.load(Some(&path)).unwrap().settings);
}

#[test]
fn lengths_are_written_as_they_are_read() {
    for text in ["0s", "60s", "1h30m", "400d", "1d2h3m4s", "250ms", "1s5ms"] {
        let Length(length) = Length::parse(text).unwrap();
        let Length(again) = Length::parse(&show(length)).unwrap();
        assert_eq!(length, again);
    }
    let shown = |text: &str| show(Length::parse(text).unwrap().0);
    assert_eq!(
        [shown("60s"), shown("90m"), shown("400d")],
        ["1m", "1h30m", "400d"]
    );
    assert!(Length::parse("99999999999999999999d").is_err());
}

/// A text that is nearly a configuration: pieces of the sample, cut and glued.
fn nearly() -> impl Strategy<Value = String> {
    let lines: Vec<String> = uncommented(SAMPLE).lines().map(str::to_owned).collect();
    let piece = prop_oneof![
        4 => proptest::sample::select(lines),
        1 => "[a-z_]{1,12} = (\"[^\"\n]{0,12}\"|-?[0-9]{1,20}|\\[\\]|\\{\\}|true)",
        1 => "\\PC{0,40}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![nearly(), any::<String>()]) {
        let path = Path::new("freezerd.toml");
        match file::parse(path, &text) {
            Ok(parsed) => {
                let origins = parsed.places.into_iter().collect();
                let _ = super::resolve::resolve(parsed.fragment, &origins, Err(super::CredentialsError::new("none")));
            }
            Err(findings) => {
                prop_assert!(!findings.is_empty());
                for finding in findings {
                    let line = finding.to_string();
                    prop_assert!(!line.contains('\n'), "one finding, one line: {line:?}");
                }
            }
        }
    }

    #[test]
    fn no_variable_makes_the_reader_panic(
        name in "(SOURCE|DISPATCH|WINDOW|AUTH|API)(__[A-Z_]{1,14})?",
        value in prop_oneof![any::<String>(), nearly()],
    ) {
        let environment = [(format!("FREEZERD_{name}"), value)].into();
        let _ = super::environment::read(&environment);
    }
}
