//! Sources without a service: a saved listing, a folder of job documents, and changes of them.

#![expect(clippy::expect_used, reason = "a test says what it expected")]

mod copy;
mod file;
mod folder;
mod watch;
