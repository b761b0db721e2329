//! The HTTP server over real sockets on loopback: what it answers, and what it does to those who dawdle.

mod answers;
mod limits;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use freezerd::observe::health::Health;
use freezerd::observe::http::{Bound, HttpError, Limits, State, bind, serve};
use freezerd::observe::metrics::PlanGauge;
use freezerd::plan::JobId;
use freezerd::schedule::DueTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::metrics;

/// No test waits so long; one that would hang fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Generous with time: only what a test shortens can end a connection.
const GENEROUS: Limits = Limits {
    connections: 8,
    head_bytes: 8192,
    request_time: Duration::from_secs(600),
    answer_time: Duration::from_secs(600),
    // There is no main loop behind these servers, and /metrics asks it first.
    heartbeat_time: Duration::from_millis(5),
};

const SOON: Duration = Duration::from_millis(40);

struct Server {
    address: SocketAddr,
    health: Arc<Health>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), HttpError>>,
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn start_with(limits: Limits, plans: usize) -> Server {
    let bound: Bound = bind(loopback(0)).unwrap();
    let address = bound.address();
    let metrics = metrics(plans);
    let gauges = (0..plans).map(|number| PlanGauge {
        job: JobId::new(&format!("plan-{number:060}")),
        name: "x".repeat(90),
        project: None,
        next_due: Some(DueTime::from_epoch(1)),
        last_success: None,
        rpo_deadline: Some(DueTime::from_epoch(2)),
    });
    metrics.set_plan_gauges(gauges.collect(), plans);
    let health = Arc::new(Health::new());
    let state = State {
        metrics: Arc::new(metrics),
        health: Arc::clone(&health),
        limits,
    };
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(bound, state, async move {
        let _ = stopped.await;
    }));
    Server {
        address,
        health,
        stop,
        served,
    }
}

fn start(limits: Limits) -> Server {
    start_with(limits, 3)
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One request on a connection of its own; the whole answer.
    async fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = self.connect().await;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        until_closed(&mut stream).await
    }
}

/// What comes until the server closes the connection (or resets it: it does not read what it does not want).
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = async {
        let mut piece = [0_u8; 65536];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            all.extend_from_slice(&piece[..length]);
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the server closes the connection");
    String::from_utf8(all).unwrap()
}

/// One answer of a connection that stays open: its head and `length` bytes of body.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = async {
        while !all.ends_with(b"\r\n\r\n") {
            all.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(all.clone()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        all.extend(body);
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer");
    String::from_utf8(all).unwrap()
}
