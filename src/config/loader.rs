//! From the places a configuration may be in to [`Settings`].

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::auth::{CredentialsError, complete};
use super::clouds::Search;
use super::environment::{self, Places};
use super::error::{ConfigError, Finding, Origin};
use super::file::{self, LIMIT, beside, whole};
use super::fragment::{ApiFragment, AuthFragment, Fragment, Part, SecretText};
use super::resolve::resolve;
use super::secret::Secret;
use super::settings::Settings;

/// Where the configuration is looked for when nobody says.
pub const DEFAULT_FILE: &str = "/etc/freezerd/freezerd.toml";

/// The longest secret that is read from a file, in bytes.
const SECRET_LIMIT: u64 = 64 * 1024;

/// Loads settings; again and again, for a reload.
#[derive(Debug, Clone)]
pub struct Loader {
    environment: BTreeMap<String, String>,
    root: PathBuf,
}

/// Settings, and how they came to be.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    /// What is allowed but unwise.
    pub warnings: Vec<String>,
    pub(super) origins: BTreeMap<String, Origin>,
}

/// What the files and `FREEZERD_*` say, before credentials.
#[derive(Debug, Default)]
struct Gathered {
    files: Vec<PathBuf>,
    fragment: Fragment,
    origins: BTreeMap<String, Origin>,
    findings: Vec<Finding>,
}

impl Loader {
    /// With these environment variables: `FREEZERD_*`, `OS_*`, `HOME`, and systemd's.
    #[must_use]
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        Self {
            environment,
            root: PathBuf::from("/"),
        }
    }

    /// For tests: the places that are looked into unasked lie below `root`.
    #[must_use]
    pub fn rooted(mut self, root: &Path) -> Self {
        self.root = root.to_owned();
        self
    }

    /// Loads `file` (which must be there), or else the default file (which may be missing), its drop-ins, and
    /// the environment.
    ///
    /// # Errors
    /// Everything that is wrong, as far as it can be told at once.
    pub fn load(&self, file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let mut gathered = Gathered::default();
        let path = file.map_or_else(|| self.at(DEFAULT_FILE), Path::to_owned);
        // What a file names relatively counts from its folder, and stays so wherever a child is started.
        let path = std::path::absolute(&path).unwrap_or(path);
        gathered.add(&path, file.is_some());
        for drop_in in drop_ins(&path, &mut gathered.findings) {
            gathered.add(&drop_in, true);
        }
        let mut variables = environment::read(&self.environment);
        gathered.findings.append(&mut variables.findings);
        if !gathered.findings.is_empty() {
            return Err(ConfigError {
                findings: gathered.findings,
            });
        }

        let mut warnings = Vec::new();
        let parts = self.credentials(&mut gathered, &variables.fragment.auth, &mut warnings);
        let credentials = parts.and_then(complete);
        gathered.fragment.merge(variables.fragment);
        gathered.origins.extend(variables.places);
        self.systemd_directories(&mut gathered);

        let settings = resolve(gathered.fragment, &gathered.origins, credentials)
            .map_err(|findings| ConfigError { findings })?;
        Ok(Loaded {
            settings,
            files: gathered.files,
            warnings,
            origins: gathered.origins,
        })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// STATE_DIRECTORY and RUNTIME_DIRECTORY, where nothing more deliberate was said.
    fn systemd_directories(&self, gathered: &mut Gathered) {
        let set = |variable: &str,
                   name: &str,
                   slot: &mut Option<String>,
                   origins: &mut BTreeMap<String, Origin>| {
            let first = self.variable(variable).and_then(|text| text.split(':').next());
            if let (None, Some(path)) = (slot.as_ref(), first.filter(|path| !path.is_empty())) {
                *slot = Some(path.to_owned());
                origins.insert(name.to_owned(), Origin::Variable(variable.to_owned()));
            }
        };
        let Gathered {
            fragment, origins, ..
        } = gathered;
        set("STATE_DIRECTORY", "state_dir", &mut fragment.state_dir, origins);
        set(
            "RUNTIME_DIRECTORY",
            "runtime_dir",
            &mut fragment.runtime_dir,
            origins,
        );
    }

    /// Collects the parts of the credentials, weakest first: clouds.yaml, the files, systemd credentials,
    /// `OS_*`, `FREEZERD_AUTH__*`. What OpenStack's places say about the API goes into `gathered`.
    fn credentials(
        &self,
        gathered: &mut Gathered,
        ours: &AuthFragment,
        warnings: &mut Vec<String>,
    ) -> Result<AuthFragment, CredentialsError> {
        let os = |name: &str| {
            let variable = format!("OS_{}", name.to_uppercase());
            self.variable(&variable)
                .map(|text| (text.to_owned(), Origin::Variable(variable.clone())))
        };
        let (mut strong, of_strong) = environment::auth_from(os);
        let api = environment::api_from(os)
            .map_err(|(at, message)| CredentialsError::new(format!("{at}: {message}")));
        strong.merge(ours.clone());

        let mut parts = AuthFragment::default();
        let from_files = std::mem::take(&mut gathered.fragment.auth);
        let cloud = strong.cloud.clone().or_else(|| from_files.cloud.clone());
        let found = self
            .search(cloud)
            .map(|search| search.run().map_err(CredentialsError::new))
            .transpose();
        if let Ok(Some(found)) = &found {
            parts = found.auth.clone();
            gathered.under(found.api.clone(), &found.places);
            warnings.extend(found.files.iter().filter_map(|path| exposed(path)));
            gathered.files.extend(found.files.iter().cloned());
        }
        if let Ok((fragment, places)) = &api {
            gathered.fragment.api.merge(fragment.clone());
            gathered.origins.extend(places.iter().cloned());
        }
        // Only now may a part that failed end it: what was found is shown by `check` all the same.
        found?;
        api?;
        parts.merge(from_files);
        let (held, of_held) = self.systemd_credentials()?;
        parts.merge(held);
        parts.merge(strong);
        gathered.origins.extend(of_held.into_iter().chain(of_strong));
        secret_from(&mut parts.password, parts.password_file.take())?;
        secret_from(
            &mut parts.application_credential_secret,
            parts.application_credential_secret_file.take(),
        )?;
        secret_from(&mut parts.token, parts.token_file.take())?;
        Ok(parts)
    }

    fn search(&self, cloud: Option<String>) -> Option<Search> {
        let credentials = self.variable("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        if cloud.is_none()
            && !credentials
                .as_ref()
                .is_some_and(|folder| folder.join("clouds.yaml").is_file())
        {
            return None;
        }
        let home = self
            .variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| self.variable("HOME").map(|home| Path::new(home).join(".config")));
        // The working directory comes before the user's own: so OpenStack's clients have it.
        let working = if self.root == Path::new("/") {
            PathBuf::new()
        } else {
            self.root.clone()
        };
        let folders = [
            credentials,
            Some(working),
            home.map(|home| home.join("openstack")),
            Some(self.at("/etc/openstack")),
        ];
        let named = |variable: &str, name: &str| {
            let explicit = self.variable(variable).map(PathBuf::from);
            let found = folders
                .iter()
                .flatten()
                .flat_map(|folder| ["yaml", "yml"].map(|ending| folder.join(format!("{name}.{ending}"))));
            explicit.into_iter().chain(found).collect()
        };
        Some(Search {
            cloud,
            clouds: named("OS_CLIENT_CONFIG_FILE", "clouds"),
            secure: named("OS_CLIENT_SECURE_FILE", "secure"),
        })
    }

    /// What lies in `$CREDENTIALS_DIRECTORY` as `os_password`, `os_token`, `os_username` ...
    fn systemd_credentials(&self) -> Result<(AuthFragment, Places), CredentialsError> {
        let Some(folder) = self.variable("CREDENTIALS_DIRECTORY") else {
            return Ok(Default::default());
        };
        let mut trouble = None;
        let parts = environment::auth_from(|name| {
            let path = Path::new(folder).join(format!("os_{name}"));
            match read_secret(&path) {
                Ok(text) => Some((text, whole(&path))),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => {
                    trouble = Some(CredentialsError::new(format!("{}: {error}", path.display())));
                    None
                }
            }
        });
        trouble.map_or(Ok(parts), Err)
    }
}

impl Gathered {
    /// Lays `[api]` of a cloud's entry under what the files say.
    fn under(&mut self, mut api: ApiFragment, places: &Places) {
        for (name, origin) in places {
            self.origins.entry(name.clone()).or_insert_with(|| origin.clone());
        }
        api.merge(std::mem::take(&mut self.fragment.api));
        self.fragment.api = api;
    }

    /// Adds a file. One that need not be there and is not, is passed over.
    fn add(&mut self, path: &Path, required: bool) {
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
fn drop_ins(file: &Path, findings: &mut Vec<Finding>) -> Vec<PathBuf> {
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

fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

fn exposed(path: &Path) -> Option<String> {
    others_can_read(path).then(|| {
        format!(
            "{}: every user of this machine can read it (chmod o-r)",
            path.display()
        )
    })
}

fn read_secret(path: &Path) -> std::io::Result<String> {
    let text = file::read(path, SECRET_LIMIT)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Fills a secret nobody gave from the file it is said to be in.
fn secret_from(slot: &mut Option<SecretText>, path: Option<String>) -> Result<(), CredentialsError> {
    if let (None, Some(path)) = (slot.as_ref(), path) {
        let text = read_secret(Path::new(&path))
            .map_err(|error| CredentialsError::new(format!("{path}: {error}")))?;
        *slot = Some(SecretText(Secret::new(text)));
    }
    Ok(())
}
