//! What others see of the daemon: metrics, alert rules, and the HTTP server over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on panics"
)]

mod http;
mod metrics;
mod rules;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use freezerd::clock::Clock;
use freezerd::observe::metrics::{Metrics, MetricsSettings};

/// A clock that stands still.
struct Still(DateTime<Utc>);

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Metrics at 2026-03-29T01:00:00Z, polled each minute.
fn metrics(plan_limit: usize) -> Metrics {
    let settings = MetricsSettings {
        plan_limit,
        poll_every: Some(Duration::from_secs(60)),
        shadow: false,
    };
    Metrics::new(settings, Arc::new(Still(at("2026-03-29T01:00:00Z"))))
}

/// Runs a tool of `scripts/test-tools.sh` (which installs what is missing) on `input`; its output must be
/// a success.
fn tool(program: &str, arguments: &[&str], input: &str) -> String {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Command::new(home.join("scripts/test-tools.sh"))
        .status()
        .expect("scripts/test-tools.sh");
    assert!(
        installed.success(),
        "scripts/test-tools.sh could not install the tools"
    );
    // promtool may have been taken out of its package into the project's own folder.
    let own = home.join(".tools/bin").join(program);
    let found = if own.exists() { own } else { program.into() };
    let mut child = Command::new(found)
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{said}\n{input}",
        output.status
    );
    said
}
