//! The daemon: the only place that wires the rooms together.

pub mod engine;
pub mod recipes;
