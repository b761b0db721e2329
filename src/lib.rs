//! freezerd: the scheduler daemon of OpenStack Freezer and Virtuozzo backup nodes.
//!
//! One promise holds the house together: **every due time of every plan ends in exactly one recorded
//! verdict: it ran, or there is a true reason why not.** ARCHITECTURE.md has the picture of the rooms and
//! of the arrows between them; each room's `mod.rs` says why it exists and what it must not use.
//!
//! This library exists for the `freezerd` program and its tests; it promises no API to anybody else.

// A server of the tests outside is used inside, too.
#[cfg(test)]
extern crate self as freezerd;

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod failpoint;
pub mod freezer;
pub mod launch;
pub mod ledger;
pub mod observe;
pub mod output;
pub mod plan;
pub mod planner;
pub mod schedule;
pub mod source;
pub mod zones;
