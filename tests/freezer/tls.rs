//! TLS: whom we trust, and what we say when we do not.

use std::sync::{Arc, Mutex};

use freezerd::freezer::{Access, Api, ApiError};
use serde_json::json;

use crate::certificate::{acceptor, file};
use crate::server::{Server, TestClock, access, ok, token};

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
async fn a_certificate_out_of_its_time_is_refused() {
    for (certificate, said) in [
        ("expired", "the certificate has expired"),
        ("early", "the certificate is not valid yet"),
    ] {
        let (server, mut access) = server(certificate).await;
        access.ca_file = Some(file("ca.pem"));
        let error = list(access).await.unwrap_err();
        assert!(matches!(error, ApiError::Tls { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(server.seen().is_empty(), "no password was sent");
    }
}

#[tokio::test]
async fn an_api_without_a_good_certificate_gets_no_token() {
    for certificate in ["itself", "expired", "early"] {
        let (api, _) = server(certificate).await;
        let address = api.address;
        let keystone = Server::start_with(
            move |_| Some(token("t", &format!("https://{address}"))),
            Some(acceptor("signed")),
        )
        .await;
        let mut access = access(&format!("https://{}", keystone.address));
        access.ca_file = Some(file("ca.pem"));
        let error = list(access).await.unwrap_err();
        assert!(matches!(error, ApiError::Tls { .. }), "{error:?}");
        assert_eq!(keystone.seen().len(), 1, "there is a token");
        assert!(api.seen().is_empty(), "it was not sent");
    }
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_token_that_was_got_by_tls_and_goes_on_in_clear_is_told() {
    for (endpoint, told) in [
        ("http://backup.example.org:9090", true),
        ("https://backup.example.org:9090", false),
        ("http://127.0.0.1:9090", false),
    ] {
        let keystone =
            Server::start_with(move |_| Some(token("t", endpoint)), Some(acceptor("signed"))).await;
        let mut access = access(&format!("https://{}", keystone.address));
        access.ca_file = Some(file("ca.pem"));
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        Api::connect(access, TestClock::new())
            .unwrap()
            .connection()
            .await
            .unwrap();
        drop(guard);
        let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(said.contains("WARN") && said.contains("in clear"), told, "{said}");
    }
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
