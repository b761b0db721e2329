//! The parts of the credentials, from all the places they may be held in.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::freezer::Secret;

use super::auth::CredentialsError;
use super::clouds::Search;
use super::environment::{self, Places};
use super::error::Origin;
use super::file::{self, whole};
use super::fragment::{AuthFragment, Part, SecretText};
use super::gathered::{Gathered, others_can_read};
use super::loader::Loader;

/// The longest secret that is read from a file, in bytes.
const SECRET_LIMIT: u64 = 64 * 1024;

impl Loader {
    /// Collects the parts of the credentials, weakest first: clouds.yaml, the files, systemd credentials,
    /// `OS_*`, `FREEZERD_AUTH__*`. What OpenStack's places say about the API goes into `gathered`.
    pub(super) fn credentials(
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
        let (api, of_api) = environment::api_from(os);
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
        gathered.fragment.api.merge(api);
        gathered.origins.extend(of_api);
        // Only now may a part that failed end it: what was found is shown by `check` all the same.
        found?;
        parts.merge(from_files);
        let (held, of_held) = self.systemd_credentials()?;
        parts.merge(held);
        parts.merge(strong);
        gathered.origins.extend(of_held.into_iter().chain(of_strong));
        let mut secret_from = |slot: &mut Option<SecretText>, path: Option<String>| {
            warnings.extend(path.as_deref().and_then(|path| exposed(Path::new(path))));
            secret_from(slot, path)
        };
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
