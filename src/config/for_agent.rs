//! What freezer-agent is told by its environment: the same credentials, as `OS_*`.

use std::collections::BTreeMap;

use crate::freezer::{Access, Auth, Credential, Domain, Named, Scope};

use super::settings::Settings;

impl Settings {
    /// The `OS_*` variables that let an agent reach the API as we do; none when we have no access ourselves.
    /// They hold secrets: for a child's environment or a file of mode 0600, nothing else.
    #[must_use]
    pub fn agent_environment(&self) -> BTreeMap<String, String> {
        let Ok(access) = &self.access else {
            return BTreeMap::new();
        };
        let named = variables(access).into_iter();
        named.map(|(name, value)| (format!("OS_{name}"), value)).collect()
    }
}

fn variables(access: &Access) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("AUTH_URL", access.auth_url.clone()),
        ("IDENTITY_API_VERSION", "3".to_owned()),
        ("INTERFACE", access.interface.as_str().to_owned()),
        ("ENDPOINT_TYPE", format!("{}URL", access.interface.as_str())),
    ];
    all.extend(access.region.iter().map(|region| ("REGION_NAME", region.clone())));
    all.extend(access.backup_url.iter().map(|url| ("BACKUP_URL", url.clone())));
    all.extend(
        access
            .ca_file
            .iter()
            .map(|path| ("CACERT", path.to_string_lossy().into_owned())),
    );
    if access.insecure {
        all.push(("INSECURE", "True".to_owned()));
    }
    match &access.auth {
        Auth::Password {
            user,
            password,
            scope,
        } => {
            all.push(("AUTH_TYPE", "password".to_owned()));
            all.push(("PASSWORD", password.expose().to_owned()));
            all.extend(named(user, &USER));
            all.extend(scoped(scope));
        }
        Auth::ApplicationCredential { credential, secret } => {
            all.push(("AUTH_TYPE", "v3applicationcredential".to_owned()));
            all.push(("APPLICATION_CREDENTIAL_SECRET", secret.expose().to_owned()));
            match credential {
                Credential::Id(id) => all.push(("APPLICATION_CREDENTIAL_ID", id.clone())),
                Credential::Name { name, user } => {
                    all.push(("APPLICATION_CREDENTIAL_NAME", name.clone()));
                    all.extend(named(user, &USER));
                }
            }
        }
        Auth::Token { token, scope } => {
            all.push(("AUTH_TYPE", "token".to_owned()));
            all.push(("TOKEN", token.expose().to_owned()));
            all.extend(scoped(scope));
        }
    }
    all
}

/// The variables of something that has an id or a name: id, name, its domain's id, its domain's name.
type Names = [&'static str; 4];
const USER: Names = ["USER_ID", "USERNAME", "USER_DOMAIN_ID", "USER_DOMAIN_NAME"];
const PROJECT: Names = [
    "PROJECT_ID",
    "PROJECT_NAME",
    "PROJECT_DOMAIN_ID",
    "PROJECT_DOMAIN_NAME",
];

fn scoped(Scope::Project(project): &Scope) -> Vec<(&'static str, String)> {
    named(project, &PROJECT)
}

fn named(thing: &Named, [by_id, by_name, domain_id, domain_name]: &Names) -> Vec<(&'static str, String)> {
    match thing {
        Named::Id(id) => vec![(by_id, id.clone())],
        Named::Name { name, domain } => {
            let domain = match domain {
                Domain::Id(id) => (*domain_id, id.clone()),
                Domain::Name(name) => (*domain_name, name.clone()),
            };
            vec![(by_name, name.clone()), domain]
        }
    }
}
