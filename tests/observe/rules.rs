//! The alert rules: promtool understands them, and they fire when they should and only then.

use super::tool;

#[test]
fn promtool_accepts_the_rules() {
    tool(
        "promtool",
        &[
            "check",
            "rules",
            "--lint=all",
            "--lint-fatal",
            "config/prometheus-rules.yml",
        ],
        "",
    );
}

#[test]
fn each_alert_fires_at_its_moment() {
    let files = [
        "tests/observe/rules/alerts.test.yml",
        "tests/observe/rules/cadence.test.yml",
    ];
    tool("promtool", &["test", "rules", files[0], files[1]], "");
}

#[test]
fn rules_name_only_metrics_that_exist() {
    let rules = std::fs::read_to_string("config/prometheus-rules.yml").unwrap();
    let metrics = super::metrics::sample();
    let mut named = 0;
    for word in rules.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        if word.starts_with("freezerd_") {
            named += 1;
            let is_there = metrics.lines().any(|line| {
                line.strip_prefix(word)
                    .is_some_and(|rest| rest.starts_with([' ', '{']))
            });
            assert!(is_there, "no metric is called {word}");
        }
    }
    assert!(named > 9, "the rules were read");
}
