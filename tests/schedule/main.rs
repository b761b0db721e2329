//! Schedules against the world: vectors, oracles, audits. Unit tests stand by the code.

#![expect(missing_docs, reason = "tests explain themselves by their names")]

mod bench;
mod vectors;
