//! `clouds.yaml` and `secure.yaml`: what OpenStack's own clients are configured with.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::environment::{Places, api_from, auth_from, is_part};
use super::file::{self, LIMIT, whole};
use super::fragment::{ApiFragment, AuthFragment};

/// A file of either name. Keys we have no use for are other clients' business.
#[derive(Debug, Default, serde::Deserialize)]
struct File {
    #[serde(default)]
    clouds: BTreeMap<String, Option<Cloud>>,
}

#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(default)]
struct Cloud {
    auth: Parts,
    auth_type: Option<String>,
    region_name: Option<String>,
    interface: Option<String>,
    endpoint_type: Option<String>,
    cacert: Option<String>,
    verify: Option<bool>,
    insecure: Option<bool>,
    backup_endpoint_override: Option<String>,
}

/// Of the user and of the project, where neither has its own: how OpenStack's clients read them.
const DOMAIN: [&str; 2] = ["domain_id", "domain_name"];

/// `auth:`. What is no part of an authentication that we know may be anything.
#[derive(Debug, Default, Clone)]
struct Parts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Known;
        impl<'de> Visitor<'de> for Known {
            type Value = Parts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the parts of an authentication")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
                let mut parts = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if is_part(&name) || DOMAIN.contains(&name.as_str()) {
                        parts.extend(map.next_value::<Option<String>>()?.map(|text| (name, text)));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Parts(parts))
            }
        }
        deserializer.deserialize_map(Known)
    }
}

/// Where to look, and for which cloud.
#[derive(Debug)]
pub(super) struct Search {
    /// The name; `None`: the only one there is.
    pub cloud: Option<String>,
    /// `clouds.yaml`, best first.
    pub clouds: Vec<PathBuf>,
    /// `secure.yaml`, best first.
    pub secure: Vec<PathBuf>,
}

/// What a cloud's entry says.
#[derive(Debug)]
pub(super) struct Found {
    pub auth: AuthFragment,
    pub api: ApiFragment,
    pub places: Places,
    pub files: Vec<PathBuf>,
}

impl Search {
    /// Finds the cloud.
    ///
    /// # Errors
    /// No such file, a file that cannot be read or understood, no such cloud in it.
    pub(super) fn run(&self) -> Result<Found, String> {
        let Some((path, file)) = first(&self.clouds)? else {
            let places: Vec<_> = self
                .clouds
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            return Err(format!(
                "cloud {:?}: there is no clouds.yaml; looked for {}",
                self.cloud.as_deref().unwrap_or_default(),
                places.join(", ")
            ));
        };
        let (name, mut cloud) = file.pick(self.cloud.as_deref(), &path)?;
        let at = whole(&path);
        let mut files = vec![path];
        if let Some((path, mut secure)) = first(&self.secure)? {
            if let Some(secret) = secure.clouds.remove(&name).flatten() {
                cloud.merge(secret);
            }
            files.push(path);
        }
        let here = |text: String| (text, at.clone());
        let (api, mut places) = api_from(|key| cloud.api(key).map(here));
        let (auth, of_auth) = auth_from(|key| match key {
            "auth_type" => cloud.auth_type.clone().map(here),
            "cloud" => None,
            _ => cloud.auth(key).cloned().map(here),
        });
        places.extend(of_auth);
        Ok(Found {
            auth,
            api,
            places,
            files,
        })
    }
}

impl File {
    fn pick(mut self, wanted: Option<&str>, path: &Path) -> Result<(String, Cloud), String> {
        let known: Vec<String> = self.clouds.keys().cloned().collect();
        let name = match (wanted, known.as_slice()) {
            (Some(name), _) => name.to_owned(),
            (None, [only]) => only.clone(),
            (None, _) => {
                return Err(format!(
                    "{}: names {} clouds; say which by OS_CLOUD or `cloud` in [auth]",
                    path.display(),
                    known.len()
                ));
            }
        };
        match self.clouds.remove(&name) {
            Some(cloud) => Ok((name, cloud.unwrap_or_default())),
            None => Err(format!(
                "{}: has no cloud {name:?}, only: {}",
                path.display(),
                known.join(", ")
            )),
        }
    }
}

impl Cloud {
    /// Lays `secret`, the same cloud in secure.yaml, over this one.
    fn merge(&mut self, secret: Self) {
        self.auth.0.extend(secret.auth.0);
        let take = |mine: &mut Option<String>, theirs: Option<String>| {
            if theirs.is_some() {
                *mine = theirs;
            }
        };
        take(&mut self.auth_type, secret.auth_type);
        take(&mut self.region_name, secret.region_name);
        take(&mut self.interface, secret.interface);
        take(&mut self.endpoint_type, secret.endpoint_type);
        take(&mut self.cacert, secret.cacert);
        take(
            &mut self.backup_endpoint_override,
            secret.backup_endpoint_override,
        );
        self.verify = secret.verify.or(self.verify);
        self.insecure = secret.insecure.or(self.insecure);
    }

    /// A part of the authentication.
    fn auth(&self, key: &str) -> Option<&String> {
        let Self {
            auth: Parts(parts), ..
        } = self;
        let of_both = || {
            let (whose, part) = key.split_once('_')?;
            let own = DOMAIN
                .iter()
                .any(|part| parts.contains_key(&format!("{whose}_{part}")));
            let theirs = ["user", "project"].contains(&whose) && DOMAIN.contains(&part) && !own;
            parts.get(part).filter(|_| theirs)
        };
        parts.get(key).or_else(of_both)
    }

    fn api(&self, key: &str) -> Option<String> {
        match key {
            "backup_url" => self.backup_endpoint_override.clone(),
            "region_name" => self.region_name.clone(),
            "endpoint_type" => self.endpoint_type.clone(),
            "interface" => self.interface.clone(),
            "cacert" => self.cacert.clone(),
            // openstacksdk: whoever says `insecure` is not asked for `verify`.
            "insecure" => match self.insecure {
                Some(true) => Some(true.to_string()),
                _ => self.verify.map(|verify| (!verify).to_string()),
            },
            _ => None,
        }
    }
}

/// The first of these files that there is.
fn first(paths: &[PathBuf]) -> Result<Option<(PathBuf, File)>, String> {
    for path in paths {
        let text = match file::read(path, LIMIT) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{}: cannot be read: {error}", path.display())),
        };
        // The parser's message may quote what it read, which may be a secret: only the place is repeated.
        let file = serde_saphyr::from_str(&text).map_err(|error| {
            let place = error
                .location()
                .map_or_else(String::new, |at| format!(":{}:{}", at.line(), at.column()));
            format!(
                "{}{place}: this is not what a clouds.yaml looks like (YAML: `clouds:`, a name, `auth:`)",
                path.display()
            )
        })?;
        return Ok(Some((path.clone(), file)));
    }
    Ok(None)
}
