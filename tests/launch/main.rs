//! Launching, with real processes: agents are small shell scripts, supervisors are freezerd itself.
//!
//! Nothing here sleeps for a guess: a test waits for an event, a pipe or a file, with a time-out that only a
//! failure reaches. Scripts and tests meet at named pipes in the bed's directory, `$BED`.

mod aborts;
mod bed;
mod hygiene;
mod ini_python;
mod outcomes;
mod survival;
mod traces;
