//! Option by option: what it becomes, and what is said of it.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value as Toml;

use super::import::{Held, Import, NO_FLAG, Outcome, and, later, nothing, refused, relative, source};
use super::note::Verdict;
use super::options::{Fate, OPTIONS, Opt, find};
use super::syntax::{SyntaxError, parse};
use super::unknown;
use super::value::{Value, Values, flag, list};
use crate::freezer::Secret;

impl Import {
    /// Translates `text`, the contents of a `scheduler.conf`. With `secrets`, an absolute path, the new file says
    /// that the secrets lie in files there (see [`Held::file`]); without, it says how to hand them over.
    ///
    /// # Errors
    /// A line that is not in oslo.config's language: freezer-scheduler itself would not start with it.
    pub fn new(text: &str, secrets: Option<&Path>) -> Result<Self, SyntaxError> {
        let assignments = parse(text)?;
        let values = Values::new(&assignments);
        let mut import = Self::default();
        let mut counts = BTreeMap::new();
        for option in OPTIONS {
            match values.index(option) {
                Some(index) => {
                    let outcome = import.option(option, &values, secrets);
                    counts.extend(option.names().map(|name| (name, index)));
                    if let Some(one) = assignments.get(index) {
                        let own = (one.group.as_str(), one.name.as_str()) == (option.group, option.name);
                        let by = if own { "" } else { " (by a deprecated name)" };
                        import.note(one, and(outcome, by));
                    }
                }
                None => import.missing(option, &values),
            }
        }
        for (at, one) in assignments.iter().enumerate() {
            match counts.get(&(one.group.as_str(), one.name.as_str())) {
                Some(index) if *index == at => {}
                Some(index) => {
                    let line = assignments.get(*index).map_or(0, |counts| counts.line);
                    let message = format!("not used: line {line} sets the same, and it counts");
                    import.note(one, (Verdict::Overridden, message));
                }
                None => import.note(one, (Verdict::Unknown, unknown::message(one))),
            }
        }
        import.with_the_api(&values);
        // What is not in the file comes last.
        import.notes.sort_by_key(|note| note.line.unwrap_or(usize::MAX));
        Ok(import)
    }

    fn option(&mut self, option: &Opt, values: &Values<'_>, secrets: Option<&Path>) -> Outcome {
        match (option.fate, values.get(option)) {
            // Whatever its value.
            (Fate::NotApplicable(why), _) => nothing(why),
            (_, Some(Ok(value))) => self.value(option, &value, values, secrets),
            (_, Some(Err(why))) => refused(why),
            (_, None) => nothing("it has no value"),
        }
    }

    fn value(&mut self, option: &Opt, value: &Value, values: &Values<'_>, secrets: Option<&Path>) -> Outcome {
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
            Fate::Path(setting) => and(self.set(setting, text, source(option)), relative(text)),
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
        match rest.rsplit_once('@') {
            None => self.set(setting, text, source(option)),
            // It may be a secret, with slashes in it; and neither Keystone nor the API knows an @.
            Some((_, host)) => {
                let outcome = self.set(setting, format!("{scheme}://{host}"), source(option));
                and(outcome, ", without what stands before the @")
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
            let lines = [
                format!(
                    "{} is a secret, and not copied. Hand it over in one of these ways:",
                    source(option)
                ),
                "  a file that only root can read; `import-config --secrets DIR` makes it:".to_owned(),
                format!("    {key} = \"/etc/freezerd/secrets/{file}\""),
                format!(
                    "  a systemd credential: /etc/credstore/{file}, or LoadCredential={file}:FILE in the unit"
                ),
                format!("  {variable} in the daemon's environment: /etc/default/freezerd"),
            ];
            for line in lines {
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
        let is_set = |option: &Opt| values.index(option).is_some();
        let mut capabilities = OPTIONS.iter().filter(|option| option.group == "capabilities");
        if !capabilities.any(is_set) {
            let what = "freezer-scheduler passes over plans that ask for more than its default lists, freezerd runs all";
            self.absent("[capabilities]".to_owned(), what);
        }
        let needed: [&[&str]; 4] = [
            &["os_auth_url"],
            &["os_username", "os_token"],
            &["os_password", "os_token"],
            &["os_project_name", "os_project_id"],
        ];
        let missing: Vec<String> = needed
            .into_iter()
            .filter(|names| {
                !names
                    .iter()
                    .any(|name| find("service_auth", name).is_some_and(is_set))
            })
            .filter_map(|names| names.first())
            .map(|name| name.to_uppercase())
            .collect();
        if !missing.is_empty() {
            let what = format!(
                "{}; freezer-scheduler takes them from its environment, and so does freezerd",
                missing.join(", ")
            );
            self.sheet.comment("auth", format!("not in the file: {what}"));
            self.absent("[service_auth]".to_owned(), &what);
        }
    }
}
