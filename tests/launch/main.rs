//! Launching, with real processes: agents are small shell scripts, supervisors are freezerd itself.
//!
//! Nothing here sleeps for a guess: a test waits for an event, a pipe or a file, with a time-out that only a
//! failure reaches. Scripts and tests meet at named pipes in the bed's directory, `$BED`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed; the lints' own exception does not reach what tests call"
)]

mod aborts;
mod ahead;
mod bed;
mod further;
mod hygiene;
mod ini_python;
mod limits;
mod outcomes;
mod supervisor;
mod survival;
mod traces;
