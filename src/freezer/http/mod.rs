//! One bounded exchange over HTTP, and when to try it again.
//!
//! Every limit is kept while the bytes arrive, whatever `Content-Length` claims. Redirects are errors,
//! nothing is decompressed, and what a server says in an error is shortened and cleaned before it is shown.
//! May use: `clock`. Must not use: anything that knows what a job is.

mod failure;
mod json;
mod retry;
pub(super) mod said;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};

use super::access::{Access, Patience};
use super::error::ApiError;
use super::secret::Secret;
use crate::clock::Clock;

pub(super) use json::parse;
pub(super) use retry::{Tries, random};

/// Bytes of an error's answer that are looked at.
const ERROR_BYTES: u64 = 64 << 10;
/// Bytes of the file of authorities; the largest bundles in use are below 1 MiB.
const CA_BYTES: u64 = 8 << 20;
/// Connections idle longer than this are not used again: servers close them after about as long, and a
/// request that meets a closing connection fails for nothing.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// Whom an exchange is with; an error's advice depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// Keystone, being asked for a token.
    Keystone,
    /// The Freezer API.
    Freezer,
}

/// One request.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub method: Method,
    pub url: Url,
    pub peer: Peer,
    /// Sent as `X-Auth-Token`.
    pub token: Option<&'a Secret>,
    /// What the body holds that must not come back in an error.
    pub secrets: Vec<&'a Secret>,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// Bytes of a good answer.
    pub limit: u64,
}

impl Ask<'_> {
    /// For errors: method and address.
    pub fn at(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

/// One answer, of any status but a redirect.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether this 404 was said by the API about a document, and not by something in front of it about an
    /// address: the API's has no body, or a JSON one.
    pub fn is_document_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
            && (self.body.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok())
    }
}

/// The client for all exchanges.
pub(super) struct Http {
    client: Client,
    patience: Patience,
    clock: Arc<dyn Clock>,
}

impl Http {
    /// Reads the file of authorities, if there is one; contacts nobody.
    pub fn new(access: &Access, clock: Arc<dyn Clock>) -> Result<Self, ApiError> {
        // The provider of cryptography is the process's own; a second call finds it there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = access
            .ca_file
            .as_deref()
            .map(authorities)
            .transpose()?
            .unwrap_or_default();
        let patience = access.patience;
        let builder = || {
            let builder = Client::builder()
                .user_agent(concat!("freezerd/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .http1_only()
                .pool_idle_timeout(POOL_IDLE)
                .connect_timeout(patience.connect)
                .read_timeout(patience.idle)
                .timeout(patience.request)
                .tls_danger_accept_invalid_certs(access.insecure);
            if access.use_proxy {
                builder
            } else {
                builder.no_proxy()
            }
        };
        let client = builder().tls_certs_merge(authorities).build().or_else(|error| {
            // A node without any system authorities may still speak plain HTTP.
            tracing::warn!(error = %failure::causes(&error), "no certificate authorities are trusted");
            builder().tls_certs_only([]).build()
        });
        let client = client.map_err(|error| ApiError::Setting {
            setting: "ca_file",
            message: format!("no HTTP client can be made: {}", failure::causes(&error)),
        })?;
        Ok(Self {
            client,
            patience,
            clock,
        })
    }

    /// A fresh count of tries.
    pub fn tries(&self) -> Tries {
        Tries::new(self.patience)
    }

    /// One exchange, once. An answer of any status is an answer, but for redirects.
    pub async fn send(&self, ask: &Ask<'_>) -> Result<Answer, ApiError> {
        let mut request = self
            .client
            .request(ask.method.clone(), ask.url.clone())
            .header(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = ask.token {
            request = request.header("X-Auth-Token", sensitive(token, ask)?);
        }
        if let Some(body) = &ask.body {
            request = request
                .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.clone());
        }
        let failed = |error| failure::classify(ask, &self.patience, error);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirected(ask, status, response.headers()));
        }
        let good = status.is_success();
        let limit = if good { ask.limit } else { ERROR_BYTES };
        let too_large = || ApiError::TooLarge { at: ask.at(), limit };
        if good {
            plain(ask, response.headers())?;
        }
        if good && response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = limit.saturating_sub(body.len() as u64);
                    if chunk.len() as u64 <= room {
                        body.extend_from_slice(&chunk);
                    } else if good {
                        return Err(too_large());
                    } else {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) if good => return Err(failed(error)),
                // The status says enough.
                Err(_) => break,
            }
        }
        let headers = response.headers().clone();
        tracing::debug!(method = %ask.method, url = %ask.url, status = status.as_u16(), bytes = body.len(), "exchanged");
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// The answer if its status is good, else the error that it means.
    pub fn good(&self, ask: &Ask<'_>, answer: Answer) -> Result<Answer, ApiError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let mut secrets = ask.secrets.clone();
        secrets.extend(ask.token);
        let said = said::said(&answer.body, &secrets);
        let wait = retry::retry_after(&answer.headers, self.clock.now());
        Err(failure::refusal(ask, answer.status, said, wait))
    }

    fn redirected(&self, ask: &Ask<'_>, status: StatusCode, headers: &HeaderMap) -> ApiError {
        let target = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| ask.url.join(text).ok());
        let to = match target {
            Some(url) => format!(
                "{}{}",
                url.origin().ascii_serialization(),
                said::clean(url.path(), 200)
            ),
            None => String::from("no readable address"),
        };
        ApiError::Redirected {
            at: ask.at(),
            status: status.as_u16(),
            to,
        }
    }
}

/// A token as a header that is never printed.
fn sensitive(token: &Secret, ask: &Ask<'_>) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(token.expose()).map_err(|_| ApiError::Auth {
        at: ask.at(),
        said: String::from("nothing was sent"),
        hint: "the token holds characters that no header may: was it copied whole, without a line break?",
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Refuses an answer that was compressed though nobody asked for it: unpacked, it would escape its bound.
fn plain(ask: &Ask<'_>, headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(ApiError::Protocol {
            at: ask.at(),
            message: format!(
                "the answer is compressed ({}) though that was not asked for; look at the proxy in between",
                said::clean(&String::from_utf8_lossy(coding.as_bytes()), 40)
            ),
        }),
        _ => Ok(()),
    }
}

/// Reads a PEM bundle.
fn authorities(path: &Path) -> Result<Vec<reqwest::Certificate>, ApiError> {
    use std::io::Read;
    let wrong = |message: String| ApiError::CaFile {
        path: path.to_owned(),
        message,
    };
    let file = std::fs::File::open(path).map_err(|error| wrong(format!("cannot be opened: {error}")))?;
    let mut text = Vec::new();
    file.take(CA_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if text.len() as u64 > CA_BYTES {
        return Err(wrong(format!(
            "is larger than {CA_BYTES} bytes, so it is no bundle of certificates"
        )));
    }
    let certificates = reqwest::Certificate::from_pem_bundle(&text)
        .map_err(|error| wrong(format!("is not a PEM bundle: {}", failure::causes(&error))))?;
    if certificates.is_empty() {
        return Err(wrong(String::from(
            "holds no certificate (`-----BEGIN CERTIFICATE-----` is expected)",
        )));
    }
    Ok(certificates)
}
