//! Keystone v3: a token that is always fresh, and the API's address from the catalogue.
//!
//! The small part of Keystone that a service needs: one request, which gives the token, its lifetime, the
//! project and the catalogue. Time is taken from the monotonic clock, as a length, so neither a stepped
//! clock nor one that differs from Keystone's makes a good token look old.
//! May use: `http` (of this room), `clock`, `plan`'s `TrustId`. Must not use: anything that knows what a job is, but for the
//! endpoint they live at.

mod catalog;
mod credentials;
mod session;
mod slot;
mod trusts;

use reqwest::Url;

use super::error::ApiError;
use super::http::said;

pub(super) use session::Keystone;
pub(super) use slot::Session;

/// Reads the address of a service. It may hold no user name or password (they would end up in logs), and
/// no query, which could not be continued.
pub(super) fn base_url(setting: &'static str, text: &str) -> Result<Url, ApiError> {
    let wrong = |message: String| ApiError::Setting { setting, message };
    let allowed = "an address is expected, as https://cloud.example.org:5000";
    let text = text.trim();
    // The text itself is not shown while it may hold a password.
    let url = Url::parse(text).map_err(|error| wrong(format!("cannot be read ({error}): {allowed}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(String::from(
            "holds a user name or password: give them in the settings made for them",
        )));
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong(format!(
            "{:?} is neither http nor https: {allowed}",
            said::clean(text, 200)
        )));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(format!(
            "{:?} holds a query: leave out what follows `?` or `#`",
            said::clean(text, 200)
        )));
    }
    Ok(url)
}

/// Where tokens are asked for.
fn tokens_url(auth_url: &str) -> Result<Url, ApiError> {
    let mut url = base_url("auth_url", auth_url)?;
    let mut segments: Vec<String> = url
        .path_segments()
        .map(|segments| {
            segments
                .filter(|segment| !segment.is_empty())
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    match segments.last().map(String::as_str) {
        Some("v3") => {}
        Some("v2.0") => {
            return Err(ApiError::Setting {
                setting: "auth_url",
                message: format!(
                    "{url} is Keystone's version 2, which is gone: use /v3, or leave the version out"
                ),
            });
        }
        _ => segments.push(String::from("v3")),
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(segments).extend(["auth", "tokens"]);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_asked_for_below_v3() {
        let cases = [
            ("http://ks:5000", "http://ks:5000/v3/auth/tokens"),
            ("http://ks:5000/", "http://ks:5000/v3/auth/tokens"),
            ("http://ks:5000/v3", "http://ks:5000/v3/auth/tokens"),
            ("http://ks:5000/v3/", "http://ks:5000/v3/auth/tokens"),
            ("https://cloud/identity", "https://cloud/identity/v3/auth/tokens"),
            (
                "https://cloud/identity/v3",
                "https://cloud/identity/v3/auth/tokens",
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(tokens_url(given).unwrap().as_str(), expected);
        }
        assert!(
            tokens_url("http://ks:5000/v2.0")
                .unwrap_err()
                .to_string()
                .contains("/v3")
        );
    }
}
