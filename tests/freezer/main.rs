//! The freezer room against a small server of its own on loopback: for faults that the real services
//! cannot be made to show. The real ones are met in tests/stack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backups;
mod bounds;
mod certificate;
mod drafts;
mod faults;
mod listing;
mod register;
mod reports;
mod secrets;
mod server;
mod sessions;
mod shelf;
mod tls;
mod tokens;
mod trusts;
