//! freezerd against the real services: Keystone, freezer-api and freezer-agent, as `up.sh` brings them up.
//!
//! Everything here is the real thing: plans are made and read with python-freezerclient, freezerd is a
//! process of its own, and backups are restored by freezer-agent and compared byte for byte. What can be
//! tested without the services is tested elsewhere, in virtual time; so this is also the only place that waits
//! for real seconds, and only through [`eventually::eventually`].
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod backups;
mod command;
mod daemon;
mod eventually;
mod incumbent;
mod node;
mod services;
mod session;
mod user;

mod api_away;
mod central;
mod cinder;
mod clients;
mod conformance;
mod end_to_end;
mod killed;
mod migration;
mod registration;
mod sessions;
mod stack_itself;
