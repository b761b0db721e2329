//! The HTTP server: `/metrics`, `/healthz`, `/readyz`, and an index. It only reads.
//!
//! Everything a client can spend is bounded: connections, bytes of a request's head, the time to send it
//! (idle keep-alive counts as that), the time to take the answer. A request's body is never read.

mod answer;
mod slow;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::health::Health;
use super::metrics::Metrics;
use crate::clock;
use slow::PromptWriter;

/// How long `serve` waits, once told to stop, for answers under way.
const GRACE: Duration = Duration::from_secs(1);

/// How long accepting pauses when the system has no file descriptor to give.
const BREATH: Duration = Duration::from_millis(200);

/// What a client may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; further ones are closed at once.
    pub connections: usize,
    /// Bytes of a request's line and headers; at most 8192 are ever read ahead of need.
    pub head_bytes: usize,
    /// For a request to arrive whole, from the moment the connection is open or its last answer was taken:
    /// so also how long an idle connection is kept.
    pub request_time: Duration,
    /// For an answer to be taken whole.
    pub answer_time: Duration,
    /// For the main loop to answer `/healthz`.
    pub heartbeat_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32,
            head_bytes: 8192,
            request_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(10),
            heartbeat_time: Duration::from_secs(5),
        }
    }
}

/// What the server shows.
#[derive(Debug, Clone)]
pub struct State {
    /// `/metrics`.
    pub metrics: Arc<Metrics>,
    /// `/healthz`, `/readyz`.
    pub health: Arc<Health>,
    /// What a client may spend.
    pub limits: Limits,
}

/// What can go wrong with the server.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be had.
    #[error(
        "cannot listen for HTTP on {address}: {source}; \
         choose another address or port with [http] listen (port 0 takes a free one)"
    )]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A socket that listens; nobody is served yet.
#[derive(Debug)]
pub struct Bound {
    listener: StdListener,
    address: SocketAddr,
}

impl Bound {
    /// Where it listens: with the port that was found, if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens on `address`; port 0 takes a free one.
///
/// # Errors
/// When the address cannot be had; says which, and why.
pub fn bind(address: SocketAddr) -> Result<Bound, HttpError> {
    let failed = |source| HttpError::Bind { address, source };
    let listener = StdListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let found = listener.local_addr().map_err(failed)?;
    if !found.ip().is_loopback() {
        tracing::warn!(address = %found, "HTTP listens beyond this machine; whoever reaches it reads names and times of plans");
    }
    Ok(Bound {
        listener,
        address: found,
    })
}

/// Serves until `shutdown` completes; then takes no more, and gives answers under way one second.
///
/// # Errors
/// When the socket cannot be handed to the runtime. Not because of anything a client does.
pub async fn serve(
    bound: Bound,
    state: State,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), HttpError> {
    let address = bound.address;
    let listener =
        TcpListener::from_std(bound.listener).map_err(|source| HttpError::Bind { address, source })?;
    let closing = watch::Sender::new(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < state.limits.connections => {
                    connections.spawn(converse(stream, state.clone(), closing.subscribe()));
                }
                Ok((_, peer)) => tracing::debug!(%peer, "HTTP: too many connections, closed"),
                Err(error) => {
                    tracing::debug!(%error, "HTTP: cannot accept a connection");
                    clock::pause(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    closing.send_replace(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

/// One connection, from its first byte to its last.
async fn converse(stream: TcpStream, state: State, mut closing: watch::Receiver<bool>) {
    let limits = state.limits;
    let io = TokioIo::new(PromptWriter::new(stream, limits.answer_time));
    let service = service_fn(move |request| {
        let state = state.clone();
        async move { Ok::<_, std::convert::Infallible>(answer::to(&request, &state).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request_time)
        .max_header_size(limits.head_bytes)
        .max_headers(64)
        .max_buf_size(8192.max(limits.head_bytes))
        .serve_connection(io, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "HTTP: a connection ended early");
    }
}
