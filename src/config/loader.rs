//! From the places a configuration may be in to [`Settings`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::auth::complete;
use super::environment;
use super::error::{ConfigError, Origin};
use super::fragment::Part;
use super::gathered::{Gathered, drop_ins};
use super::resolve::resolve;
use super::settings::Settings;

/// Where the configuration is looked for when nobody says.
pub const DEFAULT_FILE: &str = "/etc/freezerd/freezerd.toml";

/// Loads settings; again and again, for a reload.
#[derive(Debug, Clone)]
pub struct Loader {
    environment: BTreeMap<String, String>,
    pub(super) root: PathBuf,
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
    /// The variable `TZ`, which names the node's own zone.
    pub tz: Option<String>,
    pub(super) origins: BTreeMap<String, Origin>,
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
        // `FREEZERD_CONFIG=` is how a shell says that it is not set.
        let file = file.filter(|path| !path.as_os_str().is_empty());
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
        let credentials = parts.and_then(|parts| complete(&parts));
        gathered.fragment.merge(variables.fragment);
        gathered.origins.extend(variables.places);
        self.systemd_directories(&mut gathered);

        let settings = resolve(gathered.fragment, &gathered.origins, credentials)
            .map_err(|findings| ConfigError { findings })?;
        Ok(Loaded {
            settings,
            files: gathered.files,
            warnings,
            tz: self.variable("TZ").map(str::to_owned),
            origins: gathered.origins,
        })
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
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
}
