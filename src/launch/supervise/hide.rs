//! What an agent printed, without the secrets that it was given: the end of it becomes a line of the ledger, of the log,
//! of `history`.

use std::env::vars_os;

use serde_json::Value;

use crate::launch::recipe::Recipe;

/// Names of options and variables with one of these in them have secrets for values ...
const SECRET: [&str; 5] = ["pass", "secret", "token", "key", "credential"];
/// ... unless they end so: those are where to find them.
const PLACES: [&str; 3] = ["_file", "_path", "_id"];
/// Shorter ones hide nothing, and would be found everywhere.
const SHORTEST: usize = 4;
/// So much is looked through, each secret for itself: about a second's work. A plan's own options may hold a million of them,
/// and while these are looked for nobody hears of an abort.
const MOST_WORK: usize = 256 << 20;
/// In their place.
const HIDDEN: &str = "(secret)";

/// This text without the secrets of the recipe, and those of what the agent inherited. Of a long text with many secrets to look
/// for only the end is left.
pub(super) fn hide(text: String, recipe: &Recipe) -> String {
    if text.is_empty() {
        return text;
    }
    let mut secrets = Vec::new();
    for step in &recipe.steps {
        of_ini(&step.ini, &mut secrets);
    }
    for (name, value) in &recipe.environment {
        of_option(name, value, &mut secrets);
    }
    for (name, value) in vars_os() {
        of_option(&name.to_string_lossy(), &value.to_string_lossy(), &mut secrets);
    }
    // One may hold another.
    secrets.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    secrets.dedup();
    let text = end_of(text, MOST_WORK / secrets.len().max(1));
    secrets
        .iter()
        .filter(|secret| text.contains(secret.as_str()))
        .fold(text.clone(), |text, secret| text.replace(secret, HIDDEN))
}

/// The last whole lines that are no longer: half a line could begin with half a secret, which nobody would know.
fn end_of(mut text: String, most: usize) -> String {
    if text.len() > most {
        let from = text.len() - most;
        let line = text.as_bytes().iter().skip(from).position(|byte| *byte == b'\n');
        text.drain(..line.map_or(text.len(), |end| from + end + 1));
    }
    text
}

/// Those of an agent's INI. A value may go on in indented lines; each of them is one.
fn of_ini(ini: &str, secrets: &mut Vec<String>) {
    let mut name = "";
    for line in ini.lines() {
        let value = match line.split_once('=') {
            _ if line.starts_with([' ', '\t']) => line,
            Some((option, value)) => {
                name = option.trim();
                value
            }
            None => continue,
        };
        of_option(name, value.trim(), secrets);
    }
}

fn of_option(name: &str, value: &str, secrets: &mut Vec<String>) {
    let name = name.to_ascii_lowercase();
    let is_secret = SECRET.iter().any(|word| name.contains(word));
    if is_secret && !PLACES.iter().any(|word| name.ends_with(word)) {
        add(value, secrets);
        // As the agent reads it.
        add(&value.replace("%%", "%"), secrets);
    }
    add(password_in(value), secrets);
}

fn add(secret: &str, secrets: &mut Vec<String>) {
    for secret in secret.lines().map(str::trim) {
        if secret.chars().count() >= SHORTEST {
            // As it is, and as it stands inside JSON.
            let escaped = Value::from(secret).to_string();
            secrets.extend([secret.to_owned(), escaped.trim_matches('"').to_owned()]);
        }
    }
}

/// Of a URL as `http://user:password@proxy`; else empty.
fn password_in(url: &str) -> &str {
    let authority = url.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let authority = authority.split('/').next().unwrap_or_default();
    let user = authority
        .rsplit_once('@')
        .map(|(user, _)| user)
        .unwrap_or_default();
    user.split_once(':')
        .map(|(_, password)| password)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{HIDDEN, MOST_WORK, SHORTEST, end_of, hide, of_ini, of_option, password_in};
    use crate::launch::recipe::{Limits, Recipe, Step};
    use crate::plan::JobId;
    use crate::planner::RunId;

    fn secrets(ini: &str) -> Vec<String> {
        let mut found = Vec::new();
        of_ini(ini, &mut found);
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn secrets_are_told_by_their_names() {
        let ini = "[action]\naction = backup\nssh_password = hunter2\nsecret_key=abcd\naccess_key = %%x=y\n\
                   mode = password\nencrypt_pass_file = /etc/key\nos_trust_id = trust\n";
        assert_eq!(secrets(ini), ["%%x=y", "%x=y", "abcd", "hunter2"]);
        let several = "[action]\nssh_key = -----BEGIN\n\tline two\n\tx\nhostname = name\n\tgoes on\n";
        assert_eq!(secrets(several), ["-----BEGIN", "line two"]);
        assert_eq!(secrets("os_password = a\"bcd\n"), ["a\"bcd", "a\\\"bcd"]);
    }

    #[test]
    fn what_is_short_is_none_and_a_url_may_have_one() {
        let mut found = Vec::new();
        of_option("OS_PASSWORD", &"x".repeat(SHORTEST - 1), &mut found);
        of_option("OS_PROJECT_NAME", "service", &mut found);
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(password_in("http://me:p@ss:word@proxy:80/a:b@c"), "p@ss:word");
        for none in ["http://proxy:80", "http://me@proxy", "a:b@c", ""] {
            assert_eq!(password_in(none), "", "{none}");
        }
    }

    #[test]
    fn a_plan_with_very_many_secrets_keeps_nobody_busy() {
        let lines: String = (0..100_000).map(|line| format!("\t{line:05}\n")).collect();
        let step = Step {
            label: "backup fs".to_owned(),
            ini: format!("[action]\nssh_key = hunter2\n{lines}"),
            max_retries: 0,
            retry_after: 0,
            mandatory: false,
        };
        let recipe = Recipe {
            run: RunId::from_stored("a-20260101T000000Z".to_owned()),
            job: JobId::new("a"),
            agent: "/nowhere".into(),
            steps: vec![step],
            environment: [].into(),
            without: Vec::new(),
            kill_grace: 1,
            keep_output: 1,
            limits: Limits::default(),
            journal: false,
            open_files: None,
            further: false,
        };
        let last = "cannot log in with hunter2\n";
        let shown = hide("first\n".repeat(1 << 19) + last, &recipe);
        assert!(
            shown.ends_with(&format!("cannot log in with {HIDDEN}\n")),
            "{shown}"
        );
        assert!(shown.len() <= 2 * MOST_WORK / 100_000, "{}", shown.len());
        // As nearly always.
        let few = Recipe {
            steps: Vec::new(),
            ..recipe
        };
        let long = "first\n".repeat(1 << 17);
        assert_eq!(hide(long.clone(), &few), long);
    }

    #[test]
    fn only_whole_lines_are_left() {
        let end = |most| end_of("one\ntwö\n".to_owned(), most);
        assert_eq!(end(9), "one\ntwö\n");
        assert_eq!(end(8), "twö\n");
        assert_eq!(end(6), "twö\n");
        assert_eq!((end(4).as_str(), end(3).as_str(), end(0).as_str()), ("", "", ""));
    }
}
