//! The body of a token request.

use serde_json::{Value, json};

use crate::freezer::access::{Auth, Credential, Domain, Named, Scope};
use crate::freezer::secret::Secret;
use crate::plan::TrustId;

/// What Keystone is told: who we are, and for what. By a trust it is for the project of whoever gave it, which
/// takes the place of our own.
pub(super) fn body(auth: &Auth, trust: Option<&TrustId>) -> Value {
    let (identity, scope) = match auth {
        Auth::Password {
            user,
            password,
            scope,
        } => {
            let mut user = named(user);
            put(&mut user, "password", json!(password.expose()));
            (
                json!({"methods": ["password"], "password": {"user": user}}),
                Some(scope),
            )
        }
        Auth::ApplicationCredential { credential, secret } => {
            let mut credential = match credential {
                Credential::Id(id) => json!({"id": id}),
                Credential::Name { name, user } => json!({"name": name, "user": named(user)}),
            };
            put(&mut credential, "secret", json!(secret.expose()));
            let method = "application_credential";
            (json!({"methods": [method], method: credential}), None)
        }
        Auth::Token { token, scope } => (
            json!({"methods": ["token"], "token": {"id": token.expose()}}),
            Some(scope),
        ),
    };
    let mut auth = json!({"identity": identity});
    if let Some(trust) = trust {
        put(&mut auth, "scope", json!({"OS-TRUST:trust": {"id": trust}}));
    } else if let Some(Scope::Project(project)) = scope {
        put(&mut auth, "scope", json!({"project": named(project)}));
    }
    json!({"auth": auth})
}

/// The secret in that body.
pub(super) fn secret(auth: &Auth) -> &Secret {
    match auth {
        Auth::Password { password, .. } => password,
        Auth::ApplicationCredential { secret, .. } => secret,
        Auth::Token { token, .. } => token,
    }
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn named(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({"id": id}),
        Named::Name {
            name,
            domain: Domain::Id(id),
        } => json!({"name": name, "domain": {"id": id}}),
        Named::Name {
            name,
            domain: Domain::Name(domain),
        } => json!({"name": name, "domain": {"name": domain}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Named {
        Named::Name {
            name: "backup".into(),
            domain: Domain::Name("Default".into()),
        }
    }

    #[test]
    fn password() {
        let project = Named::Name {
            name: "service".into(),
            domain: Domain::Id("default".into()),
        };
        let auth = Auth::Password {
            user: user(),
            password: Secret::new("pw"),
            scope: Scope::Project(project),
        };
        assert_eq!(
            body(&auth, None),
            json!({"auth": {
                "identity": {"methods": ["password"],
                    "password": {"user": {"name": "backup", "domain": {"name": "Default"}, "password": "pw"}}},
                "scope": {"project": {"name": "service", "domain": {"id": "default"}}}
            }})
        );
        let by_trust = body(&auth, Some(&TrustId::new("t1")));
        assert_eq!(by_trust["auth"]["scope"], json!({"OS-TRUST:trust": {"id": "t1"}}));
    }

    #[test]
    fn application_credential_by_id_and_by_name_without_scope() {
        let by = |credential| {
            let secret = Secret::new("s");
            body(&Auth::ApplicationCredential { credential, secret }, None)
        };
        assert_eq!(
            by(Credential::Id("c1".into())),
            json!({"auth": {"identity": {"methods": ["application_credential"],
                "application_credential": {"id": "c1", "secret": "s"}}}})
        );
        assert_eq!(
            by(Credential::Name {
                name: "node".into(),
                user: user()
            }),
            json!({"auth": {"identity": {"methods": ["application_credential"],
                "application_credential": {"name": "node", "secret": "s",
                    "user": {"name": "backup", "domain": {"name": "Default"}}}}}})
        );
    }

    #[test]
    fn token_to_be_scoped() {
        let auth = Auth::Token {
            token: Secret::new("t"),
            scope: Scope::Project(Named::Id("p1".into())),
        };
        assert_eq!(
            body(&auth, None),
            json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}},
                "scope": {"project": {"id": "p1"}}}})
        );
    }
}
