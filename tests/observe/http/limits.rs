//! What a client may not do: dawdle, send too much, take up all places, keep the server from stopping.

use std::time::Duration;

use freezerd::observe::http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{GENEROUS, PATIENCE, SOON, Server, one_answer, start, start_with, until_closed};

#[tokio::test]
async fn connections_are_kept_for_the_next_request_until_idle_too_long() {
    for (requests, limits) in [
        (3, GENEROUS),
        (
            1,
            Limits {
                request_time: Duration::from_secs(2),
                ..GENEROUS
            },
        ),
    ] {
        let server = start(limits);
        let mut stream = server.connect().await;
        for _ in 0..requests {
            stream
                .write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .unwrap();
            assert!(one_answer(&mut stream).await.ends_with("starting\n"));
        }
        if requests == 1 {
            assert_eq!(until_closed(&mut stream).await, "", "closed without a word");
        }
    }
}

#[tokio::test]
async fn a_request_that_trickles_in_is_not_waited_for() {
    let server = start(Limits {
        request_time: SOON,
        ..GENEROUS
    });
    let mut silent = server.connect().await;
    assert_eq!(until_closed(&mut silent).await, "");

    let stream = server.connect().await;
    let (mut reads, mut writes) = stream.into_split();
    // A header line that never ends, fed as fast as it is taken: activity buys no time.
    let trickle = async {
        let _ = writes.write_all(b"GET / HTTP/1.1\r\nX: ").await;
        while writes.write_all(b"y").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let closed = async {
        let mut sink = Vec::new();
        let _ = reads.read_to_end(&mut sink).await;
    };
    let both = async { tokio::join!(trickle, closed) };
    tokio::time::timeout(PATIENCE, both)
        .await
        .expect("the server closes the connection");
}

#[tokio::test]
async fn a_head_beyond_its_bound_is_refused() {
    let server = start(GENEROUS);
    let mut stream = server.connect().await;
    let request = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(9000));
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");

    let mut stream = server.connect().await;
    let request = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let server = start(GENEROUS);
    let mut stream = server.connect().await;
    stream
        .write_all(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
        .await
        .unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_body_is_not_read() {
    let server = start(GENEROUS);
    for method in ["POST", "GET"] {
        let mut stream = server.connect().await;
        let request = format!("{method} /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        // Answered and closed, though a gigabyte was announced and nothing of it came.
        let answer = until_closed(&mut stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 405 ") || answer.starts_with("HTTP/1.1 503 "),
            "{answer}"
        );
    }
}

/// Tries until a connection is served: the server frees the place of one that ended in its own time.
async fn served_at_last(server: &Server) {
    let tries = async {
        while !server.ask("GET", "/readyz").await.contains("not ready") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, tries)
        .await
        .expect("a place becomes free");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let server = start(Limits {
        connections: 2,
        ..GENEROUS
    });
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        one_answer(&mut stream).await;
        held.push(stream);
    }
    let mut third = server.connect().await;
    assert_eq!(until_closed(&mut third).await, "");
    // Those who have a place keep it.
    held[0]
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    one_answer(&mut held[0]).await;
    held.pop();
    served_at_last(&server).await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_holds_no_place() {
    // Enough plans that the answer fits no socket buffer: about 20 MB.
    let server = start_with(
        Limits {
            connections: 1,
            answer_time: SOON,
            ..GENEROUS
        },
        50_000,
    );
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    served_at_last(&server).await;
    let partial = until_closed(&mut stream).await;
    assert!(
        partial.starts_with("HTTP/1.1 200 ") && !partial.ends_with("# EOF\n"),
        "{}",
        partial.len()
    );
}

#[tokio::test]
async fn it_stops_when_told() {
    let server = start(Limits {
        heartbeat_time: Duration::from_secs(600),
        ..GENEROUS
    });
    let mut idle = server.connect().await;
    idle.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    one_answer(&mut idle).await;
    // This one will never answer: it waits for a main loop that is not there.
    let mut hopeless = server.connect().await;
    hopeless
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();

    server.stop.send(()).unwrap();
    assert_eq!(until_closed(&mut idle).await, "");
    assert_eq!(until_closed(&mut hopeless).await, "");
    tokio::time::timeout(PATIENCE, server.served)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    TcpStream::connect(server.address)
        .await
        .expect_err("nobody listens");
}
