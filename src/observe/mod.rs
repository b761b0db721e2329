//! Observation: what an operator, Prometheus and systemd see of the daemon.
//!
//! Metrics, a small HTTP server that only reads (`/metrics`, `/healthz`, `/readyz`), logs, and systemd's
//! notifications. It shows what others decided; nothing here decides, and nothing waits for it.
//! May use: `planner`'s and `plan`'s words, `schedule`'s due times, `clock`, `output`. Must not use: `ledger`,
//! `freezer`, `launch`, `config`, `daemon`: those hand it what it shows.

pub mod health;
pub mod http;
pub mod logs;
pub mod metrics;
pub mod notify;

/// Text for one line of a status or a plain-text answer: no control characters, at most 400 characters.
fn one_line(text: &str) -> String {
    text.chars()
        .take(400)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}
