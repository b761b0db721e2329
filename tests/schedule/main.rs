//! Schedules against the world: vectors, oracles, audits. Unit tests stand by the code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here is a failed test"
)]

mod agreement;
mod audit;
mod bench;
mod kinds;
mod model;
mod properties;
mod rejections;
mod vectors;
mod windows;
