//! Who we are to Keystone: one of three ways, complete, or the reason why not.

use crate::freezer::{Auth, Credential, Domain, Named, Scope, Secret};

use super::fragment::{AuthFragment, SecretText};

/// Keystone's URL, and the way we identify ourselves.
pub(super) type Credentials = (String, Auth);

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("credentials: {message}")]
pub struct CredentialsError {
    /// What is missing or wrong, and where it could be given.
    pub message: String,
}

impl CredentialsError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }

    fn missing(name: &str) -> Self {
        let variable = name.to_uppercase();
        Self::new(format!(
            "{name} is missing: give OS_{variable}, `{name}` in [auth], a systemd credential os_{name}, or a cloud \
             of clouds.yaml (OS_CLOUD)"
        ))
    }
}

/// Puts the parts together.
pub(super) fn complete(parts: &AuthFragment) -> Result<Credentials, CredentialsError> {
    let auth_url = need(parts.auth_url.clone(), "auth_url")?;
    if !auth_url.starts_with("http://") && !auth_url.starts_with("https://") {
        return Err(CredentialsError::new(format!(
            "auth_url {auth_url:?} is no URL: it begins with http:// or https://"
        )));
    }
    let way = match parts.auth_type.as_deref() {
        Some(name) => Way::named(name)?,
        None => Way::guess(parts),
    };
    let auth = match way {
        Way::Password => Auth::Password {
            user: user(parts)?,
            password: need_secret(&parts.password, "password")?,
            scope: scope(parts)?,
        },
        Way::ApplicationCredential => Auth::ApplicationCredential {
            credential: application_credential(parts)?,
            secret: need_secret(
                &parts.application_credential_secret,
                "application_credential_secret",
            )?,
        },
        Way::Token => Auth::Token {
            token: need_secret(&parts.token, "token")?,
            scope: scope(parts)?,
        },
    };
    Ok((auth_url, auth))
}

enum Way {
    Password,
    ApplicationCredential,
    Token,
}

impl Way {
    fn named(name: &str) -> Result<Self, CredentialsError> {
        match name.to_lowercase().as_str() {
            "password" | "v3password" => Ok(Self::Password),
            "v3applicationcredential" => Ok(Self::ApplicationCredential),
            "token" | "v3token" => Ok(Self::Token),
            _ => Err(CredentialsError::new(format!(
                "auth_type {name:?} is not one of those that are known: password, v3password, \
                 v3applicationcredential, token, v3token"
            ))),
        }
    }

    /// What the parts at hand are for, when nobody says.
    fn guess(parts: &AuthFragment) -> Self {
        if parts.application_credential_id.is_some() || parts.application_credential_secret.is_some() {
            Self::ApplicationCredential
        } else if parts.token.is_some() && parts.password.is_none() {
            Self::Token
        } else {
            Self::Password
        }
    }
}

fn need(part: Option<String>, name: &str) -> Result<String, CredentialsError> {
    part.filter(|text| !text.is_empty())
        .ok_or_else(|| CredentialsError::missing(name))
}

fn need_secret(part: &Option<SecretText>, name: &str) -> Result<Secret, CredentialsError> {
    part.clone()
        .map(|SecretText(secret)| secret)
        .ok_or_else(|| CredentialsError::missing(name))
}

fn domain(id: Option<&String>, name: Option<&String>) -> Domain {
    match (id, name) {
        (Some(id), _) => Domain::Id(id.clone()),
        (None, Some(name)) => Domain::Name(name.clone()),
        // As OpenStack's own client takes it.
        (None, None) => Domain::Id("default".to_owned()),
    }
}

fn user(parts: &AuthFragment) -> Result<Named, CredentialsError> {
    if let Some(id) = &parts.user_id {
        return Ok(Named::Id(id.clone()));
    }
    let name = need(parts.username.clone(), "username")?;
    Ok(Named::Name {
        name,
        domain: domain(parts.user_domain_id.as_ref(), parts.user_domain_name.as_ref()),
    })
}

/// The API lives below a project, so a token for anything else is of no use.
fn scope(parts: &AuthFragment) -> Result<Scope, CredentialsError> {
    if let Some(id) = &parts.project_id {
        return Ok(Scope::Project(Named::Id(id.clone())));
    }
    let name = need(parts.project_name.clone(), "project_name")?;
    let domain = domain(
        parts.project_domain_id.as_ref(),
        parts.project_domain_name.as_ref(),
    );
    Ok(Scope::Project(Named::Name { name, domain }))
}

fn application_credential(parts: &AuthFragment) -> Result<Credential, CredentialsError> {
    if let Some(id) = &parts.application_credential_id {
        return Ok(Credential::Id(id.clone()));
    }
    let name = need(
        parts.application_credential_name.clone(),
        "application_credential_id",
    )?;
    Ok(Credential::Name {
        name,
        user: user(parts)?,
    })
}
