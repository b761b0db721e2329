//! What strangers do at the port of a daemon with its own limits: who means well is served all the while, and what is due
//! runs.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use freezerd::clock::{Clock, SystemClock, pause_thread};
use freezerd::observe::http::Limits;

use crate::bed::{Bed, now};
use crate::process::Daemon;
use crate::punctual::{Watch, often};
use crate::until::{PATIENCE, until, until_is};

/// Between two bytes of one who trickles.
const BREATH: Duration = Duration::from_millis(100);

const METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";

fn connect(daemon: &Daemon) -> TcpStream {
    let stream = TcpStream::connect(daemon.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream
}

/// Whether the daemon closed this connection, without a word.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("set");
    let read = stream.read(&mut [0; 1]);
    stream.set_nonblocking(false).expect("set");
    match read {
        Ok(length) => {
            assert_eq!(length, 0, "it was not asked for anything");
            true
        }
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// All that comes before the connection is closed, or reset.
fn rest(stream: &mut TcpStream) -> String {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        all.extend_from_slice(&piece[..length]);
    }
    String::from_utf8(all).expect("text")
}

/// Asks for the metrics on a connection that stays open; whether they came.
fn gives_metrics(stream: &mut TcpStream) -> bool {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    if stream.write_all(METRICS).is_err() {
        return false;
    }
    while !all.ends_with(b"# EOF\n") {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => all.extend_from_slice(&piece[..length]),
            _ => return false,
        }
    }
    all.starts_with(b"HTTP/1.1 200 ")
}

/// Asks for the metrics on a new connection.
fn is_served(daemon: &Daemon) -> Option<()> {
    gives_metrics(&mut connect(daemon)).then_some(())
}

#[test]
fn strangers_at_its_port_hold_up_nobody() {
    let limits = Limits::default();
    let bed = Bed::new("");
    bed.put(&often());
    let daemon = Daemon::start(&bed);
    let (watch, from) = (Watch::over(&bed), now());

    // More than fit in: those who come too late are shown the door, those who are there stay.
    until("too many come at once", || {
        let clock = SystemClock::new();
        let mut guests: Vec<TcpStream> = (0..limits.connections).map(|_| connect(&daemon)).collect();
        let mut late: Vec<TcpStream> = (0..8).map(|_| connect(&daemon)).collect();
        until_is("they are closed", &true, || late.iter_mut().all(is_closed));
        let served = guests.iter_mut().step_by(10).all(gives_metrics);
        // On a machine so slow that guests were there for too long this is not to be seen.
        let in_time = clock.monotonic() < limits.request_time;
        (in_time && served && !guests.iter_mut().any(is_closed)).then_some(())
    });
    // Their places become free when they are gone.
    until("it is served", || is_served(&daemon));

    // More than is read.
    until("it is refused", || {
        let mut greedy = connect(&daemon);
        let long = "y".repeat(limits.head_bytes);
        let _ = write!(greedy, "GET /metrics HTTP/1.1\r\nX: {long}\r\n\r\n");
        rest(&mut greedy).starts_with("HTTP/1.1 431 ").then_some(())
    });

    // A byte now and then: no silence, and no end.
    let (clock, since) = (SystemClock::new(), SystemClock::new());
    let (begins, begun) = mpsc::channel();
    let mut reads = connect(&daemon);
    let mut writes = reads.try_clone().expect("a second handle");
    let trickler = std::thread::spawn(move || {
        let _ = writes.write_all(b"GET / HTTP/1.1\r\nX: ");
        let _ = begins.send(());
        while clock.monotonic() < PATIENCE && writes.write_all(b"y").is_ok() {
            pause_thread(BREATH);
        }
        clock.monotonic()
    });
    begun.recv().expect("it trickles");
    // Whoever waited for the trickler would be served when that one's time is over.
    until("others are served", || is_served(&daemon));
    let waited = since.monotonic();
    assert!(waited < limits.request_time, "others are served after {waited:?}");
    until("others are served to its end", || {
        until("they are served", || is_served(&daemon));
        trickler.is_finished().then_some(())
    });
    let took = trickler.join().expect("it trickled");
    assert!(
        (limits.request_time..PATIENCE).contains(&took),
        "closed after {took:?}"
    );
    assert_eq!(rest(&mut reads), "", "nothing was asked to the end");
    watch.punctual_since(from);
    assert!(daemon.stop().success());
}
