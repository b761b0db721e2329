//! `freezerd run` as its user meets it: the real program on a folder of plans, or on an API of our own on
//! loopback, with a small shell script for an agent.
//!
//! Nothing here sleeps for a guess. A test waits for what it expects to see (a line of the log, of the
//! agents' diary, a row of the ledger, a metric), until a deadline that only a failure reaches.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

mod bed;
#[path = "../freezer/certificate.rs"]
mod certificate;
mod clock_behind;
mod cloud;
mod copy;
mod open_files;
mod port;
mod process;
mod pruned;
mod punctual;
#[path = "../freezer/server.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod server;
#[path = "../freezer/shelf.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod shelf;
mod until;

mod api_away;
mod auto;
mod certificates;
mod crashes;
mod damaged;
mod dispatch;
mod folder;
mod full_disk;
mod hostile;
mod http_limits;
mod idle;
mod observed;
mod questions;
mod refusals;
mod reload;
mod secrets;
mod shadow;
mod stopping;
mod systemd;
mod unread;
