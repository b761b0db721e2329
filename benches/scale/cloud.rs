//! Keystone and the API, as far as a poll needs them: a listing of so many plans, made up as it is asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};

use crate::documents;

pub struct Cloud {
    pub address: SocketAddr,
    /// Listings that were given to their end.
    pub listings: Arc<AtomicUsize>,
    /// Requests that came.
    pub asked: Arc<AtomicUsize>,
}

impl Cloud {
    /// With `count` plans, one of ten due at `due`.
    pub fn start(count: usize, due: DateTime<Utc>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let listings = Arc::new(AtomicUsize::new(0));
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = (Arc::clone(&listings), Arc::clone(&asked));
        std::thread::spawn(move || {
            for peer in listener.incoming().flatten() {
                let (given, asked) = counts.clone();
                std::thread::spawn(move || serve(peer, address, count, due, &given, &asked));
            }
        });
        Self {
            address,
            listings,
            asked,
        }
    }
}

fn serve(
    mut peer: TcpStream,
    address: SocketAddr,
    count: usize,
    due: DateTime<Utc>,
    given: &AtomicUsize,
    asked: &AtomicUsize,
) -> Option<()> {
    let mut reader = BufReader::new(peer.try_clone().ok()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).ok()? == 0 {
            return None;
        }
        asked.fetch_add(1, Ordering::Relaxed);
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(text) = header.strip_prefix("content-length:") {
                length = text.trim().parse().ok()?;
            }
        }
        std::io::copy(
            &mut std::io::Read::take(&mut reader, length),
            &mut std::io::sink(),
        )
        .ok()?;
        let path = first.split(' ').nth(1)?;
        let (status, more, body) = if path.contains("/auth/tokens") {
            ("201 Created", "X-Subject-Token: t\r\n", token(address))
        } else if path.contains("/jobs?") {
            let number = |name: &str| {
                let value = path.split(['?', '&']).find_map(|pair| pair.strip_prefix(name))?;
                value.parse::<usize>().ok()
            };
            let (limit, offset) = (number("limit=")?, number("offset=").unwrap_or(0));
            let end = count.min(offset.saturating_add(limit));
            if end == count && offset < count {
                given.fetch_add(1, Ordering::Relaxed);
            }
            let texts: Vec<String> = (offset..end)
                .map(|number| documents::document(number, &documents::schedule(number, due), 0))
                .collect();
            ("200 OK", "", documents::page(texts.iter().map(String::as_str)))
        } else if path.contains("/clients") {
            ("201 Created", "", "{}".to_owned())
        } else {
            ("404 Not Found", "", "{}".to_owned())
        };
        write!(
            peer,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
    }
}

fn token(address: SocketAddr) -> String {
    serde_json::json!({"token": {
        "expires_at": "2099-01-01T00:00:00.000000Z",
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "project": {"id": "p1", "name": "service", "domain": {"id": "default", "name": "Default"}},
        "user": {"id": "u1", "name": "freezer", "domain": {"id": "default", "name": "Default"}},
        "roles": [], "methods": ["password"],
        "catalog": [{"type": "backup", "name": "freezer", "id": "c1", "endpoints": [
            {"interface": "public", "url": format!("http://{address}"), "region": "r", "region_id": "r", "id": "e1"},
        ]}],
    }})
    .to_string()
}
