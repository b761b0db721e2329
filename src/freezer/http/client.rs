//! The client library's part: one request over HTTP, and its answer within its bounds.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode};

use super::wire::{Answer, Ask, Exchange, Wire};
use super::{failure, said};
use crate::freezer::access::{Access, Patience};
use crate::freezer::error::ApiError;
use crate::freezer::secret::Secret;

/// Bytes of an error's answer that are looked at.
const ERROR_BYTES: u64 = 64 << 10;
/// Bytes of the file of authorities; the largest bundles in use are below 1 MiB.
const CA_BYTES: u64 = 8 << 20;
/// Connections idle longer than this are not used again: servers close them after about as long, and a
/// request that meets a closing connection fails for nothing.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// The first of the variables that name a proxy. The client library reads them by itself; errors that they may have caused
/// must name them.
fn proxy_variable() -> Option<&'static str> {
    let all = [
        "https_proxy",
        "HTTPS_PROXY",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    all.into_iter()
        .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// HTTP.
pub(super) struct OverHttp {
    client: Client,
    patience: Patience,
    /// The variable that may send requests by way of a proxy.
    proxy: Option<&'static str>,
}

impl Wire for OverHttp {
    fn exchange<'a>(&'a self, ask: &'a Ask<'a>) -> Exchange<'a> {
        Box::pin(self.send(ask))
    }
}

impl OverHttp {
    /// Reads the file of authorities, if there is one; contacts nobody.
    pub fn new(access: &Access) -> Result<Self, ApiError> {
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
            proxy: access.use_proxy.then(proxy_variable).flatten(),
        })
    }

    async fn send(&self, ask: &Ask<'_>) -> Result<Answer, ApiError> {
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
        let failed = |error| failure::classify(ask, &self.patience, self.proxy, error);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Self::redirected(ask, status, response.headers()));
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

    fn redirected(ask: &Ask<'_>, status: StatusCode, headers: &HeaderMap) -> ApiError {
        let target = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| ask.url.join(text).ok());
        let to = match target {
            Some(url) => {
                let to = format!("{}{}", url.origin().ascii_serialization(), url.path());
                said::clean(&said::without(to, &ask.secrets()), 200)
            }
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
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let coding = String::from_utf8_lossy(coding.as_bytes()).into_owned();
            Err(ApiError::Protocol {
                at: ask.at(),
                message: format!(
                    "the answer is compressed ({}) though that was not asked for; look at the proxy in between",
                    said::clean(&said::without(coding, &ask.secrets()), 40)
                ),
            })
        }
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
