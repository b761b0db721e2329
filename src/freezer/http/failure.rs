//! From what went wrong on the wire, or from a status, to an [`ApiError`] that says what to do.

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;

use super::{Ask, Peer, said};
use crate::freezer::access::Patience;
use crate::freezer::error::ApiError;

/// Names a failed exchange. `proxy`: the variable that may send it by way of one. The address is ours to add, so the library's own copy of it is dropped.
pub(super) fn classify(
    ask: &Ask<'_>,
    patience: &Patience,
    proxy: Option<&str>,
    error: reqwest::Error,
) -> ApiError {
    let at = ask.at();
    let error = error.without_url();
    if let Some(tls) = tls(&error) {
        return ApiError::Tls {
            at,
            cause: tls.to_string(),
            hint: tls_hint(tls),
        };
    }
    let cause = causes(&error);
    if error.is_timeout() {
        let limit = if error.is_connect() {
            format!(
                "no connection within {:?} (api.connect_timeout)",
                patience.connect
            )
        } else {
            format!("no whole answer within {:?} (api.timeout)", patience.request)
        };
        return ApiError::Timeout { at, cause: limit };
    }
    if error.is_connect() {
        let proxy = proxy.map(|variable| {
            format!("; by way of the proxy that {variable} names, unless no_proxy has the host")
        });
        let cause = format!("{cause}{}", proxy.unwrap_or_default());
        return ApiError::Connect { at, cause };
    }
    ApiError::Broken { at, cause }
}

/// The causes of an error, outermost first, without the repetitions that wrappers make.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        source = cause.source();
    }
    if texts.is_empty() {
        texts.push(error.to_string());
    }
    said::clean(&texts.join(": "), 300)
}

/// The TLS error among the causes. It hides inside an I/O error, which does not name it as its source.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let inner = current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| tls(inner)) {
            return Some(found);
        }
        cause = current.source();
    }
    None
}

fn tls_hint(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "nobody this node trusts has signed the certificate: give the authority's PEM file as ca_file (OS_CACERT)"
        }
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "the certificate has expired: have it renewed, or look at this node's clock"
        }
        rustls::Error::InvalidCertificate(
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. },
        ) => "the certificate is not valid yet: look at this node's clock",
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => "the certificate is for another name: use the name it was made for in the address",
        rustls::Error::InvalidCertificate(certificate)
            if certificate.to_string().contains("CaUsedAsEndEntity") =>
        {
            "the server shows an authority's certificate as its own: have one signed by it (basicConstraints=CA:FALSE), or set insecure"
        }
        rustls::Error::InvalidCertificate(_) => {
            "have the certificate mended, or set insecure to do without the check"
        }
        rustls::Error::InvalidMessage(_) => "is it TLS at all? If not, the address begins with http://",
        _ => "the two sides do not agree on how to encrypt",
    }
}

/// Names a status that is not good.
pub(super) fn refusal(
    ask: &Ask<'_>,
    status: StatusCode,
    said: String,
    retry_after: Option<Duration>,
) -> ApiError {
    let at = ask.at();
    match (status.as_u16(), ask.peer) {
        (401, Peer::Keystone) => ApiError::Auth {
            at,
            said,
            hint: "check user, password or secret, their domains, and the project; a given token may have expired",
        },
        (401, Peer::Freezer) => ApiError::Auth {
            at,
            said,
            hint: "Keystone gave this token, but the API does not take it: check that both use the same Keystone",
        },
        (403, Peer::Keystone) => ApiError::Forbidden {
            at,
            said,
            hint: "the user may not have a token for this project: it needs a role there",
        },
        (403, Peer::Freezer) => ApiError::Forbidden {
            at,
            said,
            hint: "the user needs the role that the API's policy asks for, usually member or service, in this project",
        },
        (status @ (408 | 429 | 500..=599), _) => ApiError::Server {
            at,
            status,
            said,
            retry_after,
        },
        (status, peer) => {
            let hint = match (status, peer) {
                (404 | 405, Peer::Keystone) => {
                    " (auth_url must be Keystone's base address, with or without /v3)"
                }
                (404 | 405, Peer::Freezer) => {
                    " (is this the Freezer API? backup_url or the catalogue's endpoint leads there)"
                }
                _ => "",
            };
            ApiError::Refused {
                at,
                status,
                said,
                hint,
            }
        }
    }
}
