//! Who we are to Keystone: one of three ways, complete, or the reason why not.

use super::fragment::{AuthFragment, SecretText};
use super::secret::Secret;

/// All Keystone needs to give us a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Keystone's URL, http or https.
    pub auth_url: String,
    /// The way we identify ourselves.
    pub auth: Auth,
}

/// The way we identify ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// By user and password.
    Password {
        /// Who.
        user: User,
        /// Their password.
        password: Secret,
        /// What the token is to be good for.
        scope: Scope,
    },
    /// By an application credential; its scope is its own.
    ApplicationCredential {
        /// Which.
        credential: ApplicationCredential,
        /// Its secret.
        secret: Secret,
    },
    /// By a token that somebody else got.
    Token {
        /// The token.
        token: Secret,
        /// What the new token is to be good for.
        scope: Scope,
    },
}

/// An application credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationCredential {
    /// By id.
    Id(String),
    /// By the name its user gave it.
    Name {
        /// The name.
        name: String,
        /// Whose.
        user: User,
    },
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// By id.
    Id(String),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// The domain the name is from.
        domain: Domain,
    },
}

/// A domain of users or projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A project, by id.
    ProjectId(String),
    /// A project, by name.
    Project {
        /// The name.
        name: String,
        /// The domain the name is from.
        domain: Domain,
    },
    /// A domain.
    Domain(Domain),
}

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
pub(super) fn complete(parts: AuthFragment) -> Result<Credentials, CredentialsError> {
    let auth_url = need(parts.auth_url.clone(), "auth_url")?;
    if !auth_url.starts_with("http://") && !auth_url.starts_with("https://") {
        return Err(CredentialsError::new(format!(
            "auth_url {auth_url:?} is no URL: it begins with http:// or https://"
        )));
    }
    let way = match parts.auth_type.as_deref() {
        Some(name) => Way::named(name)?,
        None => Way::guess(&parts),
    };
    let auth = match way {
        Way::Password => Auth::Password {
            user: user(&parts)?,
            password: need_secret(&parts.password, "password")?,
            scope: scope(&parts)?,
        },
        Way::ApplicationCredential => Auth::ApplicationCredential {
            credential: application_credential(&parts)?,
            secret: need_secret(
                &parts.application_credential_secret,
                "application_credential_secret",
            )?,
        },
        Way::Token => Auth::Token {
            token: need_secret(&parts.token, "token")?,
            scope: scope(&parts)?,
        },
    };
    Ok(Credentials { auth_url, auth })
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

fn user(parts: &AuthFragment) -> Result<User, CredentialsError> {
    if let Some(id) = &parts.user_id {
        return Ok(User::Id(id.clone()));
    }
    let name = need(parts.username.clone(), "username")?;
    Ok(User::Name {
        name,
        domain: domain(parts.user_domain_id.as_ref(), parts.user_domain_name.as_ref()),
    })
}

fn scope(parts: &AuthFragment) -> Result<Scope, CredentialsError> {
    if let Some(id) = &parts.project_id {
        return Ok(Scope::ProjectId(id.clone()));
    }
    if let Some(name) = &parts.project_name {
        let domain = domain(
            parts.project_domain_id.as_ref(),
            parts.project_domain_name.as_ref(),
        );
        return Ok(Scope::Project {
            name: name.clone(),
            domain,
        });
    }
    if parts.domain_id.is_some() || parts.domain_name.is_some() {
        return Ok(Scope::Domain(domain(
            parts.domain_id.as_ref(),
            parts.domain_name.as_ref(),
        )));
    }
    Err(CredentialsError::missing("project_name"))
}

fn application_credential(parts: &AuthFragment) -> Result<ApplicationCredential, CredentialsError> {
    if let Some(id) = &parts.application_credential_id {
        return Ok(ApplicationCredential::Id(id.clone()));
    }
    let name = need(
        parts.application_credential_name.clone(),
        "application_credential_id",
    )?;
    Ok(ApplicationCredential::Name {
        name,
        user: user(parts)?,
    })
}
