//! TLS: whom we trust, and what we say when we do not. The certificates are made by `tls/make`.

use std::path::PathBuf;
use std::sync::Arc;

use freezerd::freezer::{Access, Api, ApiError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, TestClock, access, ok, token};

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/freezer/tls", name]
        .iter()
        .collect()
}

fn acceptor(name: &str) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(file(&format!("{name}.pem"))).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(file(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn server(certificate: &str) -> (Server, Access) {
    let server = Server::start_with(
        |seen| {
            let host = &seen.headers["host"];
            Some(match seen.method.as_str() {
                "POST" => token("t", &format!("https://{host}")),
                _ => ok(&json!({"jobs": []})),
            })
        },
        Some(acceptor(certificate)),
    )
    .await;
    let access = access(&format!("https://{}", server.address));
    (server, access)
}

async fn list(access: Access) -> Result<(), ApiError> {
    Api::connect(access, TestClock::new())?.list().await.map(drop)
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_ca_file_makes_it_known() {
    let (server, mut access) = server("signed").await;
    let error = list(access.clone()).await.unwrap_err();
    assert!(matches!(error, ApiError::Tls { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("UnknownIssuer") && text.contains("as ca_file (OS_CACERT)"),
        "{text}"
    );
    assert_eq!((error.kind(), error.is_transient()), ("tls", false));
    assert!(server.seen().is_empty(), "no password was sent");
    access.ca_file = Some(file("ca.pem"));
    list(access).await.unwrap();
}

#[tokio::test]
async fn insecure_asks_for_no_certificate_at_all() {
    for certificate in ["signed", "itself"] {
        let (_server, mut access) = server(certificate).await;
        access.insecure = true;
        list(access).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (server, mut access) = server("signed").await;
    access.ca_file = Some(file("ca.pem"));
    access.auth_url = format!("https://localhost:{}", server.address.port());
    let text = list(access).await.unwrap_err().to_string();
    assert!(text.contains("the certificate is for another name"), "{text}");
}

#[tokio::test]
async fn an_authority_that_serves_itself_is_explained() {
    let (_server, mut access) = server("itself").await;
    access.ca_file = Some(file("itself.pem"));
    let text = list(access).await.unwrap_err().to_string();
    assert!(text.contains("basicConstraints=CA:FALSE"), "{text}");
}

#[tokio::test]
async fn plain_http_where_tls_was_expected_is_explained() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plain = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
    });
    let text = list(access(&format!("https://{address}")))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("no secure connection") && text.contains("begins with http://"),
        "{text}"
    );
    plain.abort();
}
