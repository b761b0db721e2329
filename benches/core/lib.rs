//! The pure core of freezerd, compiled by itself (Cargo.toml says why). That this compiles at all shows that the
//! core uses nothing of the shell.

#[path = "../../src/plan/mod.rs"]
pub mod plan;
#[path = "../../src/planner/mod.rs"]
pub mod planner;
#[path = "../../src/schedule/mod.rs"]
pub mod schedule;
#[path = "../../src/zones/mod.rs"]
pub mod zones;

pub mod samples;
