//! What the files say, laid over each other, and where each setting stands.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::environment::Places;
use super::error::{Finding, Origin};
use super::file::{self, LIMIT, beside, whole};
use super::fragment::{ApiFragment, Fragment, Part};

/// What the files and `FREEZERD_*` say, before credentials.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub files: Vec<PathBuf>,
    pub fragment: Fragment,
    pub origins: BTreeMap<String, Origin>,
    pub findings: Vec<Finding>,
}

impl Gathered {
    /// Lays `[api]` of a cloud's entry under what the files say.
    pub(super) fn under(&mut self, mut api: ApiFragment, places: &Places) {
        for (name, origin) in places {
            self.origins.entry(name.clone()).or_insert_with(|| origin.clone());
        }
        api.merge(std::mem::take(&mut self.fragment.api));
        self.fragment.api = api;
    }

    /// Adds a file. One that need not be there and is not, is passed over.
    pub(super) fn add(&mut self, path: &Path, required: bool) {
        let text = match file::read(path, LIMIT) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !required => return,
            Err(error) => {
                let message = format!("cannot be read: {error}");
                self.findings.push(Finding {
                    at: whole(path),
                    message,
                });
                return;
            }
        };
        self.files.push(path.to_owned());
        let mut parsed = match file::parse(path, &text) {
            Ok(parsed) => parsed,
            Err(mut findings) => return self.findings.append(&mut findings),
        };
        self.secrets_are_safe(path, &parsed);
        anchor(&mut parsed.fragment, path);
        let (windows, zones) = (self.fragment.window.len(), self.fragment.zone.len());
        for (name, origin) in parsed.places {
            let name = renumber(&name, "window", windows)
                .or_else(|| renumber(&name, "zone", zones))
                .unwrap_or(name);
            self.origins.insert(name, origin);
        }
        self.fragment.merge(parsed.fragment);
    }

    /// A secret may stand in the file only if no stranger can read it there.
    fn secrets_are_safe(&mut self, path: &Path, parsed: &file::Parsed) {
        let auth = &parsed.fragment.auth;
        let secrets = [
            ("password", &auth.password),
            (
                "application_credential_secret",
                &auth.application_credential_secret,
            ),
            ("token", &auth.token),
        ];
        if !others_can_read(path) {
            return;
        }
        for (name, _) in secrets.into_iter().filter(|(_, secret)| secret.is_some()) {
            let full = format!("auth.{name}");
            let at = parsed
                .places
                .iter()
                .find(|(place, _)| *place == full)
                .map_or_else(|| whole(path), |(_, at)| at.clone());
            let message = format!(
                "`{full}` is a secret, and every user of this machine can read this file: use `{name}_file`, or \
                 chmod o-r the file"
            );
            self.findings.push(Finding { at, message });
        }
    }
}

/// `conf.d/*.toml` beside `file`, in order of their names.
pub(super) fn drop_ins(file: &Path, findings: &mut Vec<Finding>) -> Vec<PathBuf> {
    let folder = beside(file, "conf.d");
    let entries = match std::fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        Err(error) => {
            findings.push(Finding {
                at: whole(&folder),
                message: format!("cannot be read: {error}"),
            });
            return Vec::new();
        }
    };
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".toml") && !name.starts_with('.') && !path.is_dir()
    };
    let mut paths: Vec<_> = entries
        .iter()
        .map(std::fs::DirEntry::path)
        .filter(is_one)
        .collect();
    paths.sort();
    paths
}

/// Paths in a file count from its folder. A bare name of an agent is left for `PATH`.
fn anchor(fragment: &mut Fragment, file: &Path) {
    let Fragment {
        state_dir,
        runtime_dir,
        source,
        api,
        auth,
        dispatch,
        ..
    } = fragment;
    let paths = [
        state_dir,
        runtime_dir,
        &mut source.path,
        &mut source.copy,
        &mut api.ca_file,
        &mut auth.password_file,
        &mut auth.application_credential_secret_file,
        &mut auth.token_file,
    ];
    let agent =
        Some(&mut dispatch.agent).filter(|agent| agent.as_ref().is_some_and(|path| path.contains('/')));
    for path in paths.into_iter().chain(agent).flatten() {
        if !path.is_empty() {
            *path = beside(file, path).to_string_lossy().into_owned();
        }
    }
}

/// `window[0].allow` of a later file is not the first window any more.
fn renumber(name: &str, list: &str, before: usize) -> Option<String> {
    let rest = name.strip_prefix(list)?.strip_prefix('[')?;
    let (index, rest) = rest.split_once(']')?;
    let index = index.parse::<usize>().ok()?;
    Some(format!("{list}[{}]{rest}", index.saturating_add(before)))
}

pub(super) fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}
