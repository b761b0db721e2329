//! The planner: (state, now, input) -> effects. All decisions are made here; nothing else decides.
//!
//! PURE: no I/O, reads no clock. May use: `plan`, `schedule`. Must not use: any other room.

mod run;

pub use run::{Outcome, Reason, Record, Report, RunId, RunRecord, RunState, Verdict, VerdictRecord};
