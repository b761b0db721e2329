//! The configuration as a user meets it: files, drop-ins, variables, credentials; and what mistakes look like.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

mod credentials;
mod mistakes;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freezerd::config::{ConfigError, DEFAULT_FILE, Loaded, Loader};

/// A machine of its own: a root folder and an environment.
struct Machine {
    root: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Machine {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
        }
    }

    /// With this text for the default file, which only its owner can read.
    fn with(text: &str) -> Self {
        Self::new().file(DEFAULT_FILE, text)
    }

    fn file(self, path: &str, text: &str) -> Self {
        self.file_of_mode(path, text, 0o600)
    }

    fn file_of_mode(self, path: &str, text: &str, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        Loader::new(self.environment.clone())
            .rooted(self.root.path())
            .load(None)
    }

    fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    fn load_file(&self, path: &Path) -> Result<Loaded, ConfigError> {
        Loader::new(self.environment.clone())
            .rooted(self.root.path())
            .load(Some(path))
    }

    /// The error, with this machine's root left out.
    fn mistake(&self) -> String {
        let error = self.load().expect_err("this configuration is wrong");
        error
            .to_string()
            .replace(&self.root.path().display().to_string(), "")
    }
}
