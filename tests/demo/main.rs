//! `make demo`, and the small tar-based agent that it uses: a newcomer's first sight of freezerd must not fail.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

#[path = "../stack/command.rs"]
mod command;
#[path = "../stack/eventually.rs"]
mod eventually;

mod agent;
mod demo;
