//! A server that does what it is told: Keystone and the Freezer API on one port of loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use freezerd::clock::Clock;
use freezerd::freezer::{Access, Api, Auth, ClientFilter, Named, Scope, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

pub const PASSWORD: &str = "pa55-word";
pub const PROJECT: &str = "p1";

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// With the query.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.target.split('?').next() == Some(path)
    }

    pub fn token(&self) -> &str {
        self.headers.get("x-auth-token").map_or("", String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the server does after the head of its answer.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Sends the body.
    None,
    /// Closes the connection after so many bytes of the body.
    CutAfter(usize),
    /// Sends nothing more, and keeps the connection open.
    Stall,
    /// Sends nothing at all, not even the head, and keeps the connection open.
    Silent,
    /// Sends the body over and over, without ever saying how long it is.
    Endless,
    /// Sends the body byte by byte, with so long a pause after each.
    Drip(Duration),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    fault: Fault,
}

pub fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.into(),
        fault: Fault::None,
    }
}

pub fn ok(body: &Value) -> Reply {
    reply(200, body.to_string())
}

impl Reply {
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

/// What answers a request: `None` leaves it to the default, which knows only how to give tokens.
type Script = dyn Fn(&Seen) -> Option<Reply> + Send + Sync;

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Self {
        Self::start_with(script, None).await
    }

    pub async fn start_with(
        script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), script, tls).await
    }

    /// Port 0: a free one.
    pub async fn start_at(
        address: SocketAddr,
        script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (script, log, tls) = (Arc::clone(&script), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*script, &log, address).await;
                            }
                        }
                        None => serve(stream, &*script, &log, address).await,
                    }
                });
            }
        });
        Self { address, seen, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Methods and targets of what came, but for token requests.
    pub fn targets(&self) -> Vec<String> {
        let wanted = |seen: &Seen| !seen.target.ends_with("/auth/tokens");
        self.seen()
            .into_iter()
            .filter(wanted)
            .map(|seen| format!("{} {}", seen.method, seen.target))
            .collect()
    }

    pub fn tokens_given(&self) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.is("POST", "/v3/auth/tokens"))
            .count()
    }

    /// Settings that lead here: impatient, and with every client's plans.
    pub fn access(&self) -> Access {
        access(&self.url())
    }

    pub fn api(&self) -> Api {
        Api::connect(self.access(), TestClock::new()).unwrap()
    }
}

pub fn access(url: &str) -> Access {
    let auth = Auth::Password {
        user: Named::Id("u1".into()),
        password: Secret::new(PASSWORD),
        scope: Scope::Project(Named::Id(PROJECT.into())),
    };
    let mut access = Access::new(auth, url);
    access.use_proxy = false;
    access.clients = ClientFilter::All;
    access.patience.retries = 2;
    access.patience.back_off = Duration::from_millis(1);
    access.patience.back_off_limit = Duration::from_millis(50);
    access
}

/// A clock that stands until it is moved.
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(0)))
    }

    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// Keystone's answer: a token that lives an hour, and a catalogue that leads to `endpoint`.
pub fn token(name: &str, endpoint: &str) -> Reply {
    let issued: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
    token_until(name, endpoint, issued + TimeDelta::hours(1))
}

/// The same, and it lives until then.
pub fn token_until(name: &str, endpoint: &str, expires: DateTime<Utc>) -> Reply {
    let body = json!({"token": {
        "methods": ["password"], "issued_at": expires - TimeDelta::hours(1), "expires_at": expires,
        "project": {"id": PROJECT, "name": "service"},
        "catalog": [
            {"type": "identity", "name": "keystone", "endpoints": [{"interface": "public", "url": null}]},
            {"type": "backup", "name": "freezer", "endpoints": [
                {"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": endpoint}]},
        ],
    }});
    reply(201, body.to_string()).with("X-Subject-Token", name)
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    log: &Mutex<Vec<Seen>>,
    address: SocketAddr,
) {
    let Some(seen) = read(&mut stream).await else {
        return;
    };
    log.lock().unwrap().push(seen.clone());
    let answer = script(&seen).unwrap_or_else(|| {
        if seen.is("POST", "/v3/auth/tokens") {
            let given = log
                .lock()
                .unwrap()
                .iter()
                .filter(|seen| seen.is("POST", "/v3/auth/tokens"))
                .count();
            token(&format!("token-{given}"), &format!("http://{address}"))
        } else if seen.method == "GET" && seen.target.ends_with("/jobs?limit=1") {
            // Who asks so wants to know whether it is the API that said 404.
            ok(&json!({"jobs": []}))
        } else {
            reply(404, "")
        }
    });
    let _ = write(&mut stream, &answer).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen {
        method,
        target,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), reply: &Reply) -> std::io::Result<()> {
    if matches!(reply.fault, Fault::Silent) {
        std::future::pending::<()>().await;
    }
    let mut head = format!("HTTP/1.1 {} Scripted\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let named = reply.headers.iter().any(|(name, _)| name == "Content-Length");
    if !named && !matches!(reply.fault, Fault::Endless) {
        head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    match reply.fault {
        Fault::None => stream.write_all(&reply.body).await,
        Fault::CutAfter(bytes) => stream.write_all(&reply.body[..bytes]).await,
        Fault::Stall | Fault::Silent => {
            stream.flush().await?;
            std::future::pending().await
        }
        Fault::Drip(pause) => {
            for byte in &reply.body {
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
                freezerd::clock::pause(pause).await;
            }
            Ok(())
        }
        Fault::Endless => loop {
            stream.write_all(&reply.body).await?;
        },
    }
}

/// A value that is different each time it is asked for: the first, the second ..., then the last for ever.
pub struct InTurn<T>(Mutex<Vec<T>>);

impl<T: Clone> InTurn<T> {
    pub fn new(values: impl IntoIterator<Item = T>) -> Self {
        let mut values: Vec<T> = values.into_iter().collect();
        values.reverse();
        Self(Mutex::new(values))
    }

    pub fn next(&self) -> T {
        let mut values = self.0.lock().unwrap();
        if values.len() > 1 {
            values.pop().unwrap()
        } else {
            values[0].clone()
        }
    }
}

pub fn query(seen: &Seen, key: &str) -> Option<String> {
    let (_, query) = seen.target.split_once('?')?;
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned())
}
