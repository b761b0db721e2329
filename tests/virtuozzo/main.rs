//! The Virtuozzo dialect, against a strict service of our own that is written from the only document there is
//! (a listing): the real program lists, checks, runs plans by an agent of the node or has the service run them.
//!
//! What the service does with a plan it was asked to start happens when a test says so, never by itself.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

#[path = "../daemon/bed.rs"]
#[allow(dead_code, reason = "of tests/daemon, which uses all of it")]
mod bed;
#[path = "../daemon/port.rs"]
mod port;
#[path = "../daemon/process.rs"]
#[allow(dead_code, reason = "of tests/daemon, which uses all of it")]
mod process;
#[path = "../freezer/server.rs"]
#[allow(dead_code, reason = "of tests/freezer, which uses all of it")]
mod server;
#[path = "../daemon/until.rs"]
#[allow(dead_code, reason = "of tests/daemon, which uses all of it")]
mod until;

mod service;

mod agent;
mod doubt;
mod event;
mod listing;
