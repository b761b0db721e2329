//! Option by option: what it becomes, and what is said of it.

mod own;
mod unknown;

use std::collections::BTreeSet;
use std::path::Path;

use toml::Value as Toml;

use super::note::{Note, Verdict, named};
use super::options::{Fate, OPTIONS, Opt};
use super::syntax::Assignment;
use super::value::{Value, Values, flag, list};
use super::write::{Sheet, literal};
use super::{Held, Import};
use crate::freezer::Secret;

/// What became of one option, and what is said of it.
type Outcome = (Verdict, String);

/// Translates the assignments of a file.
pub(super) fn translate(assignments: &[Assignment], secrets: Option<&Path>) -> Import {
    let values = Values::new(assignments);
    let mut import = Import {
        notes: Vec::new(),
        secrets: Vec::new(),
        sheet: Sheet::default(),
    };
    let mut known = BTreeSet::new();
    for option in OPTIONS {
        let names: Vec<_> = option.names().collect();
        let Some(index) = values.index(option) else {
            import.missing(option, &values);
            continue;
        };
        let mut deprecated = "";
        for (at, one) in assignments.iter().enumerate() {
            if !names.contains(&(one.group.as_str(), one.name.as_str())) {
                continue;
            }
            known.insert(at);
            if at != index {
                let winner = assignments.get(index).map_or(0, |winner| winner.line);
                let message = format!("not used: line {winner} sets the same, and it counts");
                import.note(
                    Some(one),
                    named(&one.group, &one.name),
                    Verdict::Overridden,
                    message,
                );
            } else if (one.group.as_str(), one.name.as_str()) != (option.group, option.name) {
                deprecated = " (by a deprecated name)";
            }
        }
        let value = values
            .get(option)
            .unwrap_or_else(|| Err("it has no value".to_owned()));
        let (verdict, message) = match value {
            Ok(value) => import.option(option, &value, &values, secrets),
            Err(_) if matches!(option.fate, Fate::NotApplicable(_)) => import.option(
                option,
                &Value {
                    text: String::new(),
                    secret: false,
                },
                &values,
                secrets,
            ),
            Err(why) => (Verdict::Refused, format!("not translated: {why}")),
        };
        if let Some(one) = assignments.get(index) {
            let name = named(&one.group, &one.name);
            import.note(Some(one), name, verdict, format!("{message}{deprecated}"));
        }
    }
    for (at, one) in assignments.iter().enumerate() {
        if !known.contains(&at) {
            let name = named(&one.group, &one.name);
            import.note(Some(one), name, Verdict::Unknown, unknown::message(one));
        }
    }
    import.with_the_api(&values);
    // What is not in the file comes last.
    import.notes.sort_by_key(|note| note.line.unwrap_or(usize::MAX));
    import
}

/// Where a value comes from, for the comment beside it.
fn source(option: &Opt) -> String {
    named(option.group, option.name)
}

fn becomes(setting: &str, value: &Toml) -> Outcome {
    (Verdict::Translated, format!("{setting} = {}", literal(value)))
}

fn refused(why: impl Into<String>) -> Outcome {
    (Verdict::Refused, format!("not translated: {}", why.into()))
}

fn nothing(why: impl Into<String>) -> Outcome {
    (Verdict::NotApplicable, format!("not applicable: {}", why.into()))
}

fn later(why: &str) -> Outcome {
    (Verdict::NotInThisVersion, format!("not in this version: {why}"))
}

impl Import {
    fn note(&mut self, of: Option<&Assignment>, option: String, verdict: Verdict, message: String) {
        self.notes.push(Note {
            line: of.map(|one| one.line),
            option,
            verdict,
            message,
        });
    }

    fn set(&mut self, setting: &'static str, value: impl Into<Toml>, why: impl Into<String>) -> Outcome {
        let value = value.into();
        let outcome = becomes(setting, &value);
        self.sheet.set(setting, value, why);
        outcome
    }

    fn option(
        &mut self,
        option: &Opt,
        value: &Value,
        values: &Values<'_>,
        secrets: Option<&Path>,
    ) -> Outcome {
        if let Fate::NotApplicable(why) = option.fate {
            return nothing(why);
        }
        let text = value.text.as_str();
        if text.trim().is_empty() && option.may_be_empty() {
            return nothing("its value is empty, which is as if it were not there");
        }
        if value.secret && !option.is_secret() {
            return refused("there is a secret in its value");
        }
        match option.fate {
            Fate::NotApplicable(why) => nothing(why),
            Fate::NotYet(why) => {
                self.sheet.later(format!("{}: {why}", source(option)));
                later(why)
            }
            Fate::Text(setting) => self.set(setting, text, source(option)),
            Fate::Path(setting) => {
                let (verdict, message) = self.set(setting, text, source(option));
                (verdict, format!("{message}{}", relative(text)))
            }
            Fate::Url(setting) => self.url(option, setting, text),
            Fate::Flag(setting) => match flag(text) {
                Some(flag) => self.set(setting, flag, source(option)),
                None => refused(NO_FLAG),
            },
            Fate::Capability(setting) => {
                // An empty word allows nothing: no plan asks for it.
                let words = list(text).into_iter().filter(|word| !word.is_empty());
                self.set(
                    setting,
                    words.map(Toml::String).collect::<Vec<_>>(),
                    source(option),
                )
            }
            Fate::Secret { setting, file } => self.secret(option, (setting, file), text, secrets),
            Fate::Own(own) => self.own(option, own, text, values),
        }
    }

    fn url(&mut self, option: &Opt, setting: &'static str, text: &str) -> Outcome {
        let Some((scheme, rest)) = text
            .split_once("://")
            .filter(|(scheme, _)| ["http", "https"].contains(scheme))
        else {
            return refused("it is no URL that begins with http:// or https://");
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        match host.rsplit_once('@') {
            None => self.set(setting, text, source(option)),
            // It may be a secret, and Keystone and the API know no such thing.
            Some((_, host)) => {
                let (verdict, message) =
                    self.set(setting, format!("{scheme}://{host}{path}"), source(option));
                (verdict, format!("{message}, without what stands before the @"))
            }
        }
    }

    fn secret(
        &mut self,
        option: &Opt,
        (setting, file): (&'static str, &'static str),
        text: &str,
        secrets: Option<&Path>,
    ) -> Outcome {
        self.secrets.push(Held {
            file,
            secret: Secret::new(text.to_owned()),
        });
        let Some(folder) = secrets else {
            let key = setting.rsplit('.').next().unwrap_or(setting);
            let variable = file.to_uppercase();
            for line in [
                format!(
                    "{} is a secret, and not copied. Hand it over in one of these ways:",
                    source(option)
                ),
                format!(
                    "  a file that only root can read, named here (`import-config --secrets DIR` makes it):"
                ),
                format!("    {key} = \"/etc/freezerd/secrets/{file}\""),
                format!(
                    "  a systemd credential: /etc/credstore/{file}, or LoadCredential={file}:FILE in the unit"
                ),
                format!("  {variable} in the daemon's environment: /etc/default/freezerd"),
            ] {
                self.sheet.comment("auth", line);
            }
            let message = "a secret, not copied: [auth] in the output says how to hand it over".to_owned();
            return (Verdict::NotCopied, message);
        };
        let path = folder.join(file);
        self.set(setting, path.to_string_lossy().into_owned(), source(option))
    }

    /// What differs with the API, or is needed for it, and is not in the file.
    fn with_the_api(&mut self, values: &Values<'_>) {
        if values.flag("scheduler", "no_api") == Some(true) {
            return;
        }
        let mut capabilities = OPTIONS.iter().filter(|option| option.group == "capabilities");
        if !capabilities.any(|option| values.index(option).is_some()) {
            let message = "not in the file: freezer-scheduler passes over plans that ask for more than its default \
                           lists, freezerd runs all";
            self.note(
                None,
                "[capabilities]".to_owned(),
                Verdict::Default,
                message.to_owned(),
            );
        }
        let groups: [&[&str]; 4] = [
            &["os_auth_url"],
            &["os_username", "os_token"],
            &["os_password", "os_token"],
            &["os_project_name", "os_project_id"],
        ];
        let is_set = |name: &&str| {
            let option = super::options::find("service_auth", name);
            option.is_some_and(|option| values.index(option).is_some())
        };
        let missing: Vec<String> = groups
            .iter()
            .filter(|names| !names.iter().any(is_set))
            .filter_map(|names| names.first())
            .map(|name| name.to_uppercase())
            .collect();
        if missing.is_empty() {
            return;
        }
        let message = format!(
            "not in the file: {}; freezer-scheduler takes them from its environment, and so does freezerd",
            missing.join(", ")
        );
        self.sheet.comment("auth", message.clone());
        self.note(None, "[service_auth]".to_owned(), Verdict::Default, message);
    }
}

const NO_FLAG: &str =
    "it is no truth value (true, false, 1, 0, yes, no, on, off), so freezer-scheduler does not start with it";
const NO_NUMBER: &str = "it is no whole number, so freezer-scheduler does not start with it";

fn relative(path: &str) -> &'static str {
    if path.starts_with('/') {
        ""
    } else {
        "; a relative path counts from the folder of freezerd.toml, not from where the daemon is started"
    }
}
